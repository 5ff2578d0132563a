"""Reads what xscatter-io writes with fabio, h5py, hdf5plugin and numpy, and compares it bit for bit.

Usage: python tools/check/written_files.py

Builds and runs the example `write_formats` of xscatter-io. Exit status 1 if anything differs.
"""

import pathlib
import subprocess
import sys
import tempfile

import fabio
import h5py
import hdf5plugin  # noqa: F401  (registers the filters)
import numpy

SHAPE = (24, 20)
DTYPES = {"I32": "int32", "U16": "uint16", "U32": "uint32", "F32": "float32"}


def expected(frame, dtype, masked):
    rows, columns = numpy.indices(SHAPE)
    values = ((1000 * frame + 37 * rows + 11 * columns) % 997).astype(dtype)
    if masked:
        kind = numpy.dtype(dtype).kind
        gap, bad = {"i": (-1, -2), "f": (numpy.nan, numpy.nan)}.get(kind, (numpy.iinfo(dtype).max,) * 2 if kind == "u" else None)
        values[4] = gap
        values[5, 6] = bad
    return values


def frames(path):
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            data = file["entry/data/data"]
            assert file["entry"].attrs["NX_class"] == "NXentry" and file["entry/definition"][()].decode() == "NXsas"
            assert file["entry/data"].attrs["signal"] == "data"
            detector = file["entry/instrument/detector"]
            assert detector["count_time"][()] == 0.25 and detector["distance"][()] == 1.5
            assert detector["beam_center_x"].attrs["units"] == "pixel"
            mask = detector["pixel_mask"][()]
            assert (mask[4] == 1).all() and mask[5, 6] == 2 and (mask != 0).sum() == SHAPE[1] + 1
            return list(data[()])
    if path.suffix == ".npy":
        return list(numpy.load(path))
    with fabio.open(str(path)) as image:
        if path.suffix == ".edf":
            assert image.header["Sample"] == "film 7" and float(image.header["dist"]) == 1.5
        if path.suffix == ".cbf":
            assert image.pilatus_headers["Exposure_time"] == 0.25
        return [image.get_frame(index).data for index in range(image.nframes)]


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        command = ["cargo", "run", "--quiet", "-p", "xscatter-io", "--example", "write_formats", "--", folder]
        subprocess.run(command, cwd=root, check=True)
        for path in sorted(pathlib.Path(folder).iterdir()):
            dtype = DTYPES[path.name.split("-")[0]]
            masked = path.suffix != ".npy" or numpy.dtype(dtype).kind != "u"
            found = frames(path)
            count = 1 if path.suffix in (".cbf", ".tif") else 3
            same = len(found) == count and all(
                data.dtype == dtype and data.tobytes() == expected(index, dtype, masked).tobytes()
                for index, data in enumerate(found)
            )
            wrong += not same
            print(f"{'same' if same else 'DIFFERS':8}{path.name}: {len(found)} frames of {found[0].dtype}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
