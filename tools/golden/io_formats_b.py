"""Tiny files of formats that xscatter-io reads and does not write, by independent programs.

Usage: python tools/golden/io_formats_b.py crates/xscatter-io/tests/golden/formats_b.json

Where a program writes the format, that program wrote the file ("writer"). GE, KappaCCD and Fit2D binary
images are written by nobody: their bytes are built here from the layout, and fabio must read the same pixels
from them ("reader"). Pixels are those that the reader gives, not those that were meant.
"""

import base64
import bz2
import datetime
import io
import json
import os
import pathlib
import struct
import sys
import tempfile
import zlib

import fabio
import h5py
import numpy
import PIL
from fabio.bruker100image import Bruker100Image
from fabio.brukerimage import BrukerImage
from fabio.edfimage import EdfImage
from fabio.fit2dimage import Fit2dImage
from fabio.fit2dmaskimage import Fit2dMaskImage
from fabio.GEimage import GE_HEADER_INFO, GeImage
from fabio.kcdimage import KcdImage
from PIL import Image

SHAPE = (24, 20)


def values(dtype="int32", seed=0):
    """Small counts with some that are large, wide over the image."""
    rows, columns = numpy.indices(SHAPE)
    array = ((seed * 1000 + rows * 37 + columns * 11) % 200).astype("int64")
    array[3, 4], array[5, 6], array[7, 8], array[23, 19] = 255, 300, 65535, 1_000_000
    limits = numpy.iinfo(dtype)
    return numpy.clip(array, limits.min, limits.max).astype(dtype)


def saved(image, name):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        image.write(str(path))
        return path.read_bytes()


def read(reader, name, content, frame=None):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_bytes(content)
        image = reader().read(str(path))
        return (image if frame is None else image.getframe(frame)).data


KEYS_86 = {
    "USER": "golden", "FILENAM": "a.gfrm", "CREATED": "2026-11-20 10:00:00", "SAMPLE": "silver behenate",
    "WAVELEN": "1.541840 1.540600 1.544390", "DISTANC": "13.000000", "CENTER": "10.25 12.5",
    "DETTYPE": "MULTIWIRE PIXPERCM:47.50 CMTOGRID:2.000", "CUMULAT": "60.000000", "ANGLES": "0.0 0.0 0.0 54.7",
}
KEYS_100 = KEYS_86 | {
    "FILENAM": "a.sfrm", "DISTANC": "3.996000 5.000000", "CENTER": "1.0 2.0 10.25 12.5",
    "DETTYPE": "CMOS-PHOTONII 37.037037 1.004000 0 0.425000", "MAXXY": "19 23",
    "CCDPARM": "475.3 9.8 259.9 0.0 900000.0",
}


def overflow_count(data):
    """fabio takes one byte a pixel where fewer than 4096 pixels need more: always here."""
    return str(int((data >= 255).sum()))


def ge(frames, user_header=0):
    fields = {
        "ImageFormat": b"ADEPT", "VersionOfStandardHeader": 8001, "StandardHeaderSizeInBytes": 8192,
        "UserHeaderSizeInBytes": user_header, "NumberOfFrames": len(frames), "NumberOfRowsInFrame": SHAPE[0],
        "NumberOfColsInFrame": SHAPE[1], "ImageDepthInBits": 8 * frames[0].itemsize,
        "AcquisitionDate": b"2026-11-20", "ExposureTimeInMillisecs": 250.0, "kVp": 80.5,
        "Comment": b"synthetic",
    }
    head = b""
    for name, size, form in GE_HEADER_INFO:
        value = fields.get(name, b"" if form is None else 0)
        head += value.ljust(size, b"\0") if form is None else struct.pack(form, value)
    head = head.ljust(8192 + user_header, b"\0")
    return head + b"".join(frame.astype(frame.dtype.newbyteorder("<")).tobytes() for frame in frames)


KCD_TEXT = """Nonius synthetic image
Date = Fri 11/20/26    10:00:00 AM
X dimension = {columns}
Y dimension = {rows}
Number of readouts = {readouts}
Detector ID = KappaCCD
Exposure time = 3.747
Theta start = 0.000000
Dx start = 35.000000
Binned mode
Target material = MO
Alpha1 = 0.709300
Alpha2 = 0.713590
Alpha1/Alpha2 ratio = 2.0
Kappa-support angle = 50.00396
pixel X-size (um) = 55.000
pixel Y-size (um) = 55.000
Data type = u16
"""


