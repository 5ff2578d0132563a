"""Golden values of xscatter-io: numbers of real files, and tiny files written by other programs.

Usage: python tools/golden/io_reference.py DATA crates/xscatter-io/tests/golden/reference.json

DATA is the folder with real detector files and its manifest.csv. Of those files numbers are kept, never
arrays. The tiny files hold synthetic pixels: value(frame, row, column), see below and the tests.
"""

import base64
import csv
import datetime
import gzip
import io
import json
import pathlib
import struct
import sys
import tempfile
import zlib

import fabio
import h5py
import hdf5plugin
import numpy
import PIL
import tifffile
from PIL import Image

SHAPE = (24, 20)
IMAGES_IN_HDF5 = {
    "APS-USAXS__Matilda": "entry/data/data",
    "zyffcc__gisaxs_gui": "entry/instrument/detector/data",
    "SasView__sasdata": "sasentry01/sasdata/I",
}


def values(frame=0, dtype="int32", shape=SHAPE):
    """The pixels of the synthetic files."""
    rows, columns = numpy.indices(shape)
    return ((frame * 1000 + rows * 37 + columns * 11) % 997).astype(dtype)


def is_nist_text(row):
    return row["format"].startswith("NIST")


def of_nist_text(path):
    qx, qy, intensity = numpy.loadtxt(path, skiprows=2, usecols=(0, 1, 2)).T
    assert (qx == numpy.tile(numpy.unique(qx), len(numpy.unique(qy)))).all()
    return intensity.reshape(len(numpy.unique(qy)), -1)


def real_array(path, relative):
    if path.suffix == ".dat":
        return of_nist_text(path)
    if path.suffix == ".npy":
        return numpy.load(path)
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            return file[IMAGES_IN_HDF5[relative.split("/")[0]]][()]
    if path.suffix == ".mask":
        # fabio leaves a compressed TIFF to Pillow, which has no uint32 and gives the int32 of the manifest.
        return tifffile.imread(path)
    with fabio.open(str(path)) as image:
        return image.data


def exact_sum(array):
    if array.dtype.kind == "f":
        return repr(float(numpy.sum(array, dtype="f8")))
    return str(int(numpy.sum(array.astype("i8"), dtype="i8")))


def number(value):
    return repr(float(value)) if value.dtype.kind == "f" else str(int(value))


