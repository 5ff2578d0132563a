"""Chunks of every codec as h5py with hdf5plugin and fabio write them.

The pixels come from a formula (see `pixels`), so that only the stored bytes are in the file.

Usage: python tools/golden/codecs_hdf5plugin.py crates/xscatter-codecs/tests/golden/codecs.json
"""

import datetime
import json
import sys
import tempfile
from pathlib import Path

import fabio
import h5py
import hdf5plugin
import numpy
from fabio.compression import compByteOffset

WORDS = (b"the ", b"detector ", b"counts ", b"photons ", b"in ", b"every ", b"pixel, ", b"q ")
BLOSC_NAMES = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")


def pixels(count, dtype):
    """Counts below 16, flat beyond the first 1024, with a marker in all bits every 97 pixels.

    Float types hold quarters of the counts and no markers.
    """
    index = numpy.arange(count, dtype="u8")
    counts = numpy.where(index < 1024, ((index * index * 7 + index) >> 9) & 15, index >> 12)
    dtype = numpy.dtype(dtype)
    if dtype.kind == "f":
        return (counts * 0.25).astype(dtype)
    bits = counts.astype(f"u{dtype.itemsize}")
    bits[::97] = numpy.iinfo(bits.dtype).max
    return bits.view(dtype)


def text(count, kind):
    """Bytes of a generator that both sides can run: words in a random order, or a skewed alphabet."""
    state, out = 1, bytearray()
    while len(out) < count:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        if kind == "words":
            out += WORDS[state >> 61]
        else:
            out.append(65 + (64 - (state >> 32).bit_length()))
    return numpy.frombuffer(bytes(out[:count]), dtype="u1")


def chunk(folder, name, data, filters):
    """One chunk written with `filters`, a list of (number, values), and what the file says about it."""
    count, dtype = data.size, data.dtype
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((count,))
    for number, values in filters:
        if number == h5py.h5z.FILTER_SHUFFLE:
            plist.set_shuffle()
        elif number == h5py.h5z.FILTER_FLETCHER32:
            plist.set_fletcher32()
        elif number == h5py.h5z.FILTER_DEFLATE:
            plist.set_deflate(*values)
        else:
            plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, tuple(values))
    with h5py.File(Path(folder) / "chunk.h5", "w") as file:
        h5py.h5d.create(file.id, b"data", h5py.h5t.py_create(data.dtype), h5py.h5s.create_simple((count,)), plist)
        dataset = file["data"]
        dataset[...] = data
        file.flush()
        applied = dataset.id.get_create_plist()
        stated = [applied.get_filter(index) for index in range(applied.get_nfilters())]
        mask, stored = dataset.id.read_direct_chunk((0,))
        assert (dataset[...] == data).all(), name
    return {
        "name": name, "count": count, "dtype": numpy.dtype(dtype).str[1:], "filter_mask": mask,
        "filters": [{"id": number, "values": list(values)} for number, _, values, _ in stated],
        "stored": stored.hex(),
    }


def options(plugin):
    """The number and values of a filter of hdf5plugin."""
    return plugin.filter_id, plugin.filter_options