def kcd(readouts):
    text = KCD_TEXT.format(rows=SHAPE[0], columns=SHAPE[1], readouts=len(readouts))
    # A byte that is no ASCII ends the header for the reader.
    return text.encode() + b"\xff\xff" + b"".join(data.astype("<u2").tobytes() for data in readouts)


def fit2d_block(name, kind, tail="", blocks=0, size=512):
    return f"\\{name}:{blocks:08x}{kind}{tail}".encode().ljust(size, b"\0")


def fit2d(data, block, mask=None):
    def array(name, letter, shape, content, blocks):
        rows, columns = shape
        tail = f"{letter}{'0' * 16}{columns:08x}{rows:08x}"
        return fit2d_block(name, "a", tail, blocks, block) + content.ljust(blocks * block, b"\0")

    elements = data.ravel()
    parts = [elements[start:start + 128].tobytes().ljust(block, b"\0") for start in range(0, elements.size, 128)]
    letter = "r" if data.dtype.kind == "f" else "i"
    title = "synthetic"
    content = fit2d_block("$FFF_START", "n", size=block)
    content += fit2d_block("TITLE", "s", f"{len(title):08x}{title}", size=block)
    content += fit2d_block("ACTIVE", "i", f"{7:08x}", size=block)
    content += array("data_array", letter, data.shape, b"".join(parts), len(parts))
    if mask is not None:
        bits = mask.ravel().astype("uint64")
        bits = numpy.concatenate([bits, numpy.zeros(-bits.size % 31, "uint64")]).reshape(-1, 31)
        words = (bits << numpy.arange(31, dtype="uint64")).sum(axis=1).astype("<u4").tobytes()
        content += array("data_mask", "l", mask.shape, words, -(-len(words) // block))
    return content


def mask(shape=SHAPE):
    rows, columns = numpy.indices(shape)
    return ((rows * 5 + columns * 3) % 7 == 0).astype("uint8")


def png(array, mode=None):
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue(), numpy.asarray(Image.open(io.BytesIO(buffer.getvalue())))


def npz(compressed, **arrays):
    buffer = io.BytesIO()
    (numpy.savez_compressed if compressed else numpy.savez)(buffer, **arrays)
    return buffer.getvalue()


def edf(data):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.edf"
        EdfImage(data=data, header={"Sample": "film 7"}).save(str(path))
        return path.read_bytes()


def case(name, format_, writer, reader, file, content, frames, header=None, **more):
    assert frames, name
    return {
        "name": name, "format": format_, "writer": writer, "reader": reader, "file": file,
        "zlib_base64": base64.b64encode(zlib.compress(content, 9)).decode(),
        "dtype": str(frames[0].dtype.newbyteorder("=")),
        "frames": [{"shape": list(frame.shape), "pixels": packed(frame)} for frame in frames],
        "header": header or {},
    } | more


def packed(frame):
    """The pixels as float64, which holds all of them exactly."""
    exact = frame.astype("<f8")
    assert (exact.astype(frame.dtype) == frame).all()
    return base64.b64encode(zlib.compress(exact.tobytes(), 9)).decode()


def detector_files():
    plain = values("uint16")
    plain = numpy.minimum(plain, 250).astype("uint8")
    fab, hand, num = "fabio", "by hand from the layout", "numpy"
    for name, data, header in [
        ("bruker 86, one byte", plain, {}),
        ("bruker 86, overflows", values("uint32"), {"NOVERFL": overflow_count(values("uint32"))}),
        # fabio makes the table of floats from the scaled values, so there must be none here.
        ("bruker 86, linear", plain.astype("float32") * 0.5 + 3, {"LINEAR": "0.5 3.0"}),
    ]:
        content = saved(BrukerImage(data=data, header=KEYS_86 | {"NOVERFL": "0"} | header), "a.gfrm")
        yield case(name, "Bruker", fab, fab, "a.gfrm", content, [read(BrukerImage, "a.gfrm", content)],
                   {"SAMPLE": "silver behenate", "CENTER": "10.25 12.5"})
    negative = values("int32")
    negative[0, :4] = [-30, -1, 0, 3]
    for name, data, header in [
        ("bruker 100, no baseline", values("int32"), {"NOVERFL": "-1 0 0"}),
        ("bruker 100, baseline", values("int32") + 40, {"NOVERFL": "0 0 0", "NEXP": "1 0 32 0 2"}),
        ("bruker 100, negative", negative, {"NOVERFL": "0 0 0", "NEXP": "1 0 10 0 2"}),
    ]:
        content = saved(Bruker100Image(data=data, header=KEYS_100 | header), "a.sfrm")
        got = read(Bruker100Image, "a.sfrm", content)
        assert (got == data).all(), name
        yield case(name, "Bruker", fab, fab, "a.sfrm", content, [got], {"SAMPLE": "silver behenate"})
    frames = [values("uint16", seed) for seed in range(3)]
    for name, user in [("ge", 0), ("ge with a user header", 512)]:
        content = ge(frames, user)
        got = [read(GeImage, "a.ge", content, index) for index in range(3)]
        assert all((a == b).all() for a, b in zip(frames, got))
        yield case(name, "Ge", hand, fab, "a.ge", content, got, {"Comment": "synthetic", "kVp": "80.5"})
    readouts = [values("uint16"), values("uint16", 1)]
    for name, count in [("kcd, one read-out", 1), ("kcd, two read-outs", 2)]:
        content = kcd(readouts[:count])
        got = read(KcdImage, "a.kcd", content)
        assert (got == sum(data.astype("int32") for data in readouts[:count])).all()
        yield case(name, "Kcd", hand, fab, "a.kcd", content, [got.astype("int32")], {"Target material": "MO"})
    for name, data, block, masked in [
        ("fit2d integers", values("int32"), 512, None),
        ("fit2d floats in large blocks", values("int32").astype("float32") / 4, 2048, None),
        ("fit2d with a mask", values("int32"), 512, mask()),
    ]:
        content = fit2d(data, block, masked)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.f2d"
            path.write_bytes(content)
            image = Fit2dImage().read(str(path))
        assert (image.data == data).all() and image.header["TITLE"] == "synthetic"
        more = {}
        if masked is not None:
            assert (image.header["data_mask"] == masked).all()
            more = {"bad_pixels": int(masked.sum())}
        yield case(name, "Fit2d", hand, fab, "a.f2d", content, [image.data], {"TITLE": "synthetic", "ACTIVE": "7"}, **more)
    for shape in [SHAPE, (5, 64)]:
        content = saved(Fit2dMaskImage(data=mask(shape)), "a.msk")
        got = read(Fit2dMaskImage, "a.msk", content)
        assert (got == mask(shape)).all()
        yield case(f"fit2d mask of {shape[1]} columns", "Fit2dMask", fab, fab, "a.msk", content, [got])
    stack = numpy.stack([values("uint16", seed) for seed in range(2)])
    for compressed in [False, True]:
        content = npz(compressed, image=values("int32"), stack=stack, curve=numpy.arange(5.0))
        with numpy.load(io.BytesIO(content)) as archive:
            got = [archive["image"], *archive["stack"]]
        yield case("npz, compressed" if compressed else "npz", "Npz", num, num, "a.npz", content, got, {"member": "image"})
    grey16 = values("uint16")
    for name, array, mode in [
        ("png, 8 bits", plain, None),
        ("png, 16 bits", grey16, None),
        ("png, one bit", Image.fromarray(mask() * 255), "1"),
    ]:
        content, got = png(array, mode)
        yield case(name, "Png", "Pillow", "Pillow", "a.png", content, [got.astype("uint8") if got.dtype == bool else got])
    content = edf(values("int32"))
    half = len(content) // 2
    streams = bz2.compress(content[:half]) + bz2.compress(content[half:])
    yield case("edf in two bzip2 streams", "Edf", "fabio, Python bz2", fab, "a.edf.bz2", streams, [values("int32")],
               {"Sample": "film 7"})
    big = values("int32").astype(">i4")
    content = b"\x01" * 16 + big.tobytes() * 2
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.raw"
        path.write_bytes(content)
        image = fabio.binaryimage.BinaryImage()
        image.read(str(path), SHAPE[1], SHAPE[0], offset=16, bytecode="int32", endian=">")
        assert (image.data == big).all()
    yield case("raw with a sidecar", "Raw", num, fab, "a.raw", content, [values("int32")] * 2,
               {"i0": "100"}, sidecars={
                   "a.json": json.dumps({"shape": SHAPE, "dtype": ">i4", "offset": 16, "distance_m": 1.5}),
                   "a.csv": "exposure_s, i0, diode\n0.5, 100, 3\n0.25, 101, 4\n"})


GE_TEXT = """{EDF_DataBlockID = 1.Image.Psd ; \r
EDF_HeaderSize =       8192 ; \r
HeaderID = EH:000001:000000:000000 ; \r
ByteOrder = LowByteFirst ; \r
Num_Images = 2 ; \r
DataType = UnsignedShort ; \r
Image = 1 ; \r
Dim_1 = 2048 ; \r
Dim_2 = 2048 ; \r
Size = 8388608 ; \r
}
"""


def large_files():
    """GE files with the headers of the Advanced Photon Source, as fabio reads them: 2048x2048 or nothing."""
    frames = numpy.zeros((2, 2048, 2048), "<u2")
    for number, place in enumerate([(0, 0, 1), (0, 2047, 2047), (1, 0, 0), (1, 17, 1033)]):
        frames[place] = 1000 + number
    for name, file, head in [("ge, blank header", "a.ge3", b""), ("ge, EDF header", "a.edf.ge5", GE_TEXT.encode())]:
        head = head.ljust(8192, b"\0")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file
            path.write_bytes(head + frames.tobytes())
            image = fabio.open(str(path))
            assert image.nframes == 2 and isinstance(image, GeImage), name
            got = [image.getframe(index).data for index in range(2)]
        yield {"name": name, "file": file, "head": base64.b64encode(zlib.compress(head, 9)).decode(),
               "length": len(head) + frames.nbytes,
               "words": [[8192 + 2 * int(at), int(frames.ravel()[at])] for at in numpy.flatnonzero(frames)],
               "frames": [[[int(r), int(c), int(data[r, c])] for r, c in numpy.argwhere(data)] for data in got]}


def mask_files():
    """Masks with the pixels that are bad, by the convention of the program."""
    bad = mask()
    good = 255 - bad * 255
    edges = good.copy()
    edges[edges == 0] = 100
    rgb = numpy.stack([good // 4, good // 4, good], axis=-1)
    folder = tempfile.mkdtemp()
    tiff = pathlib.Path(folder) / "a.tif"
    Image.fromarray(bad).save(tiff)
    npy = io.BytesIO()
    numpy.save(npy, bad.astype(bool))
    text = io.StringIO()
    numpy.savetxt(text, bad, fmt="%d", header="1 = masked")
    commas = io.StringIO()
    numpy.savetxt(commas, bad, fmt="%.1f", delimiter=",")
    hdf5 = io.BytesIO()
    with h5py.File(hdf5, "w") as file:
        file["entry/instrument/detector/pixel_mask"] = bad.astype("u4")
        file["other/good"] = 1 - bad
    files = [
        ("Pillow, white = use", "a.png", png(good)[0], None, None),
        ("Pillow, grey edges", "a.png", png(edges)[0], None, None),
        ("Pillow, RGBA", "a.png", png(Image.fromarray(good), "RGBA")[0], None, None),
        ("Pillow, colour", "a.png", png(rgb)[0], None, None),
        ("Pillow, palette", "a.png", png(Image.fromarray(good), "P")[0], None, None),
        ("Pillow, grey with alpha", "a.png", png(Image.fromarray(good), "LA")[0], None, None),
        ("Pillow, one bit", "a.png", png(Image.fromarray(good), "1")[0], None, None),
        ("Pillow, levels 0 and 1", "a.png", png(1 - bad)[0], None, None),
        ("Pillow, white = masked", "a.png", png(bad * 255)[0], "NonZeroIsBad", None),
        ("Pillow, TIFF", "a.tif", tiff.read_bytes(), None, None),
        ("fabio, EDF", "a.edf", edf(bad), None, None),
        ("fabio, EDF as LImA writes it", "a.edf", edf(1 - bad), "NonZeroIsGood", None),
        ("fabio, Fit2D", "a.msk", saved(Fit2dMaskImage(data=bad), "a.msk"), None, None),
        ("numpy, bool", "a.npy", npy.getvalue(), None, None),
        ("numpy, npz", "a.npz", npz(True, mask=bad), None, None),
        ("numpy, text", "a.txt", text.getvalue().encode(), None, None),
        ("numpy, text with commas", "a.csv", commas.getvalue().encode(), None, None),
        ("h5py, pixel_mask", "a.h5", hdf5.getvalue(), None, None),
        ("h5py, a dataset by its path", "a.h5", hdf5.getvalue(), "NonZeroIsGood", "/other/good"),
    ]
    for name, file, content, polarity, dataset in files:
        yield {"name": name, "file": file, "polarity": polarity, "dataset": dataset,
               "zlib_base64": base64.b64encode(zlib.compress(content, 9)).decode()}


def main(path):
    os.environ.setdefault("USER", "golden")
    golden = {
        "provenance": {
            "program": "fabio, numpy, Pillow, h5py, Python bz2",
            "version": ", ".join([fabio.version, numpy.__version__, PIL.__version__, h5py.__version__,
                                  sys.version.split()[0]]),
            "script": "tools/golden/io_formats_b.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.0,
            "why": "pixels are compared bit for bit",
        },
        "cases": {"detector": list(detector_files()), "large": list(large_files()), "masks": list(mask_files()), "bad": packed(mask())},
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
