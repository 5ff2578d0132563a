"""Times reading against fabio and against h5py with hdf5plugin: the same files, the same minute, by turns.

Usage: python tools/bench/io_peers.py [FOLDER]

Makes the files in FOLDER (a temporary one by default; about 1 GB), builds the example `io_times` of
xscatter-io and runs both sides by turns: in each round every program reads each file several times. What is
printed is the median of all readings of a program, and ours over theirs, as a table in Markdown. One thread
unless the row says otherwise.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "HDF5_USE_FILE_LOCKING"]:
    os.environ[name] = "FALSE" if name.endswith("LOCKING") else "1"

import fabio  # noqa: E402
import h5py  # noqa: E402
import hdf5plugin  # noqa: E402
import numpy  # noqa: E402

ROUNDS, READS = 7, 7
EIGER = (2162, 2068)
PILATUS = (2527, 2463)


def make(folder):
    """A PILATUS 6M as CBF, EDF and TIFF; an EIGER2 4M series; long series of small frames."""
    rng = numpy.random.default_rng(1)
    pilatus = rng.poisson(3, PILATUS).astype("int32")
    for gap in range(195, PILATUS[0], 212):
        pilatus[gap:gap + 17] = -1
    pilatus[1200:1230, 1200:1230] = rng.poisson(1e5, (30, 30))
    fabio.cbfimage.CbfImage(data=pilatus).save(str(folder / "6m.cbf"))
    (folder / "series").mkdir(exist_ok=True)
    for index in range(8):
        (folder / "series" / f"f_{index}.cbf").write_bytes((folder / "6m.cbf").read_bytes())
    fabio.edfimage.EdfImage(data=pilatus).save(str(folder / "6m.edf"))
    fabio.tifimage.TifImage(data=pilatus).save(str(folder / "6m.tif"))
    eiger = rng.poisson(1, (8, *EIGER)).astype("uint32")
    eiger[:, 500:540] = 2**32 - 1
    for name in ["lz4", "zstd"]:
        with h5py.File(folder / f"4m_{name}.h5", "w") as file:
            file.create_dataset("entry/data/data", data=eiger, chunks=(1, *EIGER), **hdf5plugin.Bitshuffle(cname=name))
    small = rng.poisson(3, (256, 256)).astype("int32")
    (folder / "folder").mkdir(exist_ok=True)
    fabio.cbfimage.CbfImage(data=small).save(str(folder / "folder" / "f_1.cbf"))
    content = (folder / "folder" / "f_1.cbf").read_bytes()
    for index in range(2, 10_001):
        (folder / "folder" / f"f_{index}.cbf").write_bytes(content)
    fabio.edfimage.EdfImage(data=small[:64, :64]).save(str(folder / "one.edf"))
    (folder / "20000.edf").write_bytes((folder / "one.edf").read_bytes() * 20_000)


def timed(run):
    taken = []
    for _ in range(READS):
        start = time.perf_counter()
        run()
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


class Ours:
    def __init__(self, program, threads):
        env = dict(os.environ, RAYON_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, job):
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def h5py_reader(path):
    data = h5py.File(path)["entry/data/data"]
    out = numpy.empty((1, *EIGER), "uint32")
    place = iter(range(10**9))

    def read():
        index = next(place) % 8
        data.read_direct(out, numpy.s_[index:index + 1])

    return read


def main(folder):
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "xscatter-io", "--example", "io_times"], cwd=root, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=root, check=True, capture_output=True)
    program = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release/examples/io_times"
    make(folder)
    one, two = Ours(program, 1), Ours(program, 2)
    frame_bytes = PILATUS[0] * PILATUS[1] * 4
    pairs = [
        ("EIGER2 4M u32 bitshuffle-LZ4, h5py + hdf5plugin", 0.8, h5py_reader(folder / "4m_lz4.h5"), f"frames {READS} {folder}/4m_lz4.h5"),
        ("EIGER2 4M u32 bitshuffle-zstd, h5py + hdf5plugin", 1.0, h5py_reader(folder / "4m_zstd.h5"), f"frames {READS} {folder}/4m_zstd.h5"),
    ]
    for name, asked, file in [("CBF 6M with MD5, fabio", 0.5, "6m.cbf"), ("TIFF 6M i32, fabio", 0.3, "6m.tif"), ("EDF 6M i32, fabio", None, "6m.edf")]:
        path = str(folder / file)
        pairs.append((name, asked, lambda path=path: fabio.open(path).data.shape, f"read {READS} {path}"))
    peers = {name: [] for name, *_ in pairs}
    ours = {name: [] for name, *_ in pairs}
    alone = {"copy": [], "edf": [], "one": [], "two": [], "series": []}
    for _, _, peer, job in pairs:
        peer()
        one(job)
    for _ in range(ROUNDS):
        for name, _, peer, job in pairs:
            peers[name] += timed(peer)
            ours[name] += one(job)
        alone["copy"] += one(f"copy {READS} {frame_bytes}")
        alone["edf"] += one(f"frames {READS} {folder}/6m.edf")
        alone["one"] += one(f"both {READS} {folder}/4m_lz4.h5")
        alone["two"] += two(f"both {READS} {folder}/4m_lz4.h5")
        alone["series"] += one(f"series {READS} {folder}/series")
    print("| what, peer | peer ms | ours ms | ours / peer | asked |")
    print("|---|---|---|---|---|")
    for name, asked, *_ in pairs:
        theirs, our = statistics.median(peers[name]), statistics.median(ours[name])
        print(f"| {name} | {theirs:.2f} | {our:.2f} | {our / theirs:.2f} | {'' if asked is None else f'≤ {asked}'} |")
    copy, edf = statistics.median(alone["copy"]), statistics.median(alone["edf"])
    print(f"| EDF 6M i32 of an open file, a memory copy of its pixels | {copy:.2f} | {edf:.2f} | {edf / copy:.2f} | ≤ 1.2 |")
    fabio_cbf, series = statistics.median(peers["CBF 6M with MD5, fabio"]), statistics.median(alone["series"])
    print(f"| CBF 6M with MD5 and masks, eight files of a series in one call; fabio | {fabio_cbf:.2f} | {series:.2f} | {series / fabio_cbf:.2f} | ≤ 0.5 |")
    single, double = statistics.median(alone["one"]), statistics.median(alone["two"])
    print(f"| EIGER2 4M bitshuffle-LZ4, eight frames on two threads, ours on one | {single:.2f} | {double:.2f} | {single / double:.2f} times as fast | ≥ 1.8 |")
    for name, path in [("10,000 files in a folder", folder / "folder"), ("20,000 frames in an EDF", folder / "20000.edf")]:
        print(f"| {name}, to the first frame | | {Ours(program, 2)(f'first {path}')[0]:.0f} | | ≤ 1000 |")
        print(f"| {name}, peak memory beside the frames in flight, MiB | | {Ours(program, 2)(f'memory {path}')[0]:.0f} | | ≤ 64 |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(pathlib.Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(pathlib.Path(temporary))
