"""Golden files of xscatter-io: MarCCD, mar345, SMV (ADSC, d*TREK), R-AXIS and Oxford Diffraction.

Usage: python tools/golden/io_formats_a.py crates/xscatter-io/tests/golden/formats_a.json

Where fabio can write a format, fabio writes the file. Where it cannot, the bytes are built here from the
published layout and fabio reads them: `writer` and `reader` of each case say which. Either way the pixels
that fabio reads are compared here with those that were written, so that both sides are known to agree before
a file becomes a reference. A case without a reader is one that fabio does not read, or reads wrongly (why
stands in `note`); its pixels are those that were written.
"""

import base64
import datetime
import io
import json
import logging
import pathlib
import struct
import sys
import tempfile
import zlib

import fabio
import numpy
from fabio.dtrekimage import DtrekImage
from fabio.ext.mar345_IO import uncompress_pck
from fabio.fabioutils import ENDIANNESS
from fabio.mar345image import Mar345Image
from fabio.marccdimage import MarccdImage
from fabio.OXDimage import OxdImage
from fabio.raxisimage import RaxisImage

SHAPE = (24, 20)
SQUARE = (24, 24)


def values(dtype="int64", shape=SHAPE):
    """Smooth small counts with a few strong and weak pixels, never in the first row."""
    rows, columns = numpy.indices(shape)
    array = ((rows * 37 + columns * 11) % 97).astype("int64")
    array[3, 4] = 300
    array[5, 6] = 20_000
    if numpy.dtype(dtype).itemsize > 1:
        array[8, 9] = 32_767
        if dtype not in ("int8", "int16"):
            array[7, 7] = 60_000
            array[shape[0] - 1, shape[1] - 1] = 41_000
    info = numpy.iinfo(dtype) if numpy.dtype(dtype).kind in "iu" else None
    return array if info is None else array.clip(info.min, info.max)


def packed(content):
    return base64.b64encode(zlib.compress(content, 9)).decode()


def case(name, file, content, pixels, dtype, writer, reader="", note="", metadata=None, header=None):
    assert bool(reader) != bool(note), name
    return {
        "name": name,
        "file": file,
        "writer": writer,
        "reader": reader,
        "note": note,
        "shape": pixels.shape,
        "dtype": dtype,
        "zlib_base64": packed(content),
        "pixels_zlib_base64": packed(numpy.ascontiguousarray(pixels, "<f8" if dtype == "float32" else "<i8").tobytes()),
        "metadata": metadata or {},
        "header": header or {},
    }


FABIO = f"fabio {fabio.version}"
BY_LAYOUT = "tools/golden/io_formats_a.py, from the published layout"


def in_file(name, content, use):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        if content is not None:
            path.write_bytes(content)
        return use(path)


def written(name, image):
    def use(path):
        image.write(str(path))
        return path.read_bytes()
    return in_file(name, None, use)


def check(name, content, pixels, header=None, image=None):
    """fabio reads the same pixels, and the same values in its header."""
    def use(path):
        found = fabio.open(str(path)) if image is None else image.read(str(path))
        assert numpy.array_equal(found.data, pixels), (name, found.data, pixels)
        for key, value in (header or {}).items():
            read = found.header[key]
            same = numpy.isclose(float(read), value) if isinstance(value, (int, float)) else read == value
            assert same, (name, key, read, value)
    in_file(name, content, use)


# --- MarCCD -----------------------------------------------------------------------------------------------

def tiff_head(order, shape, bits, offset, size):
    tags = [(254, 4, 0), (256, 4, shape[1]), (257, 4, shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, 1),
            (273, 4, offset), (277, 3, 1), (278, 4, shape[0]), (279, 4, size)]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(tags))
    for tag, kind, value in tags:
        head += struct.pack(order + "HHI", tag, kind, 1)
        head += struct.pack(order + ("I" if kind == 4 else "HH"), *([value] if kind == 4 else [value, 0]))
    return head + struct.pack(order + "I", 0)


