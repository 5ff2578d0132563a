"""Golden files of the HDF5 reader of xscatter-io: which dataset is the image, and where a series ends.

Usage: python tools/golden/io_hdf5.py crates/xscatter-io/tests/golden/hdf5.json

Tiny files by h5py and hdf5plugin with synthetic pixels: frame f has the value (1000 f + 37 row + 11 column) % 997.
"""

import base64
import datetime
import json
import pathlib
import sys
import tempfile
import zlib

import h5py
import hdf5plugin
import numpy

SHAPE = (24, 20)


def values(frame, dtype="u2"):
    rows, columns = numpy.indices(SHAPE)
    return ((frame * 1000 + rows * 37 + columns * 11) % 997).astype(dtype)


def stack(first, count):
    return numpy.stack([values(frame) for frame in range(first, first + count)])


def packed(content):
    return base64.b64encode(zlib.compress(content, 9)).decode()


def channels(folder):
    """DECTRIS 2024: images and thresholds as two axes of a virtual dataset, a mask for each threshold."""
    for part in range(2):
        with h5py.File(folder / f"run_data_{part + 1:06d}.h5", "w") as file:
            data = stack(part * 6, 6).reshape(3, 2, *SHAPE)
            file.create_dataset("entry/data/data", data=data, chunks=(1, 1, *SHAPE),
                                **hdf5plugin.Bitshuffle(cname="lz4"))
    with h5py.File(folder / "run_master.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout((6, 2, *SHAPE), "u2")
        for part in range(2):
            source = h5py.VirtualSource(f"run_data_{part + 1:06d}.h5", "entry/data/data", (3, 2, *SHAPE))
            layout[part * 3:part * 3 + 3] = source
        group = file.create_group("entry/data")
        group.create_virtual_dataset("data", layout)
        group.attrs["signal"] = "data"
        group["channel"] = ["threshold_1", "threshold_2"]
        for number in (1, 2):
            mask = numpy.zeros(SHAPE, "u4")
            mask[number, :] = 1
            file[f"entry/instrument/detector/threshold_{number}_channel/pixel_mask"] = mask
    return "run_master.h5"


def default(folder):
    """The attributes `default` lead past the first image to another one."""
    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "processed"
        entry["data/data"] = values(9)
        entry["data"].attrs["signal"] = "data"
        entry["processed/intensity"] = values(0)
        entry["processed"].attrs["signal"] = "intensity"
    return "a.h5"


def legacy_signal(folder):
    """NeXus before 2014: the dataset says that it is the signal."""
    with h5py.File(folder / "a.h5", "w", libver="earliest") as file:
        file["entry/a_image"] = values(7)
        file["entry/counts"] = values(0)
        file["entry/counts"].attrs["signal"] = 1
        file["entry/z_image"] = values(8)
    return "a.h5"


def deep(folder):
    """An array of five axes beside an image."""
    with h5py.File(folder / "a.h5", "w") as file:
        file["scan/maps"] = stack(0, 8).reshape(2, 2, 2, *SHAPE)
        file["scan/curve"] = numpy.arange(30.0)
        file["entry/data/data"] = values(99)
    return "a.h5"


def cut(folder):
    """A master whose last data file lost its end: three of its four frames are there."""
    for part, count in enumerate((2, 4)):
        path = folder / f"run_data_{part + 1:06d}.h5"
        with h5py.File(path, "w") as file:
            data = file.create_dataset("entry/data/data", shape=(count, *SHAPE), dtype="u2", chunks=(1, *SHAPE))
            for frame in range(count):
                data[frame] = values(2 * part + frame)
                file.flush()
            last = data.id.get_chunk_info_by_coord((count - 1, 0, 0))
    content = path.read_bytes()
    path.write_bytes(content[:last.byte_offset + last.size // 2])
    with h5py.File(folder / "run_master.h5", "w") as file:
        for part in (1, 2):
            file[f"entry/data/data_{part:06d}"] = h5py.ExternalLink(f"run_data_{part:06d}.h5", "/entry/data/data")
    return "run_master.h5"


def linked_group(folder):
    """A master whose entry is a group of another file."""
    with h5py.File(folder / "scan.h5", "w") as file:
        file["entry/measurement/data"] = stack(0, 3)
        file["entry/instrument/detector/count_time"] = 0.5
    with h5py.File(folder / "master.h5", "w") as file:
        file["1.1"] = h5py.ExternalLink("scan.h5", "/entry")
    return "master.h5"


def many_chunks(folder):
    """Images in tiles, big-endian, behind a user block."""
    with h5py.File(folder / "a.h5", "w", userblock_size=512, libver="latest") as file:
        file.create_dataset("entry/data/data", data=stack(0, 3).astype(">i4"), chunks=(2, 7, 6), compression="gzip",
                            shuffle=True, fletcher32=True, maxshape=(None, *SHAPE))
    return "a.h5"


def modules(folder):
    """Three modules of a LAMBDA detector with gaps between them; the first pixel of each is flagged."""
    data = stack(0, 2).astype("i4")
    places = [(0, 0, 10, 20), (14, 0, 10, 8), (14, 12, 10, 8)]
    for number, (row, column, rows, columns) in enumerate(places, 1):
        with h5py.File(folder / f"run_m{number:02d}.nxs", "w") as file:
            detector = file.create_group("entry/instrument/detector")
            detector["description"] = "Lambda"
            part = data[:, row:row + rows, column:column + columns]
            detector.create_dataset("data", data=part, chunks=(1, rows, columns), compression="gzip")
            mask = numpy.zeros((1, rows, columns), "u4")
            mask[0, 0, 0] = 2
            detector["pixel_mask"] = mask
            detector["translation/distance"] = numpy.array([column + 5, row - 3, 0], "f4")
            detector["translation/distance"].attrs["units"] = "pixel"
    return "run_m01.nxs"


def main(out):
    cases = []
    for write in (channels, default, legacy_signal, deep, cut, linked_group, many_chunks, modules):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            first = write(folder)
            others = sorted(path.name for path in folder.iterdir() if path.name != first)
            cases.append({
                "name": write.__name__,
                "frames": 0,
                "dtype": "",
                "files": [{"name": name, "zlib_base64": packed((folder / name).read_bytes())} for name in [first, *others]],
            })
    golden = {
        "provenance": {
            "program": "h5py, hdf5plugin",
            "version": f"h5py {h5py.__version__} (HDF5 {h5py.version.hdf5_version}), hdf5plugin {hdf5plugin.version}",
            "script": "tools/golden/io_hdf5.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.0,
            "why": "pixels are compared to the bit",
        },
        "cases": cases,
    }
    pathlib.Path(out).write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
