"""Headers of the real detector files as fabio and h5py read them: the table that xscatter-io is compared with.

Usage: python tools/golden/io_headers.py DATA crates/xscatter-io/tests/golden/headers.json

DATA is the folder with real detector files and its manifest.csv. Structure that a reader computes for itself
(strip offsets, numbers of rows) is left out, and so are values that fabio makes up where a tag is missing.
White space within a value is one blank; fabio drops commas and brackets of PILATUS headers.
"""

import csv
import datetime
import json
import pathlib
import sys

import fabio
import h5py

MADE_UP = {"Unknown Software", "Unknown Date", "1/1", "None", ""}
PRIVATE = ["/home", "/tmp"]
# fabio's name: ours.
RENAMED = {"Silicon": ("Silicon sensor thickness", "sensor, thickness ")}


def plain(text):
    return " ".join(str(text).replace("\0", " ").split())


def of_fabio(path):
    with fabio.open(str(path)) as image:
        if isinstance(image, fabio.cbfimage.CbfImage):
            items = dict(image.pilatus_headers._dict) if image.pilatus_headers else {}
        elif isinstance(image, (fabio.pilatusimage.PilatusImage, fabio.edfimage.EdfImage)):
            items = dict(image.header)
        else:
            description = image.header.get("imageDescription")
            items = {} if description is None else {"ImageDescription": description}
    found = {}
    for key, value in items.items():
        key, start = RENAMED.get(key, (key, ""))
        several = value if isinstance(value, (tuple, list)) else [value]
        if isinstance(value, str):
            if plain(value) not in MADE_UP:
                found[key] = {"text": plain(plain(value).removeprefix(start))}
        elif several and all(isinstance(part, (int, float)) for part in several):
            found[key] = {"numbers": [repr(float(part)) for part in several]}
    return found


def of_h5py(path):
    found = {}

    def visit(name, node):
        if not isinstance(node, h5py.Dataset) or node.size is None or not 0 < node.size <= 4:
            return
        if len([dim for dim in node.shape if dim != 1]) > 1 or node.dtype.kind not in "iufSO":
            return
        values = node[()].ravel().tolist() if node.shape else [node[()]]
        if node.dtype.kind in "SO":
            if not all(isinstance(value, (bytes, str)) for value in values):
                return
            texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]
            if plain(" ".join(texts)):
                found["/" + name] = {"text": plain(" ".join(texts))}
        else:
            found["/" + name] = {"numbers": [repr(float(value)) for value in values]}

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def public(header):
    """Without paths of the machines that took the data."""
    return {key: value for key, value in header.items() if not any(part in str(value) for part in PRIVATE)}


def cases(folder):
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            shape = row["shape"].split("x")
            image = len(shape) in (2, 3) and all(part.isdigit() for part in shape)
            text = row["dtype"] == "text" or row["format"].startswith(("PNG", "text", "NIST"))
            path = folder / row["file"]
            if not image or text or path.suffix == ".npy":
                continue
            if h5py.is_hdf5(path):
                yield {"file": row["file"], "header": public(of_h5py(path))}
            else:
                yield {"file": row["file"], "header": public(of_fabio(path))}


def main(data, path):
    golden = {
        "provenance": {
            "program": "fabio, h5py",
            "version": f"{fabio.version}, {h5py.__version__}",
            "script": "tools/golden/io_headers.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "texts are exact; numbers are printed by one program and parsed by the other",
        },
        "cases": list(cases(pathlib.Path(data))),
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