MARCCD = {  # offset in the frame header: value
    0: 2, 20: 1, 24: 0, 36: 3072, 76: 1, 80: SHAPE[1], 84: SHAPE[0], 88: 2, 92: SHAPE[1], 96: 16, 104: 65535,
    112: 1, 640: 250_500, 644: 9_250, 648: 12_500, 652: 3_000, 656: 2_500, 660: 1_000, 668: 0,
    772: 79_346, 776: 79_348, 780: 10_000, 908: 97_934,
}


def marccd(order, name=b"MMX"):
    pixels = values("uint16")
    pixels[10, 11] = 65535
    head = bytearray(4096)
    tiff = tiff_head(order, SHAPE, 16, 4096, pixels.size * 2)
    head[:len(tiff)] = tiff
    fields = MARCCD | {28: 1234 if order == "<" else 4321, 32: 1234 if order == "<" else 4321}
    for offset, value in fields.items():
        struct.pack_into(order + "i", head, 1024 + offset, value)
    head[1024 + 4:1024 + 4 + len(name)] = name
    head[1024 + 1024:1024 + 1024 + 12] = b"silver salt\0"
    head[2368:2368 + 15] = b"071503452004.30"
    return bytes(head) + pixels.astype(order + "u2").tobytes(), pixels


def marccd_cases():
    metadata = {"distance_m": 0.2505, "beam_row_px": 12.5, "beam_column_px": 9.25, "exposure_s": 2.5,
                "pixel1_m": 79.348e-6, "pixel2_m": 79.346e-6, "wavelength_m": 0.97934e-10, "count_cutoff": 65534.0}
    header = {"nfast": "20", "saturated_value": "65535", "file_title": "silver salt",
              "acquire_timestamp": "071503452004.30"}
    for order, label in (("<", "little"), (">", "big")):
        content, pixels = marccd(order)
        known = {"nfast": 20, "nslow": 24, "xtal_to_detector": 250_500, "beam_x": 9_250, "beam_y": 12_500,
                 "exposure_time": 2_500, "pixelsize_x": 79_346, "source_wavelength": 97_934,
                 "saturated_value": 65535}
        check("a.mccd", content, pixels)
        if order == "<":
            # fabio parses the frame header, little-endian only, and then replaces it by that of the TIFF.
            image = MarccdImage()
            image._readheader(io.BytesIO(content))
            assert known.items() <= image.header.items(), image.header
        yield case(f"marccd {label}-endian", "a.mccd", content, pixels, "uint16", BY_LAYOUT, FABIO,
                   metadata=metadata, header=header)


# --- mar345 -----------------------------------------------------------------------------------------------

MAR_HEADER = {
    "PROGRAM": "scan345 4.2", "DATE": "Mon Jan  2 03:04:05 2006", "SCANNER": "123", "FORMAT_TYPE": "PCK",
    "PIXEL_LENGTH": "150", "PIXEL_HEIGHT": "150", "MULTIPLIER": "1.000", "GAIN": "1.000", "WAVELENGTH": "1.54180",
    "DISTANCE": "250.000", "RESOLUTION": "2.0", "PHI_START": "0.000", "PHI_END": "1.000", "PHI_OSC": "1",
    "OMEGA_START": "0.000", "OMEGA_END": "0.000", "OMEGA_OSC": "0", "CHI": "0.000", "TWOTHETA": "0.000",
    "CENTER_X": "12.000", "CENTER_Y": "12.000", "MODE": "TIME", "TIME": "20.00",
}
MAR_METADATA = {"wavelength_m": 1.5418e-10, "distance_m": 0.25, "pixel1_m": 150e-6, "pixel2_m": 150e-6,
                "exposure_s": 20.0}


def mar345_pixels(shape=SQUARE):
    pixels = values(shape=shape)
    # Beyond 16 bits: more than one record of eight in the table of high pixels.
    for index in range(11):
        pixels[2 + index, 15] = 65_536 + 1_000 * index
    pixels[13, 13] = 249_862
    return pixels


