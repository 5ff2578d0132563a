"""Makes the corpus of bad files of xscatter-io: good files of other programs, cut short or made to lie.

Usage: python tools/golden/io_bad_files.py crates/xscatter-io/tests

Reads the golden files beside it and writes `bad/`. What each file must give stands in `bad/expected.csv`, which
the test `bad_files` writes when it is run with XSCATTER_BLESS=1; read it before you commit it.
"""

import base64
import json
import pathlib
import struct
import sys
import zlib


def load(folder, name):
    return json.loads((folder / "golden" / name).read_text(encoding="utf-8"))["cases"]


def content(text):
    return zlib.decompress(base64.b64decode(text))


def swapped(bytes_, old, new):
    old, new = old.encode(), new.encode()
    assert old in bytes_, old
    return bytes_.replace(old, new, 1)


def poked(bytes_, offset, form, *values):
    changed = bytearray(bytes_)
    struct.pack_into(form, changed, offset, *values)
    return bytes(changed)


def corpus(folder):
    reference = {case["name"]: content(case["files"][0]["zlib_base64"]) for case in load(folder, "reference.json")["foreign"]}
    others = {case["name"]: content(case["zlib_base64"]) for case in load(folder, "formats_a.json")}
    others |= {case["name"]: content(case["zlib_base64"]) for case in load(folder, "formats_b.json")["detector"]}
    curves = {case["name"]: content(case["bytes"]) for case in load(folder, "curves.json")["written"]}

    good = {
        "edf": reference["edf"], "cbf": reference["cbf"], "tif": reference["tiff strips"], "npy": reference["npy big-endian"],
        "h5": reference["chunks of parts of two frames"], "mccd": others["marccd little-endian"],
        "mar2300": others["mar345 little-endian"], "adsc.img": others["adsc little_endian"],
        "dtrek.img": others["dtrek int32 little_endian"], "osc": others["raxis big-endian ratio 8"],
        "ty1.img": others["oxford TY1 24x20"], "ty5.img": others["oxford TY5 4.0 24x20"],
        "gfrm": others["bruker 86, overflows"], "sfrm": others["bruker 100, baseline"], "kcd": others["kcd, one read-out"],
        "f2d": others["fit2d integers"], "msk": others["fit2d mask of 20 columns"], "npz": others["npz"],
        "png": others["png, 16 bits"], "edf.bz2": others["edf in two bzip2 streams"],
        "nist.dat": reference["nist 2d text"],
    }
    for name, bytes_ in good.items():
        yield f"cut.{name}", bytes_[:len(bytes_) * 6 // 10]
        yield f"head.{name}", bytes_[:min(24, len(bytes_) // 4)]

    edf, cbf, tif, npy = good["edf"], good["cbf"], good["tif"], good["npy"]
    yield "rows.edf", swapped(edf, "Dim_2 = 24", "Dim_2 = 24000000000")
    yield "no-number.edf", swapped(edf, "Dim_1 = 20", "Dim_1 = twenty")
    yield "compression.edf", swapped(edf, "ByteOrder", "Compression = LZMA ;\nByteOrder")
    yield "endless.edf", b"{\n" + b"Key = value ;\n" * 400
    yield "rows.cbf", swapped(cbf, "X-Binary-Size-Second-Dimension: 24", "X-Binary-Size-Second-Dimension: 90000")
    yield "packed.cbf", swapped(cbf, "x-CBF_BYTE_OFFSET", "x-CBF_CANONICAL")
    yield "no-pixels.cbf", cbf[:cbf.index(b"\x0c\x1a\x04\xd5")]
    yield "few-pixels.cbf", swapped(cbf, "X-Binary-Size-Fastest-Dimension: 20", "X-Binary-Size-Fastest-Dimension: 21")
    directory = struct.unpack_from("<I", tif, 4)[0]
    entries = {struct.unpack_from("<H", tif, directory + 2 + 12 * i)[0]: directory + 2 + 12 * i
               for i in range(struct.unpack_from("<H", tif, directory)[0])}
    yield "colour.tif", poked(tif, entries[277] + 8, "<H", 3)
    yield "rows.tif", poked(tif, entries[257] + 8, "<H", 60000)
    yield "loop.tif", poked(tif, directory + 2 + 12 * len(entries), "<I", directory)
    yield "bits.tif", poked(tif, entries[258] + 8, "<H", 12)
    yield "shape.npy", swapped(npy, "(24, 20)", "(99, 99)")
    yield "record.npy", swapped(npy, "'>i4'", "'|V4'")
    yield "version.npy", poked(npy, 6, "B", 9)
    yield "one-axis.npy", swapped(npy, "(24, 20), }", "(480,),    }")
    yield "ratio.osc", poked(good["osc"], 772, ">ii", 2**31 - 1, 2**31 - 1)
    yield "rows.adsc.img", swapped(good["adsc.img"], "SIZE2=24", "SIZE2=99")
    yield "type.dtrek.img", swapped(good["dtrek.img"], "long int", "octonion")
    yield "twice.nist.dat", swapped(good["nist.dat"], "-0.017  -0.023", "-0.019  -0.023")
    yield "word.nist.dat", swapped(good["nist.dat"], "-0.017  -0.023", "-0.017  south")
    yield "no-rows.nist.dat", good["nist.dat"][:good["nist.dat"].index(b"-0.019")]
    yield "rows.gfrm", swapped(good["gfrm"], "NROWS  :24", "NROWS  :99")
    yield "link.h5", swapped(reference["eiger master"], "run_data_000001.h5", "run_data_00000x.h5")
    yield "magic.h5", b"\x89HDF\r\n\x1a\n" + bytes(88)
    yield "nothing.cbf", b""
    yield "text.txt", b"sample 7 is the thick one\n"
    yield "page.html", b"<!DOCTYPE html><html><body>404</body></html>\n"
    yield "picture.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"
    yield "zip.npz", b"PK\x05\x06" + bytes(18)
    for name in ["a.dat", "cansas.xml"]:
        found = [(key, value) for key, value in curves.items() if key.endswith(name[-4:])]
        yield f"cut.curve{name[-4:]}", found[0][1][: len(found[0][1]) * 6 // 10]
    yield "words.curve.dat", b"# q I\n0.1 1\n0.2 two\n0.3 3\n"
    yield "ragged.curve.dat", b"0.1 1 2\n0.2 1\n0.3 3 4\n0.4 4 5\n"


def main(tests):
    folder = pathlib.Path(tests)
    bad = folder / "bad"
    bad.mkdir(exist_ok=True)
    total = 0
    for name, bytes_ in corpus(folder):
        (bad / name).write_bytes(bytes_)
        total += len(bytes_)
    print(f"{total} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
