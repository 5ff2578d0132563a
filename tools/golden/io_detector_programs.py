"""Files that the programs of detectors wrote, and small ones by independent writers, as fabio reads them.

Usage: python tools/golden/io_detector_programs.py IMAGES NANOBRAGG CIF2CBF OUT

OUT is crates/xscatter-io/tests/golden/detector_programs.json.

IMAGES is the folder that tools/reference/fabio_images.sh makes; of those files numbers are kept, never arrays.
NANOBRAGG is the program nanoBragg (https://github.com/bl831/nanoBragg, MIT), one file of C: `gcc -O2 nanoBragg.c -lm`;
it simulates a crystal and writes the picture as ADSC detectors do. CIF2CBF is that program of CBFlib 0.9.7 (Debian's
cbflib-bin); it packs a CBF of fabio anew.
"""

import base64
import datetime
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import zlib

import fabio
import numpy
from fabio.adscimage import AdscImage
from fabio.cbfimage import CbfImage
from fabio.compression import agi_bitfield
from fabio.OXDimage import OxdImage

# What each file says of the program that wrote it, and a key of its header that ours gives as it stands there.
PROGRAMS = [
    ("somedata_0001.mccd.bz2", "marccd", "MarCcd", {}),
    ("corkcont2_H_0089.mccd.bz2", "marccd", "MarCcd", {}),
    ("example.mar2300.bz2", "mar345 0.8.6", "Mar345", {"SCANNER": "26"}),
    ("b191_1_9_1.img.bz2", "Oxford Diffraction, TY1", "Oxford", {"Time": "Mon Nov 12 16:42:13 2007"}),
    ("b191_1_9_1_uncompressed.img.bz2", "Oxford Diffraction, uncompressed", "Oxford", {}),
    ("i01f0001.kcd.bz2", "Nonius KappaCCD", "Kcd", {"Number of readouts": "2"}),
    ("GE_aSI_detector_image_1529.bz2", "GE, ADEPT", "Ge", {}),
    ("Cr8F8140k103.0026.bz2", "SMART 5.621", "Bruker", {"SAMPLE": "Cr8F8140k"}),
    ("face.msk.bz2", "Fit2D", "Fit2dMask", {}),
    ("fit2d_click.msk.bz2", "Fit2D", "Fit2dMask", {}),
]
CRYSTAL = "0 0 0 100\n1 0 0 50\n0 1 0 40\n-1 0 0 50\n0 -1 0 40\n1 1 0 60\n-1 -1 0 60\n"
SIMULATED = ("-hkl P1.hkl -cell 74 74 36 90 90 90 -misset 10 20 30 -lambda 1.1 -distance 150 -detpixels_x 40 "
             "-detpixels_y 30 -pixel 0.5 -N 4 -fluence 1e20 -nonoise -intfile a.img -floatfile a.bin").split()


def numbers(pixels):
    rows, columns = pixels.shape
    places = [(0, 0), (rows // 3, columns // 5), (rows // 2, columns // 2), (rows - 1, columns - 1)]
    # A sum with weights tells transposed and shifted pixels, too.
    weights = numpy.arange(pixels.size) % 251 + 1
    return {
        "shape": [rows, columns],
        "sum": int(pixels.sum(dtype="i8")),
        "weighted_sum": int((pixels.ravel().astype("i8") * weights).sum()),
        "min": int(pixels.min()),
        "max": int(pixels.max()),
        "probes": [[r, c, int(pixels[r, c])] for r, c in places],
    }


def program_files(folder):
    for name, writer, format_, header in PROGRAMS:
        with fabio.open(str(folder / name)) as image:
            assert image.nframes == 1, name
            yield {"file": name, "writer": writer, "format": format_, "header": header} | numbers(image.data)


def simulated(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "P1.hkl").write_text(CRYSTAL, encoding="ascii")
        subprocess.run([program, *SIMULATED], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        pixels = AdscImage().read(str(folder / "a.img")).data
        return (folder / "a.img").read_bytes(), pixels


def counts(shape):
    """Small differences, and some that are not."""
    rows, columns = numpy.indices(shape)
    pixels = ((rows * 37 + columns * 11) % 61).astype("int32")
    pixels[3, 4], pixels[5, 6], pixels[7, 8], pixels[-1, -1] = -500, 300, 173_075, -1
    return pixels


def cbflib(program, compression):
    """A CBF of CBFlib: `b` is byte offset, `n` none, which fabio does not read."""
    pixels = counts((24, 20))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        CbfImage(data=pixels).write(str(folder / "in.cbf"))
        subprocess.run([program, "-e", "n", "-c", compression, "-m", "d", "in.cbf", "out.cbf"], cwd=folder, check=True,
                       capture_output=True)
        if compression == "b":
            assert (CbfImage().read(str(folder / "out.cbf")).data == pixels).all()
        return (folder / "out.cbf").read_bytes(), pixels


def ty6():
    """The bit fields of TY6 are those of the Esperanto format, which fabio writes."""
    pixels = counts((45, 45))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.img"
        OxdImage(data=pixels, header={"Binning in x": 1, "Binning in y": 1}).write(str(path))
        content = path.read_bytes()
    text = content[:256].decode()
    line = text.splitlines()[1]
    text = text.replace(line, "COMPRESSION=TY6 ( 20.0)")[:256].ljust(256)
    return text.encode() + content[256:5120] + agi_bitfield.compress(pixels), pixels


def small_file(name, writer, format_, content, pixels):
    return {"file": name, "writer": writer, "format": format_, "header": {},
            "zlib_base64": base64.b64encode(zlib.compress(content, 9)).decode()} | numbers(pixels)


def main(folder, nanobragg, cif2cbf, path):
    logging.disable(logging.WARNING)
    golden = {
        "provenance": {
            "program": "fabio",
            "version": fabio.version,
            "script": "tools/golden/io_detector_programs.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.0,
            "why": "pixels are whole numbers",
        },
        "cases": {
            "programs": list(program_files(pathlib.Path(folder))),
            "small": [
                small_file("nanobragg.img", "nanoBragg of 2025-08-10", "Smv", *simulated(nanobragg)),
                small_file("cbflib.cbf", "CBFlib 0.9.7", "Cbf", *cbflib(cif2cbf, "b")),
                small_file("cbflib_plain.cbf", "CBFlib 0.9.7, uncompressed", "Cbf", *cbflib(cif2cbf, "n")),
                small_file("ty6.img", f"fabio {fabio.version}, its Esperanto encoder behind its Oxford header", "Oxford",
                           *ty6()),
            ],
        },
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