def real(folder):
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            shape = row["shape"].split("x")
            image = len(shape) in (2, 3) and all(part.isdigit() for part in shape)
            text = row["dtype"] == "text" or row["format"].startswith(("PNG", "text"))
            if not is_nist_text(row) and (not image or text):
                continue
            array = real_array(folder / row["file"], row["file"])
            frames = array.shape[0] if array.ndim == 3 else 1
            array = array.reshape(-1, array.shape[-1])
            rows, columns = array.shape
            places = [(0, 0), (rows // 3, columns // 5), (rows - 1, columns - 1)]
            yield {
                "file": row["file"],
                "frames": frames,
                "shape": [rows // frames, columns],
                "dtype": str(array.dtype.newbyteorder("=")),
                "sum": exact_sum(array),
                "min": number(array.min()),
                "max": number(array.max()),
                "probes": [[r, c, number(array[r, c].astype(array.dtype.newbyteorder("=")))] for r, c in places],
            }


def packed(content):
    return base64.b64encode(zlib.compress(content, 9)).decode()


def hdf5(write, **options):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        write(file)
    return buffer.getvalue()


def eiger_data(first, count):
    def write(file):
        data = numpy.stack([values(i, "u2") for i in range(first, first + count)])
        data[:, 3, 4] = 65535
        set_ = file.create_dataset("entry/data/data", data=data, chunks=(1, *SHAPE),
                                   **hdf5plugin.Bitshuffle(cname="lz4"))
        set_.attrs["image_nr_low"] = first + 1
        set_.attrs["image_nr_high"] = first + count
    return hdf5(write)


def eiger_master(file, parts):
    for part in range(1, parts + 1):
        file[f"entry/data/data_{part:06d}"] = h5py.ExternalLink(f"run_data_{part:06d}.h5", "/entry/data/data")
    detector = file.create_group("entry/instrument/detector")
    detector["description"] = "synthetic"
    for name, value, units in [("beam_center_x", 10.5, "pixel"), ("beam_center_y", 12.25, "pixel"),
                               ("count_time", 0.25, "s"), ("detector_distance", 1.5, "m"),
                               ("x_pixel_size", 7.5e-5, "m"), ("y_pixel_size", 7.5e-5, "m")]:
        detector[name] = value
        detector[name].attrs["units"] = units
    mask = numpy.zeros(SHAPE, "u4")
    mask[5, :], mask[7, 8], mask[9, 9] = 1, 2, 1 << 31
    detector.create_dataset("detectorSpecific/pixel_mask", data=mask, chunks=SHAPE,
                            **hdf5plugin.Bitshuffle(cname="lz4"))
    detector["detectorSpecific/nimages"] = 6
    detector["detectorSpecific/ntrigger"] = 1
    file["entry/instrument/beam/incident_wavelength"] = numpy.array([1.5])
    file["entry/instrument/beam/incident_wavelength"].attrs["units"] = "angstrom"


def virtual(file):
    layout = h5py.VirtualLayout((6, *SHAPE), "u2")
    layout[:4] = h5py.VirtualSource("run_data_000001.h5", "/entry/data/data", (4, *SHAPE))
    layout[4:] = h5py.VirtualSource("run_data_000002.h5", "/entry/data/data", (2, *SHAPE))
    file.create_virtual_dataset("entry/data/data", layout)


def filter_mask(file):
    data = file.create_dataset("entry/data/data", (2, *SHAPE), "i4", chunks=(1, *SHAPE), compression="gzip")
    data.id.write_direct_chunk((0, 0, 0), values(0).tobytes(), filter_mask=1)
    data.id.write_direct_chunk((1, 0, 0), zlib.compress(values(1).tobytes()), filter_mask=0)


def tiled(dtype, **options):
    def write(file):
        data = numpy.stack([values(i, dtype) for i in range(5)])
        file.create_dataset("entry/data/data", data=data, **options)
    return write


def unwritten(file):
    data = file.create_dataset("entry/data/data", (2, *SHAPE), "i4", chunks=(1, *SHAPE), compression="gzip",
                               fillvalue=-1)
    data[0] = values(0)


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def saved(array):
    buffer = io.BytesIO()
    numpy.save(buffer, array)
    return buffer.getvalue()


def nist_text():
    qx, qy = numpy.meshgrid(numpy.arange(SHAPE[1]) * 0.002 - 0.019, numpy.arange(SHAPE[0]) * 0.002 - 0.023)
    columns = [qx.ravel(), qy.ravel(), values().ravel(), numpy.sqrt(values().ravel())]
    buffer = io.BytesIO()
    numpy.savetxt(buffer, numpy.column_stack(columns), fmt="%.6g", delimiter="  ", newline="\r\n",
                  header="Data columns Qx - Qy - I(Qx,Qy) - err(I)\r\nASCII data", comments="")
    return buffer.getvalue()


def by_fabio(image, name):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        image.save(str(path))
        return path.read_bytes()


def edf(dtype, frames):
    image = fabio.edfimage.EdfImage(data=values(0, dtype), header={"Sample": "film 7", "dist": "1.5"})
    for index in range(1, frames):
        image.append_frame(data=values(index, dtype), header={"Sample": "film 8"})
    return by_fabio(image, "x.edf")


def members(content):
    half = len(content) // 2
    return gzip.compress(content[:half], mtime=0) + gzip.compress(content[half:], mtime=0)


def foreign():
    """Tiny files by other programs: (files, what opening the first must give)."""
    eiger = {"run_data_000001.h5": eiger_data(0, 4), "run_data_000002.h5": eiger_data(4, 2)}
    i4, u2 = "int32", "uint16"
    yield "eiger master", {"run_master.h5": hdf5(lambda f: eiger_master(f, 2))} | eiger, 6, u2
    yield "eiger virtual", {"run_virtual.h5": hdf5(virtual, libver="latest")} | eiger, 6, u2
    aborted = {"run_master.h5": hdf5(lambda f: eiger_master(f, 3))} | eiger
    yield "eiger aborted", aborted, 6, u2
    yield "filter mask", {"a.h5": hdf5(filter_mask)}, 2, i4
    many = dict(chunks=(2, 10, 7), compression="gzip", shuffle=True)
    yield "chunks of parts of two frames", {"a.h5": hdf5(tiled(">u2", **many))}, 5, u2
    yield "libver latest", {"a.h5": hdf5(tiled("i4", **many), libver="latest")}, 5, i4
    yield "fletcher32", {"a.h5": hdf5(tiled("i4", chunks=(1, *SHAPE), fletcher32=True))}, 5, i4
    yield "lz4", {"a.h5": hdf5(tiled("i4", chunks=(1, *SHAPE), **hdf5plugin.LZ4()))}, 5, i4
    yield "bitshuffle none", {"a.h5": hdf5(tiled("i4", chunks=(1, *SHAPE), **hdf5plugin.Bitshuffle(cname="none")))}, 5, i4
    yield "contiguous", {"a.h5": hdf5(tiled("f4"))}, 5, "float32"
    yield "user block", {"a.h5": hdf5(tiled("i4"), userblock_size=512)}, 5, i4
    yield "unwritten chunk", {"a.h5": hdf5(unwritten)}, 2, i4
    yield "edf", {"a.edf": edf("i4", 3)}, 3, i4
    yield "edf float64", {"a.edf": edf("f8", 1)}, 1, "float64"
    yield "edf gzip members", {"a.edf.gz": members(edf("u2", 2))}, 2, u2
    yield "cbf", {"a.cbf": by_fabio(fabio.cbfimage.CbfImage(data=values(0)), "x.cbf")}, 1, i4
    yield "tiff big-endian", {"a.tif": tiff(values(0, ">u2"), byteorder=">")}, 1, u2
    yield "tiff strips", {"a.tif": tiff(values(0, "i4"), rowsperstrip=5)}, 1, i4
    yield "tiff deflate", {"a.tif": tiff(values(0, "f4"), compression="zlib", rowsperstrip=7)}, 1, "float32"
    lzw = io.BytesIO()
    Image.fromarray(values(0, "u2")).save(lzw, "TIFF", compression="tiff_lzw")
    yield "tiff lzw", {"a.tif": lzw.getvalue()}, 1, u2
    yield "tiff tiles", {"a.tif": tiff(values(0, "u4"), tile=(16, 16))}, 1, "uint32"
    yield "tiff big", {"a.tif": tiff(values(0, "i4"), bigtiff=True)}, 1, i4
    pages = numpy.stack([values(i, "u2") for i in range(3)])
    yield "tiff pages", {"a.tif": tiff(pages, photometric="minisblack", metadata=None)}, 3, u2
    stack = tiff(pages, imagej=True)
    yield "tiff ImageJ", {"a.tif": stack}, 3, u2
    # Of stacks beyond 4 GiB ImageJ writes the first directory alone.
    place = struct.unpack_from("<I", stack, 4)[0]
    place += 2 + 12 * struct.unpack_from("<H", stack, place)[0]
    yield "tiff ImageJ of one directory", {"a.tif": stack[:place] + bytes(4) + stack[place + 4:]}, 3, u2
    yield "npy big-endian", {"a.npy": saved(values(0, ">i4"))}, 1, i4
    yield "npy Fortran", {"a.npy": saved(numpy.asfortranarray(values(0, "f8")))}, 1, "float64"
    yield "npy stack", {"a.npy": saved(pages)}, 3, u2
    yield "nist 2d text", {"a.dat": nist_text()}, 1, "float64"


def main(data, path):
    golden = {
        "provenance": {
            "program": "fabio, h5py with hdf5plugin, tifffile, numpy, Pillow",
            "version": ", ".join([fabio.version, h5py.__version__, hdf5plugin.version, tifffile.__version__,
                                  numpy.__version__, PIL.__version__]),
            "script": "tools/golden/io_reference.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "integers are exact; sums of floats differ in their order only",
        },
        "cases": {
            "real": list(real(pathlib.Path(data))),
            "foreign": [
                {"name": name, "frames": frames, "dtype": dtype,
                 "files": [{"name": file, "zlib_base64": packed(content)} for file, content in files.items()]}
                for name, files, frames, dtype in foreign()
            ],
        },
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