def mar345_file(pixels, byteorder):
    image = Mar345Image(data=pixels, header=dict(MAR_HEADER))
    image.byteorder = byteorder
    return written("a.mar2300", image)


def packed_v2(pixels):
    """The second version of the packing: 8-bit block headers, 14 widths, blocks of up to 32768 differences."""
    widths = [0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32]
    flat = pixels.ravel().astype("uint16").astype("int16").astype(int)
    columns = pixels.shape[1]
    short = lambda number: (int(number) + 2**15) % 2**16 - 2**15
    differences = []
    for index, value in enumerate(flat):
        if index == 0:
            guess = 0
        elif index <= columns:
            guess = flat[index - 1]
        else:
            around = (flat[index - 1] + flat[index - columns - 1] + flat[index - columns]
                      + flat[index - columns + 1] + 2)
            guess = int(around / 4)
        differences.append(short(value - guess))
    bits, filled = 0, 0
    position, power = 0, 0
    while position < len(differences):
        # Block lengths of all kinds, and every width in its turn where it suffices.
        power = min((power + 1) % 6, (len(differences) - position).bit_length() - 1)
        block = differences[position:position + 2**power]
        need = max(0 if d == 0 else d.bit_length() + 1 if d >= 0 else (-d - 1).bit_length() + 1 for d in block)
        width = next(index for index, width in enumerate(widths) if width >= need)
        bits |= (power | width << 4) << filled
        filled += 8
        for difference in block:
            bits |= (difference & (2**widths[width] - 1)) << filled
            filled += widths[width]
        position += len(block)
    return bits.to_bytes((filled + 7) // 8, "little")


def mar345_cases():
    small = mar345_pixels()
    content = mar345_file(small, ENDIANNESS.LITTLE)
    header = {"SCANNER": "123", "CENTER_X": "12.000", "HIGH": "12", "MODE": "TIME"}
    check("a.mar2300", content, small, {"WAVELENGTH": 1.5418, "DISTANCE": 250.0, "TIME": 20.0})
    yield case("mar345 little-endian", "a.mar2300", content, small, "uint32", FABIO, FABIO, metadata=MAR_METADATA,
               header=header)

    big = mar345_file(small, ENDIANNESS.BIG)
    assert big[:4] == b"\0\0\x04\xd2"
    yield case("mar345 big-endian", "a.mar2300", big, small, "uint32", FABIO, metadata=MAR_METADATA, header=header,
               note="fabio 2026.6.0 writes big-endian files but swaps the table of high pixels when it reads them")

    # Zeros between a few strong pixels: the smallest image of a mar345 scanner.
    large = numpy.zeros((1200, 1200), "int64")
    large[1::97, ::89] = 700
    large[600, 600] = 249_862
    content = mar345_file(large, ENDIANNESS.LITTLE)
    check("a.mar1200", content, large)
    yield case("mar345 1200", "a.mar1200", content, large, "uint32", FABIO, FABIO, metadata=MAR_METADATA)

    # Of the second version there is a C reader in fabio, which its image class does not use. It takes neighbours
    # above 32767 for unsigned, unlike that of the first version and its own reader of files: none here.
    rectangle = mar345_pixels((24, 30))
    rectangle[(rectangle > 32_767) & (rectangle < 65_536)] = 32_767
    first = mar345_file(mar345_pixels((30, 30)), ENDIANNESS.LITTLE)
    key = first.index(b"\nCCP4 packed image, X: 0030, Y: 0030\n")
    high = numpy.flatnonzero(rectangle.ravel() > 65535)
    table = numpy.zeros((16, 2), "<i4")
    table[:high.size] = numpy.stack([high + 1, rectangle.ravel()[high]], axis=1)
    head = bytearray(first[:4096])
    struct.pack_into("<iii", head, 4, 30, high.size, 1)
    struct.pack_into("<i", head, 20, rectangle.size)
    content = bytes(head) + table.tobytes() + b"\nCCP4 packed image V2, X: 0030, Y: 0024\n" 
    content += packed_v2(numpy.where(rectangle > 65535, 100, rectangle))
    assert key == 4096 + 128
    found = uncompress_pck(content + bytes(64), overflowPix=int(high.size), byteorder="<", use_CCP4=True)
    assert numpy.array_equal(found, rectangle)
    yield case("mar345 version 2", "a.mar2300", content, rectangle, "uint32", BY_LAYOUT,
               FABIO + " (uncompress_pck with use_CCP4)", metadata=MAR_METADATA)


# --- SMV: ADSC and d*TREK ---------------------------------------------------------------------------------

def smv(lines, pixels, size=512):
    text = "{\n" + f"HEADER_BYTES={size:5d};\n" + "".join(f"{key}={value};\n" for key, value in lines) + "}\n\f"
    assert len(text) <= size
    return text.encode().ljust(size) + pixels


def adsc_lines(order, kind, shape=SHAPE):
    return [
        ("DIM", 2), ("BYTE_ORDER", order), ("TYPE", kind), ("SIZE1", shape[1]), ("SIZE2", shape[0]),
        ("PIXEL_SIZE", 0.102592), ("BIN", "2x2"), ("ADC", "fast"), ("BEAMLINE", "ALS831"), ("DETECTOR_SN", 926),
        ("DATE", "Tue Jun 26 09:43:09 2007"), ("TIME", 0.096288), ("DISTANCE", 249.98), ("TWOTHETA", "0.00"),
        ("WAVELENGTH", "0.979340"), ("BEAM_CENTER_X", 154.96), ("BEAM_CENTER_Y", 155.91),
        ("DENZO_X_BEAM", 159.25), ("DENZO_Y_BEAM", 154.96),
    ]


ADSC_METADATA = {"wavelength_m": 0.97934e-10, "distance_m": 0.24998, "pixel1_m": 0.102592e-3,
                 "pixel2_m": 0.102592e-3, "exposure_s": 0.096288, "beam_row_px": 159.25 / 0.102592,
                 "beam_column_px": 154.96 / 0.102592}
DTREK = {
    "DIM": "2", "DETECTOR_NUMBER": "1", "DETECTOR_NAMES": "CCD_", "CCD_DETECTOR_DESCRIPTION": "Saturn 70",
    "CCD_GONIO_NUM_VALUES": "6", "CCD_GONIO_UNITS": "deg deg deg mm mm mm",
    "CCD_GONIO_NAMES": "RotZ RotX/Swing RotY TransX TransY TransZ/Dist",
    "CCD_GONIO_VALUES": "0.0000 0.0000 0.0000 0.0000 0.0000 45.1200",
    "CCD_SPATIAL_DISTORTION_TYPE": "Simple_spatial", "CCD_SPATIAL_DISTORTION_INFO": "9.75 11.5 0.0900 0.0920",
    "SCAN_WAVELENGTH": "0.71073", "SOURCE_WAVELENGTH": "1 0.71073",
    "ROTATION": "0.0000 0.5000 0.5000 30.0000 0.0000 0.0000", "SATURATED_VALUE": "59999", "COMPRESSION": "None",
    "ASC_SAMPLE_HOLDER_NAMES": "{ Z X Y }",
}
DTREK_METADATA = {"wavelength_m": 0.71073e-10, "distance_m": 0.04512, "pixel1_m": 92e-6, "pixel2_m": 90e-6,
                  "exposure_s": 30.0, "beam_row_px": 11.5, "beam_column_px": 9.75, "count_cutoff": 59999.0}


def smv_cases():
    pixels = values("uint16")
    pixels[10, 11] = 65535
    header = {"BIN": "2x2", "BEAM_CENTER_X": "154.96", "DATE": "Tue Jun 26 09:43:09 2007"}
    for order, label in (("<", "little_endian"), (">", "big_endian")):
        content = smv(adsc_lines(label, "unsigned_short"), pixels.astype(order + "u2").tobytes())
        check("a.img", content, pixels, {"DISTANCE": 249.98, "WAVELENGTH": 0.97934, "BIN": "2x2"})
        yield case(f"adsc {label}", "a.img", content, pixels, "uint16", BY_LAYOUT, FABIO, metadata=ADSC_METADATA,
                   header=header)
    wide = values()
    wide[10, 11] = 1_000_000
    wide[11, 11] = -1
    content = smv([*adsc_lines("little_endian", "unsigned_short"), ("TYPE", "long_integer")],
                  wide.astype("<i4").tobytes(), 1024)
    yield case("adsc 32 bits of adxv", "a.img", content, wide, "int32", BY_LAYOUT, metadata=ADSC_METADATA,
               note="adxv states the type twice, the last is right; fabio takes any but unsigned_short for 16 bits")

    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32"):
        pixels = values(dtype).astype(dtype)
        if dtype == "float32":
            pixels[2, 2] = -1.5
        elif pixels.dtype.kind == "i":
            pixels[2, 2] = -7
        if pixels.dtype.itemsize == 4:
            pixels[10, 11] = 1_000_000
        for order, label in ((ENDIANNESS.LITTLE, "little_endian"), (ENDIANNESS.BIG, "big_endian")):
            image = DtrekImage(data=pixels, header=DTREK | {"BYTE_ORDER": label})
            content = written("a.img", image)
            check("a.img", content, pixels, {"SATURATED_VALUE": 59999})
            yield case(f"dtrek {dtype} {label}", "a.img", content, pixels, dtype, FABIO, FABIO,
                       metadata=DTREK_METADATA, header={"CCD_DETECTOR_DESCRIPTION": "Saturn 70"})

    # An R-AXIS image in this container: above 32767 the low 15 bits count in steps of the ratio.
    stored = values("uint16").astype("uint16")
    stored[12, 12] = 0x8000 | 1234
    content = written("a.img", DtrekImage(data=stored, header=DTREK | {"RAXIS_COMPRESSION_RATIO": "32",
                                                                      "SATURATED_VALUE": "1048512"}))
    check("a.img", content, stored)
    pixels = stored.astype("int64")
    pixels[stored > 32767] = (stored[stored > 32767] & 0x7FFF).astype("int64") * 32
    yield case("dtrek of an R-AXIS", "a.img", content, pixels, "uint32", FABIO,
               metadata=DTREK_METADATA | {"count_cutoff": 1048512.0},
               note="fabio gives the stored 16 bits; the ratio is applied by the rule of d*TREK")


# --- R-AXIS -----------------------------------------------------------------------------------------------

def raxis(order, ratio, high):
    stored = values("uint16").clip(0, 32767)
    pixels = stored.astype("int64")
    if high:
        for index, low in enumerate((1025, 30_000, 32_766, 32_767)):
            stored[9, index] = 0x8000 | low
            pixels[9, index] = low * ratio
    head = bytearray(2048)
    head[0:10] = b"R-AXIS4   "
    head[20:40] = b"lysozyme".ljust(20)
    head[172:184] = b"1999-12-31".ljust(12)
    head[812:822] = b"IRIS".ljust(10) if order == ">" else b"PC".ljust(10)
    floats = {292: 1.5418, 344: 150.0, 536: 5.0, 540: 9.75, 544: 11.5, 776: 0.1, 780: 0.105, 800: ratio}
    integers = {448: 0, 768: SHAPE[1], 772: SHAPE[0], 784: 2048, 788: SHAPE[0], 796: 1}
    for offset, value in floats.items():
        struct.pack_into(order + "f", head, offset, value)
    for offset, value in integers.items():
        struct.pack_into(order + "i", head, offset, value)
    return bytes(head) + stored.astype(order + "u2").tobytes(), pixels


def raxis_cases():
    metadata = {"wavelength_m": 1.5418e-10, "distance_m": 0.15, "pixel1_m": 105e-6, "pixel2_m": 100e-6,
                "exposure_s": 300.0, "beam_row_px": 11.5, "beam_column_px": 9.75}
    for order, ratio, high in ((">", 8, True), (">", 32, True), ("<", 32, True), (">", 8, False)):
        content, pixels = raxis(order, ratio, high)
        image = RaxisImage()
        image.endianness = order
        check("a.osc", content, pixels, {"Photomultiplier Ratio": ratio, "Exposure Time": 5.0}, image)
        label = {">": "big", "<": "little"}[order]
        yield case(f"raxis {label}-endian ratio {ratio}{'' if high else ' low'}", "a.osc", content, pixels, "uint32",
                   BY_LAYOUT, FABIO, metadata=metadata | {"count_cutoff": 32_766.0 * ratio},
                   header={"Crystal Name": "lysozyme", "IP Number": "1"})


# --- Oxford Diffraction -----------------------------------------------------------------------------------

OXFORD = {
    "Binning in x": 2, "Binning in y": 2, "Gain": 1.5, "Overflow threshold": 250_000, "Exposure time in sec": 12.5,
    "Detector type": "Sapphire3-Kodak (1x1: 0.03mm, 2x2: 0.06mm, 4x4: 0.12mm)", "Real pixel size x (mm)": 0.06,
    "Real pixel size y (mm)": 0.061, "Wavelength alpha": 0.7107, "Beam center x": 9.75, "Beam center y": 11.5,
    "Distance in mm": 45.25, "Time": "Mon Jan 02 03:04:05 2006",
}
OXFORD_METADATA = {"wavelength_m": 0.7107e-10, "distance_m": 0.04525, "pixel1_m": 61e-6, "pixel2_m": 60e-6,
                   "exposure_s": 12.5, "beam_row_px": 11.5, "beam_column_px": 9.75, "count_cutoff": 250_000.0}


def oxford_pixels(shape):
    pixels = values(shape=shape)
    pixels[2, 2] = -500
    pixels[4, 0] = 173_075
    pixels[6, 1:4] = (-1, -2, 300_000)
    return pixels


def oxford_head(pixels, **changes):
    image = OxdImage(data=pixels, header=dict(OXFORD))
    content = written("a.img", image)
    text = content[:256].decode()
    for old, new in changes.get("replace", {}).items():
        assert old in text, (old, text)
        text = text.replace(old, new)
    return text[:256].ljust(256).encode() + content[256:5120], content


def ty5(pixels):
    """Differences along each row alone, the large ones in line; then the offsets of the rows."""
    stream, offsets, shorts, longs = b"", [], 0, 0
    for row in pixels.tolist():
        offsets.append(len(stream))
        last = 0
        for value in row:
            difference, last = value - last, value
            if -127 <= difference <= 126:
                stream += struct.pack("<B", difference + 127)
            elif -2**15 <= difference < 2**15:
                stream, shorts = stream + struct.pack("<Bh", 254, difference), shorts + 1
            else:
                stream, longs = stream + struct.pack("<Bi", 255, difference), longs + 1
    return stream, struct.pack(f"<{len(offsets)}I", *offsets), shorts, longs


def ty6(pixels):
    """As TY5, but two blocks of eight differences at a time with as many bits as they need."""
    lines = []
    for row in pixels.tolist():
        differences = [b - a for a, b in zip([0, *row], row)]

        def outside(difference):
            if -127 <= difference <= 126:
                return struct.pack("<B", difference + 127)
            small = -2**15 <= difference < 2**15
            return struct.pack("<Bh", 254, difference) if small else struct.pack("<Bi", 255, difference)

        line = outside(differences[0])
        blocks = (len(row) - 1) // 16
        for start in range(1, 1 + 16 * blocks, 16):
            tail, codes, kinds = b"", b"", []
            for block in (differences[start:start + 8], differences[start + 8:start + 16]):
                stored = []
                for difference in block:
                    small = -127 <= difference <= 126
                    stored.append(difference if small else 127 if -2**15 <= difference < 2**15 else 128)
                    if not small:
                        tail += struct.pack("<h" if stored[-1] == 127 else "<i", difference)
                zero = lambda bits: 2**(bits - 1) - 1 if bits > 1 else 0
                bits = next(bits for bits in range(9)
                            if all(0 <= d + zero(bits) < 2**bits for d in stored))
                number = sum((d + zero(bits)) << (bits * place) for place, d in enumerate(stored))
                codes += number.to_bytes(bits, "little")
                kinds.append(bits)
            line += struct.pack("<B", kinds[0] | kinds[1] << 4) + codes + tail
        line += b"".join(outside(difference) for difference in differences[1 + 16 * blocks:])
        lines.append(line)
    stream = b"".join(lines)
    offsets = [sum(map(len, lines[:index])) for index in range(len(lines))]
    return struct.pack("<i", len(stream)) + stream + struct.pack(f"<{len(offsets)}I", *offsets)


def oxford_cases():
    known = {"Distance in mm": 45.25, "Wavelength alpha": 0.7107, "Exposure time in sec": 12.5}
    header = {"Time": "Mon Jan 02 03:04:05 2006", "Compression": "TY1", "Gain": "1.5"}
    for shape in (SHAPE, SQUARE):
        pixels = oxford_pixels(shape)
        _, content = oxford_head(pixels)
        check("a.img", content, pixels, known)
        yield case(f"oxford TY1 {shape[0]}x{shape[1]}", "a.img", content, pixels, "int32", FABIO, FABIO,
                   metadata=OXFORD_METADATA, header=header)

    pixels = oxford_pixels(SHAPE)
    plain, content = oxford_head(pixels)
    line = plain[:256].decode().splitlines()[1]
    plain, _ = oxford_head(pixels, replace={line: "COMPRESSION=NO"})
    content = plain + pixels.astype("<i4").tobytes()
    check("a.img", content, pixels, known)
    yield case("oxford uncompressed", "a.img", content, pixels, "int32", BY_LAYOUT, FABIO, metadata=OXFORD_METADATA)

    for shape, version in ((SQUARE, "3.0"), (SQUARE, "4.0"), (SHAPE, "4.0")):
        pixels = oxford_pixels(shape)
        stream, offsets, shorts, longs = ty5(pixels)
        text = oxford_head(pixels)[0][:256].decode().splitlines()
        sizes = f"NX={shape[1]:4d} NY={shape[0]:4d} OI={shorts:7d} OL={longs:7d} "
        changes = {text[1]: "COMPRESSION=TY5 ( 30.0)", text[2]: sizes, text[0]: f"OD SAPPHIRE  {version}"}
        head = oxford_head(pixels, replace=changes)[0]
        content = head + stream + offsets
        note = ""
        if shape[0] == shape[1]:
            check("a.img", content, pixels, known)
        else:
            note = "fabio 2026.6.0 starts anew after as many pixels as there are rows, which is right for squares only"
        yield case(f"oxford TY5 {version} {shape[0]}x{shape[1]}", "a.img", content, pixels, "int32", BY_LAYOUT,
                   "" if note else FABIO, note, metadata=OXFORD_METADATA)

    pixels = oxford_pixels((24, 45))
    text = oxford_head(pixels)[0][:256].decode().splitlines()
    changes = {text[1]: "COMPRESSION=TY6 ( 20.0)", text[0]: "OD SAPPHIRE  4.0"}
    content = oxford_head(pixels, replace=changes)[0] + ty6(pixels)
    yield case("oxford TY6", "a.img", content, pixels, "int32", BY_LAYOUT, metadata=OXFORD_METADATA,
               note="fabio does not read TY6; the layout is that of FormatROD in dxtbx 3.28")


def main(path):
    logging.disable(logging.WARNING)
    sources = (marccd_cases, mar345_cases, smv_cases, raxis_cases, oxford_cases)
    golden = {
        "provenance": {
            "program": "fabio, numpy",
            "version": f"{fabio.version}, {numpy.__version__}",
            "script": "tools/golden/io_formats_a.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-6,
            "why": "pixels are exact; R-AXIS stores its metadata as 32-bit floats",
        },
        "cases": [case for source in sources for case in source()],
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