def chunks(folder):
    for dtype in ("u1", "u2", "u4", "u8", "i4", "f8"):
        for count in (5, 8, 333):
            for cname in ("none", "lz4", "zstd"):
                plugin = hdf5plugin.Bitshuffle(cname=cname)
                yield chunk(folder, f"bitshuffle {cname}", pixels(count, dtype), [options(plugin)])
    for cname in ("none", "lz4", "zstd"):
        plugin = hdf5plugin.Bitshuffle(nelems=64, cname=cname)
        yield chunk(folder, f"bitshuffle {cname} in blocks of 64", pixels(333, "u4"), [options(plugin)])
        yield chunk(folder, f"bitshuffle {cname} of many pixels", pixels(5003, "u2"), [options(plugin)])
    for dtype in ("u1", "u4"):
        for plugin in (hdf5plugin.LZ4(), hdf5plugin.LZ4(nbytes=100), hdf5plugin.Zstd(), hdf5plugin.Zstd(clevel=19)):
            yield chunk(folder, "plug-in", pixels(500, dtype), [options(plugin)])
    yield chunk(folder, "zstd of many pixels", pixels(33003, "u4"), [options(hdf5plugin.Zstd())])
    for dtype in ("u1", "u2", "u4", "f8"):
        yield chunk(folder, "lzf", pixels(500, dtype), [(h5py.h5z.FILTER_LZF, ())])
        yield chunk(folder, "shuffle, lzf", pixels(500, dtype), [(h5py.h5z.FILTER_SHUFFLE, ()), (h5py.h5z.FILTER_LZF, ())])
    for cname in BLOSC_NAMES:
        for shuffle in (0, 1, 2):
            for count, dtype in ((20, "u1"), (333, "u2"), (700, "u4"), (33003, "u4"), (150, "f8")):
                plugin = hdf5plugin.Blosc(cname=cname, clevel=1 if count > 1000 else 5, shuffle=shuffle)
                yield chunk(folder, f"blosc {cname}", pixels(count, dtype), [options(plugin)])
    for count, dtype in ((333, "u4"), (501, "u1"), (33003, "u2")):
        yield chunk(folder, "bzip2", pixels(count, dtype), [options(hdf5plugin.BZip2())])
    for level in (1, 3, 9, 19):
        for kind, count in (("words", 150_000), ("alphabet", 9000)):
            yield chunk(folder, kind, text(count, kind), [options(hdf5plugin.Zstd(clevel=level))])
    yield chunk(folder, "words", text(150_000, "words"), [options(hdf5plugin.Blosc(cname="zstd", clevel=9, shuffle=0))])
    yield chunk(folder, "words", text(9000, "words"), [options(hdf5plugin.Bitshuffle(cname="zstd", clevel=19))])
    yield chunk(folder, "blosc without compression", pixels(333, "u4"), [options(hdf5plugin.Blosc(clevel=0))])
    deflate = (h5py.h5z.FILTER_DEFLATE, (6,))
    shuffle = (h5py.h5z.FILTER_SHUFFLE, ())
    fletcher = (h5py.h5z.FILTER_FLETCHER32, ())
    bitshuffle = options(hdf5plugin.Bitshuffle(cname="lz4"))
    for name, filters in {
        "deflate": [deflate], "fletcher32": [fletcher], "shuffle": [shuffle], "shuffle, deflate": [shuffle, deflate],
        "shuffle, deflate, fletcher32": [shuffle, deflate, fletcher], "fletcher32, deflate": [fletcher, deflate],
        "bitshuffle, deflate": [bitshuffle, deflate], "bitshuffle, fletcher32": [bitshuffle, fletcher],
        "shuffle, lzf, fletcher32": [shuffle, (h5py.h5z.FILTER_LZF, ()), fletcher],
        "shuffle, zstd": [shuffle, options(hdf5plugin.Zstd())], "shuffle, lz4": [shuffle, options(hdf5plugin.LZ4())],
        "bitshuffle none, zstd": [options(hdf5plugin.Bitshuffle(cname="none")), options(hdf5plugin.Zstd())],
        "deflate, deflate": [deflate, deflate],
    }.items():
        for count, dtype in ((333, "u4"), (501, "u1"), (100, "f8")):
            yield chunk(folder, name, pixels(count, dtype), filters)


def byte_offset():
    edges = [0, 127, -1, -129, 32000, -2, 70_000, -(2**31) + 1, 5, 2**31 - 1, 2**31 - 120, -5, -5, -5, 122, -6]
    flat = [int(value) for value in pixels(400, "i4")]
    for values in (edges, flat, edges + flat[:100], [7] * 33, [-1] * 16 + [0] * 15 + [1000] + [3] * 40):
        yield {"pixels": values, "stored": bytes(compByteOffset(numpy.array(values, dtype="i8"))).hex()}


with tempfile.TemporaryDirectory() as folder:
    cases = {"chunks": list(chunks(folder)), "byte_offset": list(byte_offset())}
provenance = {
    "program": "h5py with hdf5plugin; fabio",
    "version": f"h5py {h5py.version.version}, HDF5 {h5py.version.hdf5_version}, hdf5plugin {hdf5plugin.version}, "
               f"fabio {fabio.version}",
    "script": "tools/golden/codecs_hdf5plugin.py",
    "date": datetime.date.today().isoformat(),
    "tolerance": 0.0,
    "why": "codecs without loss: the bytes must be equal",
}
with open(sys.argv[1], "w", encoding="utf-8") as out:
    # One case a line: short, and a change shows in a diff.
    out.write('{"provenance": ' + json.dumps(provenance, indent=1) + ',\n"cases": {\n')
    out.write(",\n".join(f'"{key}": [\n' + ",\n".join(map(json.dumps, values)) + "]" for key, values in cases.items()))
    out.write("\n}}\n")
