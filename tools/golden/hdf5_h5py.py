"""Golden files of xscatter-hdf5: tiny files by h5py with every structure of the format that it writes.

Usage: python tools/golden/hdf5_h5py.py crates/xscatter-hdf5/tests/golden/hdf5.json

A case is a set of files, the first of which is opened, and what h5py reads from it: the values of every
dataset, every attribute, every link.
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
from h5py import h5d, h5f, h5p, h5s, h5t

EARLIEST, MIDDLE, LATEST = ("earliest", "v108"), ("v110", "v110"), ("latest", "latest")


def ramp(shape, dtype="i4"):
    count = int(numpy.prod(shape, dtype="i8"))
    return ((numpy.arange(count) * 7 + numpy.arange(count) // 13) % 251).astype(dtype).reshape(shape)


def packed(content):
    return base64.b64encode(zlib.compress(content, 9)).decode()


def low_level(file, name, data, layout=None, early=False):
    plist = h5p.create(h5p.DATASET_CREATE)
    if layout is not None:
        plist.set_layout(layout)
    if early:
        plist.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    kind = h5t.py_create(data.dtype)
    dataset = h5d.create(file.id, name.encode(), kind, h5s.create_simple(data.shape), plist)
    dataset.write(h5s.ALL, h5s.ALL, data)


def kinds(file):
    file["contiguous"] = ramp((5, 7))
    low_level(file, "compact", ramp((3, 4), "u2"), h5d.COMPACT)
    low_level(file, "early", ramp((3, 4), "i8"), early=True)
    file.create_dataset("never_written", shape=(4, 3), dtype="f4", fillvalue=2.5)
    file.create_dataset("never_written_zero", shape=(4, 3), dtype="u1")
    for dtype in ["i1", "u1", "<i2", ">i2", "<u2", ">u2", ">i4", "<u4", ">u4", "<i8", ">u8", "<f4", ">f4", "<f8", ">f8"]:
        name = dtype.replace("<", "little_").replace(">", "big_")
        data = (ramp((6,)).astype("i8") - 100).astype(dtype)
        file[name] = data
    file["empty"] = numpy.zeros((0, 4), "i4")
    file["scalar"] = numpy.float64(1.25)
    file["scalar_integer"] = numpy.int32(-7)
    file["null"] = h5py.Empty("f4")
    file["bool"] = numpy.array([True, False, True])
    file.create_dataset("enum", data=numpy.array([2, 1], "u1"),
                        dtype=h5py.enum_dtype({"RED": 1, "GREEN": 2}, basetype="u1"))
    file["text"] = "Grüße aus dem Labor"
    file["texts"] = ["a", "", "long " * 20]
    file["fixed"] = numpy.array([b"abc", b"defgh", b""], "S5")
    file.create_dataset("fixed_utf8", data="Å".encode(), dtype=h5py.string_dtype("utf-8", 6))
    compound = numpy.zeros(3, [("x", "f4"), ("name", "S3"), ("inner", [("a", "i2"), ("b", "u8", (2, 2))])])
    compound["x"] = [1, 2, 3]
    file["compound"] = compound
    file["array"] = numpy.zeros(2, [("v", "f8", (3,))])
    h5d.create(file.id, b"array_type", h5t.array_create(h5t.STD_I32LE, (3,)), h5s.create_simple((2,)))
    file.create_dataset("sequences", data=numpy.array([numpy.array([1, 2]), numpy.array([3])], object),
                        dtype=h5py.vlen_dtype("i4"))
    file["half"] = ramp((4,), "f2")
    file["complex"] = numpy.array([1 + 2j])
    file["opaque"] = numpy.void(b"\x01\x02\x03")
    file["reference"] = file["contiguous"].ref
    file["type"] = numpy.dtype("i4")
    named = file["type"]
    file.create_dataset("of_named_type", data=ramp((3,)), dtype=named)
    file["contiguous"].attrs.create("of_named_type", 4, dtype=named)


def indices(file):
    gzip = {"compression": "gzip", "compression_opts": 9}
    file.create_dataset("single", data=ramp((5, 7)), chunks=(5, 7))
    file.create_dataset("single_gzip", data=ramp((5, 7)), chunks=(5, 7), **gzip)
    file.create_dataset("fixed", data=ramp((1100, 3), "u1"), chunks=(1, 2))
    file.create_dataset("fixed_gzip", data=ramp((60, 3), "u1"), chunks=(1, 2), **gzip)
    file.create_dataset("fixed_small", data=ramp((7, 5)), chunks=(2, 2))
    file.create_dataset("fixed_may_grow", data=ramp((7, 5)), chunks=(2, 2), maxshape=(10, 12))
    sparse = file.create_dataset("fixed_sparse", shape=(9000,), dtype="i2", chunks=(1,), fillvalue=-3)
    sparse[[0, 1500, 8999]] = [1, 2, 3]
    file.create_dataset("series", data=ramp((1000, 3), "u1"), chunks=(1, 3), maxshape=(None, 3))
    file.create_dataset("series_gzip", data=ramp((40, 3), "u1"), chunks=(1, 2), maxshape=(None, 3), **gzip)
    file.create_dataset("second_axis", data=ramp((5, 70)), chunks=(2, 1), maxshape=(9, None))
    sparse = file.create_dataset("series_sparse", shape=(300000,), dtype="u1", chunks=(1,), maxshape=(None,), fillvalue=9)
    sparse[[0, 3, 4, 20, 100, 5000, 140000, 140001, 299999]] = list(range(9))
    file.create_dataset("both_axes", data=ramp((50, 20), "u1"), chunks=(1, 1), maxshape=(None, None))
    file.create_dataset("both_axes_gzip", data=ramp((12, 10), "u1"), chunks=(2, 3), maxshape=(None, None), **gzip)
    implicit = h5p.create(h5p.DATASET_CREATE)
    implicit.set_chunk((2, 3))
    implicit.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    dataset = h5d.create(file.id, b"implicit", h5t.NATIVE_INT32, h5s.create_simple((7, 8), (10, 12)), implicit)
    dataset.write(h5s.ALL, h5s.ALL, ramp((7, 8)))
    shrunk = file.create_dataset("shrunk", data=ramp((9, 8)), chunks=(2, 3), maxshape=(None, 8))
    shrunk.resize((4, 8))
    grown = file.create_dataset("grown", data=ramp((3, 4)), chunks=(2, 3), maxshape=(None, None), fillvalue=-1)
    grown.resize((6, 7))
    masked = file.create_dataset("masked", shape=(4, 6), dtype="u2", chunks=(1, 6), **gzip)
    for row in range(3):
        plain = ramp((6,), "u2") + row
        if row == 1:
            masked.id.write_direct_chunk((row, 0), plain.tobytes(), 1)
        else:
            masked[row] = plain
    unfiltered = h5p.create(h5p.DATASET_CREATE)
    unfiltered.set_chunk((4, 4))
    unfiltered.set_deflate(6)
    if hasattr(unfiltered, "set_chunk_opts"):
        unfiltered.set_chunk_opts(2)
    dataset = h5d.create(file.id, b"edges", h5t.NATIVE_INT32, h5s.create_simple((7, 9)), unfiltered)
    dataset.write(h5s.ALL, h5s.ALL, ramp((7, 9)))


def groups(file):
    many = file.create_group("many")
    for number in range(100):
        many[f"value_{number}"] = number
    few = file.create_group("few")
    for number in range(20):
        few.attrs[f"attribute_{number}"] = number * 1.5
    few.attrs["text"] = "metre"
    few.attrs["texts"] = ["a", "bc"]
    few.attrs["fixed"] = numpy.bytes_(b"fixed")
    few.attrs["empty"] = h5py.Empty("f4")
    few.attrs["matrix"] = ramp((3, 2), ">i2")
    few.attrs["bool"] = True
    file.attrs["default"] = "few"
    data = file.create_dataset("few/data", data=ramp((2, 2)))
    for number in range(12):
        data.attrs[f"number_{number}"] = number
    file["soft"] = h5py.SoftLink("/few/data")
    file["few/relative"] = h5py.SoftLink("data")
    file["chain"] = h5py.SoftLink("few/relative")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["loop"] = h5py.SoftLink("/loop")
    file["hard"] = file["few/data"]
    file["few/round"] = file["few"]
    file["outside"] = h5py.ExternalLink("other.h5", "/x/data")
    file["outside_group"] = h5py.ExternalLink("other.h5", "/x")
    file["gone"] = h5py.ExternalLink("gone.h5", "/x/data")
    deep = file
    for level in range(12):
        deep = deep.create_group(f"level_{level}")
    deep["bottom"] = 3.5
    ordered = file.create_group("ordered", track_order=True)
    for name in "zyx":
        ordered[name] = 1


def circles(file):
    """Links that lead round and round before they arrive."""
    group = file.create_group("g")
    group["x"] = group
    for number in range(400):
        group[f"link_{number}"] = h5py.SoftLink("x/" * 600 + "value")
    group["value"] = 1


def large_attribute(file):
    file["x"] = 1
    file["x"].attrs["large"] = ramp((20000,))
    for number in range(12):
        file["x"].attrs[f"small_{number}"] = number


FILTERS = {
    "none": {},
    "gzip": {"compression": "gzip"},
    "gzip_shuffle_fletcher32": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "lz4": hdf5plugin.LZ4(),
    "zstd": hdf5plugin.Zstd(),
    "bitshuffle_lz4": hdf5plugin.Bitshuffle(cname="lz4"),
    "bitshuffle_zstd": hdf5plugin.Bitshuffle(cname="zstd"),
    "bitshuffle_none": hdf5plugin.Bitshuffle(cname="none"),
    "blosc_lz4": hdf5plugin.Blosc(cname="lz4", shuffle=hdf5plugin.Blosc.SHUFFLE),
    "blosc_zstd": hdf5plugin.Blosc(cname="zstd", shuffle=hdf5plugin.Blosc.BITSHUFFLE),
    "blosc2": hdf5plugin.Blosc2(),
    "bzip2": hdf5plugin.BZip2(),
    "scaleoffset": {"scaleoffset": 0},
}


def filters(file):
    data = ramp((4, 15, 13), "u4")
    data[:, 3] = 2**32 - 1
    for name, options in FILTERS.items():
        file.create_dataset(name, data=data, chunks=(2, 8, 13), maxshape=(None, 15, 13), **options)


def virtual(file):
    parts = ["part_1.h5", "part_2.h5"]
    layout = h5py.VirtualLayout((7, 4, 5), "i4")
    for number, name in enumerate(parts):
        layout[number * 4:number * 4 + 3] = h5py.VirtualSource(name, "data", (3, 4, 5))
    file.create_virtual_dataset("gap", layout, fillvalue=-5)
    layout = h5py.VirtualLayout((6, 4, 5), "i4")
    for number, name in enumerate(parts):
        layout[number::2] = h5py.VirtualSource(name, "data", (3, 4, 5))
    file.create_virtual_dataset("interleaved", layout)
    layout = h5py.VirtualLayout((3, 2, 4, 5), "i4")
    for number, name in enumerate(parts):
        layout[:, number] = h5py.VirtualSource(name, "data", (3, 4, 5))
    file.create_virtual_dataset("channels", layout)
    layout = h5py.VirtualLayout((9, 5), "i4")
    layout[0:4] = h5py.VirtualSource("part_1.h5", "data", (3, 4, 5))[1]
    layout[5:9] = h5py.VirtualSource("part_2.h5", "data", (3, 4, 5))[2]
    file.create_virtual_dataset("tiles", layout, fillvalue=-1)
    layout = h5py.VirtualLayout((2, 2), "i4")
    layout[:] = h5py.VirtualSource("part_1.h5", "data", (3, 4, 5))[1, 1:3, ::4]
    file.create_virtual_dataset("crop", layout)
    file["own"] = ramp((3, 4, 5))
    layout = h5py.VirtualLayout((3, 4, 5), "i4")
    layout[:] = h5py.VirtualSource(file["own"])
    file.create_virtual_dataset("same_file", layout)
    layout = h5py.VirtualLayout((3, 4, 5), "i4")
    layout[:] = h5py.VirtualSource("gone.h5", "data", (3, 4, 5))
    file.create_virtual_dataset("gone", layout)
    # A data set for each block along an axis without limit.
    plist = h5p.create(h5p.DATASET_CREATE)
    target = h5s.create_simple((2, 4, 5), (h5s.UNLIMITED, 4, 5))
    target.select_hyperslab((0, 0, 0), (h5s.UNLIMITED, 1, 1), (1, 4, 5), (1, 4, 5))
    plist.set_virtual(target, b"part_1.h5", b"block_%b", h5s.create_simple((4, 5)))
    h5d.create(file.id, b"numbered", h5t.STD_I32LE, h5s.create_simple((2, 4, 5), (h5s.UNLIMITED, 4, 5)), plist)
    plist = h5p.create(h5p.DATASET_CREATE)
    target = h5s.create_simple((3, 4, 5), (h5s.UNLIMITED, 4, 5))
    source = h5s.create_simple((3, 4, 5), (h5s.UNLIMITED, 4, 5))
    for space in (target, source):
        space.select_hyperslab((0, 0, 0), (h5s.UNLIMITED, 1, 1), (1, 4, 5), (1, 4, 5))
    plist.set_virtual(target, b"part_2.h5", b"data", source)
    h5d.create(file.id, b"endless", h5t.STD_I32LE, h5s.create_simple((3, 4, 5), (h5s.UNLIMITED, 4, 5)), plist)


def part(number):
    def write(file):
        file.create_dataset("data", data=ramp((3, 4, 5)) + number * 1000, chunks=(1, 4, 5), maxshape=(None, 4, 5),
                            compression="gzip")
        for block in range(2):
            file[f"block_{block}"] = ramp((4, 5)) + block
    return write


def other(file):
    file["x/data"] = ramp((2, 3), "u1")
    file["x/inner"] = 2


def aligned(path):
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_alignment(1, 4096)
    with h5py.File(h5f.create(str(path).encode(), fapl=access)) as file:
        file["aligned"] = ramp((30, 40), "u2")
        file.create_dataset("chunked", data=ramp((8, 9)), chunks=(3, 4))


def listed(value):
    """A value of an attribute as JSON; many numbers are packed."""
    if isinstance(value, h5py.Empty):
        return []
    array = numpy.atleast_1d(numpy.asarray(value))
    if array.dtype.kind in "SOU":
        return [item.decode() if isinstance(item, bytes) else item for item in array.ravel().tolist()]
    if array.size > 100:
        return [packed(array.astype("<f8").tobytes())]
    return [float(item) for item in array.ravel()]


def described(name, dataset):
    """What a dataset is: its values, its texts, or that it is refused."""
    entry = {"path": name, "shape": list(dataset.shape or []), "attributes": {}}
    dtype = dataset.dtype
    text = h5py.check_string_dtype(dtype)
    if dataset.shape is None:
        entry["kind"] = "null"
    elif text is not None:
        entry["kind"] = "text"
        entry["texts"] = [item.decode() for item in numpy.atleast_1d(dataset[()]).ravel().tolist()]
    elif dtype.kind in "iufb" and dtype != "f2":
        values = numpy.asarray(dataset[()])
        entry["kind"] = "numbers"
        little = dtype.newbyteorder("<")
        entry["dtype"] = ("bool" if dtype.kind == "b" else little.name)
        entry["values"] = packed(values.astype(little).tobytes())
    else:
        entry["kind"] = "refused"
    for key, value in dataset.attrs.items():
        entry["attributes"][key] = listed(value)
    return entry


def walk(file):
    """Every object once for each name, every link."""
    entries, links = [], []

    def enter(prefix, group, seen):
        if group.id.__hash__() in seen:
            return
        for name in group:
            path = f"{prefix}{name}"
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink):
                links.append({"path": path, "soft": link.path})
            elif isinstance(link, h5py.ExternalLink):
                links.append({"path": path, "file": link.filename, "external": link.path})
            else:
                links.append({"path": path})
            try:
                item = group[name]
            except (KeyError, OSError, RuntimeError):
                continue
            if isinstance(item, h5py.Dataset):
                if path != "gone":
                    entries.append(described(path, item))
            elif isinstance(item, h5py.Group):
                attributes = {key: listed(value) for key, value in item.attrs.items()}
                entries.append({"path": path, "kind": "group", "shape": [], "attributes": attributes})
                if not isinstance(link, (h5py.SoftLink, h5py.ExternalLink)):
                    enter(f"{path}/", item, seen | {group.id.__hash__()})

    enter("", file, set())
    return entries, links


def case(folder, name, main, files):
    path = folder / main
    with h5py.File(path) as file:
        objects, links = walk(file)
    return {
        "name": name,
        "files": [{"name": each, "zlib_base64": packed((folder / each).read_bytes())} for each in [main, *files]],
        "objects": objects,
        "links": links,
    }


def written(folder, name, write, **options):
    with h5py.File(folder / name, "w", **options) as file:
        write(file)
    return name


def cases():
    sources = [("kinds", kinds), ("indices", indices), ("groups", groups), ("filters", filters),
               ("large attribute", large_attribute)]
    for libver in (EARLIEST, MIDDLE, LATEST):
        label = libver[0]
        for name, write in sources:
            if name == "large attribute" and libver is EARLIEST:
                continue
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                files = [written(folder, "other.h5", other, libver=libver)] if name == "groups" else []
                written(folder, "main.h5", write, libver=libver)
                yield case(folder, f"{name}, {label}", "main.h5", files)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            # Virtual datasets need layouts of HDF5 1.10.
            libver = (libver[0], "latest")
            files = [written(folder, f"part_{n}.h5", part(n), libver=libver) for n in (1, 2)]
            written(folder, "main.h5", virtual, libver=libver)
            yield case(folder, f"virtual, {label}", "main.h5", files)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for size in (512, 2048):
            with h5py.File(folder / f"{size}.h5", "w", userblock_size=size) as file:
                file.create_dataset("x", data=ramp((9, 8)), chunks=(2, 3), compression="gzip")
                file["text"] = "behind a user block"
                file["plain"] = ramp((4, 4))
            yield case(folder, f"user block {size}", f"{size}.h5", [])
        written(folder, "circles.h5", circles)
        content = (folder / "circles.h5").read_bytes()
        yield {"name": "circles", "files": [{"name": "circles.h5", "zlib_base64": packed(content)}], "objects": [],
               "links": []}
        aligned(folder / "aligned.h5")
        yield case(folder, "aligned", "aligned.h5", [])


def main(out):
    golden = {
        "provenance": {
            "program": "h5py, hdf5plugin",
            "version": f"h5py {h5py.__version__} (HDF5 {h5py.version.hdf5_version}), hdf5plugin {hdf5plugin.version}",
            "script": "tools/golden/hdf5_h5py.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 0.0,
            "why": "values are compared to the bit",
        },
        "cases": list(cases()),
    }
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in golden["cases"])
    provenance = json.dumps(golden["provenance"], indent=2)
    text = f'{{"provenance": {provenance},\n"cases": [\n{lines}\n]}}\n'
    pathlib.Path(out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
