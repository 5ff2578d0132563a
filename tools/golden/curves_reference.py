"""Reference values for the curves of xscatter-io: h5py, numpy and xml.etree read, others write.

    python tools/golden/curves_reference.py crates/xscatter-io/tests/golden/curves.json [DATA]

DATA is the folder with real files (or the environment variable XSCATTER_DATA). Without it the cases
of real files of an earlier run are kept.

    python tools/golden/curves_reference.py --check FILE...

checks with h5py and numpy that the files which tests/curves.rs writes with XSCATTER_CURVES_OUT=FOLDER
hold what that test says, to the bit.
"""

import base64
import datetime
import json
import math
import os
import sys
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree
import zlib

import h5py
import numpy as np

REPOSITORIES = {
    "usaxs": "APS-USAXS__Matilda/TestData",
    "lightform": "LightForm-group__pyFAI-integration-caking/example-analysis",
    "sas": "SasView__sasdata/sasdata/example_data",
    "freesas": "silx-kit__freesas/e2etest/e2etest_data",
    "pdf": "xpdAcq__PDFstream/tests/test_data",
    "xrsdkit": "scattering-central__xrsdkit/tests/test_data/solution_saxs",
    "musclex": "biocatiit__musclex/musclex/tests/testResults/PILATUSimages/pt_results/1d_projections",
}


def column(values):
    """What a test compares of one column: ends, sum, size of the sum, all bits."""
    values = np.ascontiguousarray(values, dtype="<f8")
    # JSON has no NaN; the bits are compared anyway.
    stated = lambda value: None if math.isnan(value) else float(value)
    return {
        "first": stated(values[0]),
        "last": stated(values[-1]),
        "sum": stated(math.fsum(values)),
        "size": stated(math.fsum(np.abs(values))),
        "crc": zlib.crc32(values.tobytes()),
    }


def curve(unit, x, intensity, sigma=None, dq=None, dqw=None, dql=None, others=(), **facts):
    named = {"x": x, "i": intensity, "sigma": sigma, "dq": dq, "dqw": dqw, "dql": dql}
    case = {"unit": unit, "points": len(x)}
    case["columns"] = {key: column(v) for key, v in named.items() if v is not None}
    case["others"] = {name: column(values) for name, values in others}
    case["facts"] = facts
    return case


# ------------------------------------------------------------------ independent readers

INV = {"1/A": "QInvAngstrom", "1/angstrom": "QInvAngstrom", "1/nm": "QInvNm"}


def text(value):
    value = np.ravel(value)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def read_hdf5(path):
    curves = []
    with h5py.File(path) as file:

        def visit(_, group):
            if not isinstance(group, h5py.Group):
                return
            if text(group.attrs.get("canSAS_class", "")) != "SASdata":
                return
            get = lambda name: group[name][()] if name in group else None
            slit = "dQw" in group or "dQl" in group
            facts = {"title": text(group.parent["title"][()])}
            if "units" in group["I"].attrs:
                facts["intensity_unit"] = text(group["I"].attrs["units"])
            curves.append(
                curve(
                    INV.get(text(group["Q"].attrs["units"]), "Unknown"),
                    get("Q"),
                    get("I"),
                    get("Idev"),
                    None if slit else get("Qdev"),
                    get("dQw"),
                    get("dQl"),
                    **facts,
                )
            )

        file.visititems(visit)
    return curves


def read_xml(path):
    curves = []
    local = lambda node: node.tag.rsplit("}")[-1]
    for entry in ElementTree.parse(path).getroot():
        if local(entry) != "SASentry":
            continue
        facts = {local(n).lower(): n.text for n in entry if local(n) in ("Title", "Run")}
        for data in entry:
            if local(data) != "SASdata":
                continue
            names = [local(n) for n in data[0]]
            rows = [[float(n.text) for n in point] for point in data]
            table = dict(zip(names, np.array(rows).T))
            units = {local(n): n.get("unit") for n in data[0]}
            slit = "dQw" in table or "dQl" in table
            curves.append(
                curve(
                    INV.get(units["Q"], "Unknown"),
                    table["Q"],
                    table["I"],
                    table.get("Idev"),
                    None if slit else table.get("Qdev"),
                    table.get("dQw"),
                    table.get("dQl"),
                    intensity_unit=units["I"],
                    **facts,
                )
            )
    return curves


def read_columns(path, unit="Unknown", roles=("x", "i", "sigma"), others=(), facts=None, **load):
    table = np.loadtxt(path, encoding="utf-8", **load).T
    named = dict(zip(roles, table))
    rest = [(name, table[at]) for at, name in others]
    x, i, sigma = named["x"], named["i"], named.get("sigma")
    return [curve(unit, x, i, sigma, others=rest, **(facts or {}))]


def real(root):
    def at(key, name):
        return f"{REPOSITORIES[key]}/{name}"

    cases = []

    def add(relative, read, **options):
        curves = read(os.path.join(root, relative), **options)
        cases.append({"file": relative, "curves": curves})

    for key, name in [
        ("usaxs", "NXcanSAS_DSM.h5"),
        ("usaxs", "NXcanSAS_SMR.h5"),
        ("sas", "1d_data/Lew_Sa3_DSM_QinA.h5"),
        ("sas", "1d_data/33837rear_1D_1.75_16.5_NXcanSAS_v3.h5"),
    ]:
        add(at(key, name), read_hdf5)
    for name in ["ISIS_Polymer_Blend_TK49.xml", "33837rear_1D_1.75_16.5_CanSAS1D.xml"]:
        add(at("sas", f"1d_data/{name}"), read_xml)
    add(
        at("sas", "1d_data/APS_DND-CAT.TXT"),
        read_columns,
        roles=("x", "i"),
        others=[(2, "column 3"), (3, "column 4")],
    )
    add(at("sas", "1d_data/Alumina_usaxs.csv"), read_columns, delimiter=",")
    add(
        at("sas", "1d_data/Anton-Paar.pdh"),
        read_columns,
        unit="QInvNm",
        skiprows=5,
        max_rows=673,
        facts={"intensity_unit": "u_m^-2", "wavelength_nm": 0.1542},
    )
    add(at("freesas", "bsa_005_sub.dat"), read_columns)
    add(
        at("lightform", "integrated.dat"),
        read_columns,
        unit="TwoThetaDeg",
        facts={"wavelength_nm": 0.01393},
    )
    add(
        at("pdf", "Ni_chi_file.chi"),
        read_columns,
        unit="QInvAngstrom",
        facts={"wavelength_nm": 0.01671},
    )
    with open(os.path.join(root, at("pdf", "Ni_gr_file.gr")), encoding="utf-8") as file:
        skip = next(n for n, line in enumerate(file, 1) if line.startswith("#L"))
    unit = {"intensity_unit": "Å$^{-2}$"}
    add(at("pdf", "Ni_gr_file.gr"), read_columns, unit="RAngstrom", skiprows=skip, facts=unit)
    add(
        at("pdf", "Ni_fgr_file.fgr"),
        read_columns,
        roles=("x", "ycalc", "i", "sigma"),
        others=[(1, "ycalc")],
    )
    counts = {"intensity_unit": "counts"}
    for name in ["peaks", "precursors", "spheres"]:
        relative = at("xrsdkit", f"{name}/{name}_0.dat")
        add(relative, read_columns, unit="QInvAngstrom", facts=counts)
    folder = os.path.join(root, REPOSITORIES["musclex"])
    for name in sorted(os.listdir(folder)):
        if name.endswith(".txt"):
            add(at("musclex", name), read_columns)
    return cases


def refused(root):
    """Files of the same endings that hold no curve."""
    read = {case["file"] for case in real(root)}
    endings = (".csv", ".txt", ".dat", ".xml", ".h5", ".hdf", ".nxs", ".npy", ".poni", ".tif")
    found = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(endings) and path not in read:
                found.append(path)
    return found


# ------------------------------------------------------------------ independent writers


def pack(path):
    with open(path, "rb") as file:
        return base64.b64encode(zlib.compress(file.read(), 9)).decode()


def integrated(unit, error_model):
    from pyFAI.detectors import Detector
    from pyFAI.integrator.azimuthal import AzimuthalIntegrator

    detector = Detector(172e-6, 172e-6, max_shape=(60, 50))
    integrator = AzimuthalIntegrator(
        dist=0.5, poni1=0.003, poni2=0.004, detector=detector, wavelength=1.0332e-10
    )
    image = np.random.default_rng(3).poisson(100, (60, 50)).astype("float32")
    return integrator.integrate1d(image, 12, unit=unit, error_model=error_model)


def rounded(values):
    """What pyFAI writes into text."""
    return np.array([float(f"{value:14.6e}") for value in values])


def written(folder):
    import pandas
    import pyFAI
    from pyFAI.io import save_integrate_result
    from pyFAI.io.nexus import save_NXcansas, save_NXmonpd
    from silx.io.utils import save1D

    cases = []

    def add(name, writer, curves, message=None):
        path = os.path.join(folder, name)
        case = {"name": name, "writer": writer, "bytes": pack(path), "curves": curves}
        cases.append({**case, "message": message})

    pyfai = f"pyFAI {pyFAI.version}"
    units = [
        ("a.dat", "q_nm^-1", "QInvNm"),
        ("a.chi", "q_A^-1", "QInvAngstrom"),
        ("a.xy", "2th_deg", "TwoThetaDeg"),
        ("b.dat", "2th_rad", "TwoThetaRad"),
        ("c.dat", "r_mm", "RadiusMm"),
        ("d.dat", "d_A", "DAngstrom"),
        ("e.dat", "d*2_A^-2", "Unknown"),
        ("f.dat", "log10(q.m)_None", "Unknown"),
    ]
    facts = {"wavelength_nm": 0.10332}
    for name, unit, ours in units:
        result = integrated(unit, None)
        save_integrate_result(os.path.join(folder, name), result)
        x, i = rounded(result.radial), rounded(result.intensity)
        add(name, pyfai, [curve(ours, x, i, **facts)])
    # This version forgets to format the line of titles where there are uncertainties.
    result = integrated("2th_deg", "poisson")
    save_integrate_result(os.path.join(folder, "a.xye"), result)
    table = [rounded(v) for v in (result.radial, result.intensity, result.sigma)]
    add("a.xye", pyfai, [curve("Unknown", *table, **facts)])
    result = integrated("q_nm^-1", "poisson")
    save_NXcansas(os.path.join(folder, "a.nxs"), result, title="t", run="r", sample="water")
    facts = {"title": "t", "run": "r", "sample": "water", "intensity_unit": "arbitrary", **facts}
    add(
        "a.nxs",
        f"{pyfai}, save_NXcansas",
        [curve("QInvNm", result.radial, result.intensity, result.sem, **facts)],
    )
    result = integrated("2th_deg", "poisson")
    save_NXmonpd(os.path.join(folder, "b.nxs"), result, sample="water")
    facts = {"sample": "water", "wavelength_nm": 0.10332}
    add(
        "b.nxs",
        f"{pyfai}, save_NXmonpd",
        [curve("TwoThetaDeg", result.radial, result.intensity, result.sem, **facts)],
    )

    rng = np.random.default_rng(7)
    x = np.sort(rng.uniform(0.01, 3.0, 7))
    i = rng.gamma(2.0, 50.0, 7)
    s = np.sqrt(i)
    table = np.column_stack([x, i, s])
    numpy = f"numpy {np.__version__}, savetxt"

    def savetxt(name, unit, expected, **options):
        np.savetxt(os.path.join(folder, name), table, **options)
        add(name, numpy, [curve(unit, *table.T, **expected)])

    savetxt("bare.txt", "Unknown", {})
    savetxt(
        "comma.csv",
        "QInvNm",
        {"intensity_unit": "1/cm"},
        fmt="%.17g",
        delimiter=",",
        header="q (1/nm), I (1/cm), dI (1/cm)",
    )
    savetxt("semicolon.txt", "Unknown", {}, fmt="%.17g", delimiter="; ", comments="% ", header="x;y;e")
    savetxt(
        "tab.txt",
        "TwoThetaDeg",
        {"title": "a run"},
        fmt="%.17g",
        delimiter="\t",
        comments="",
        header="title: a run\n2Theta [deg]\tI\tsigma",
        encoding="utf-8",
    )
    frame = pandas.DataFrame(table, columns=["Q (1/Å)", "I (1/cm)", "Error"])
    frame.to_csv(os.path.join(folder, "pandas.csv"), index=False)
    writer = f"pandas {pandas.__version__}"
    same = [curve("QInvAngstrom", *table.T, intensity_unit="1/cm")]
    add("pandas.csv", writer, same)
    frame.to_csv(os.path.join(folder, "german.csv"), index=False, sep=";", decimal=",")
    add("german.csv", writer, same)
    frame.to_csv(os.path.join(folder, "latin.csv"), index=False, encoding="latin-1")
    add("latin.csv", writer, same)
    import silx

    writer = f"silx {silx.version}, save1D"
    for name, kind in [("silx.txt", "txt"), ("silx.csv", "csv")]:
        options = {"fmt": "%.17e"} if kind == "txt" else {"fmt": "%.17e", "csvdelim": ";"}
        save1D(
            os.path.join(folder, name), x, [i], xlabel="q_nm^-1", ylabels=["I"], filetype=kind, autoheader=True, **options
        )
        add(name, writer, [curve("QInvNm", x, i)])
    with open(os.path.join(folder, "fortran.dat"), "w", encoding="ascii") as file:
        file.write(" a title\n")
        for row in table:
            file.write(" ".join(f"{value:.16E}".replace("E", "D") for value in row) + "\n")
    add("fortran.dat", "Python, str.format with D exponents", [curve("Unknown", *table.T)])

    for name, count in [("fit2d.chi", "7"), ("fit2d_1.chi", "7   1")]:
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write("PWDR a frame\n2-Theta Angle (Degrees)\nIntensity\n")
            file.write(f"       {count}\n")
            file.writelines(f" {a:5.7e}   {b:5.7e}\n" for a, b in zip(x, i))
        kept = [np.array([float(f"{v:5.7e}") for v in values]) for values in (x, i)]
        layout = "Python, in the layout of G2export_FIT2D of GSAS-II"
        add(name, layout, [curve("TwoThetaDeg", *kept, title="PWDR a frame")])
    with open(os.path.join(folder, "topas.xye"), "w", encoding="ascii") as file:
        file.write("' a comment of TOPAS\n")
        np.savetxt(file, table, fmt="%.17g")
    add("topas.xye", numpy, [curve("Unknown", *table.T)])

    cases.extend(xml_cases(folder, table))
    cases.extend(hdf5_cases(folder, table))
    return cases


def xml_cases(folder, table):
    """canSAS XML 1.0 with two SASdata, the second slit-smeared."""
    space = "cansas1d/1.0"
    root = ElementTree.Element("SASroot", {"version": "1.0", "xmlns": space})
    entry = ElementTree.SubElement(root, "SASentry", {"name": "first"})
    ElementTree.SubElement(entry, "Title").text = "two data"
    ElementTree.SubElement(entry, "Run", {"name": "x"}).text = "12"
    expected = []
    for names in [("Q", "I", "Idev"), ("Q", "I", "dQw", "dQl")]:
        data = ElementTree.SubElement(entry, "SASdata", {"name": "+".join(names)})
        columns = table.T[[0, 1, 2, 2][: len(names)]]
        for row in columns.T:
            point = ElementTree.SubElement(data, "Idata")
            for name, value in zip(names, row):
                unit = "1/cm" if name.startswith("I") else "1/nm"
                ElementTree.SubElement(point, name, {"unit": unit}).text = repr(float(value))
        named = dict(zip(names, columns))
        expected.append(
            curve(
                "QInvNm",
                named["Q"],
                named["I"],
                named.get("Idev"),
                None,
                named.get("dQw"),
                named.get("dQl"),
                title="two data",
                run="12",
                sample="water",
                intensity_unit="1/cm",
            )
        )
    sample = ElementTree.SubElement(entry, "SASsample")
    ElementTree.SubElement(sample, "ID").text = "water"
    path = os.path.join(folder, "two.xml")
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    writer = f"Python {sys.version.split()[0]}, xml.etree"
    case = {"name": "two.xml", "writer": writer, "bytes": pack(path), "curves": expected}
    return [{**case, "message": None}]


def hdf5_cases(folder, table):
    """NXcanSAS in the ways in which h5py can write it."""
    x, i, s = table.T
    cases = []
    writer = f"h5py {h5py.__version__} with HDF5 {h5py.version.hdf5_version}"

    def save(name, fill, curves, message=None, **options):
        path = os.path.join(folder, name)
        with h5py.File(path, "w", **options) as file:
            fill(file)
        case = {"name": name, "writer": writer, "bytes": pack(path), "curves": curves}
        cases.append({**case, "message": message})

    def entry(file, name):
        group = file.create_group(name)
        group.attrs["NX_class"] = "NXentry"
        group.attrs["canSAS_class"] = "SASentry"
        group.attrs["version"] = "1.1"
        group["definition"] = "NXcanSAS"
        group["title"] = name
        data = group.create_group("any name")
        data.attrs["NX_class"] = "NXdata"
        data.attrs["canSAS_class"] = "SASdata"
        data.attrs["signal"] = "I"
        data.attrs["I_axes"] = "Q"
        data.attrs["Q_indices"] = [0]
        return data

    def array(group, name, values, unit, **options):
        group.create_dataset(name, data=values, **options)
        group[name].attrs["units"] = unit

    def several(file):
        data = entry(file, "one")
        array(data, "Q", x.astype(">f8"), "1/angstrom")
        array(data, "I", i, "1/cm", chunks=(3,), compression="gzip", shuffle=True)
        array(data, "Idev", s, "1/cm", fletcher32=True)
        data["I"].attrs["uncertainties"] = "Idev"
        array(data, "Qdev", s, "1/angstrom")
        data["Q"].attrs["resolutions"] = "Qdev"
        data = entry(file, "two")
        array(data, "Q", x, "1/nm")
        array(data, "I", np.rint(i).astype("u2"), "counts")
        array(data, "dQw", s, "1/nm")
        array(data, "dQl", i, "1/nm")
        data["Q"].attrs["resolutions"] = ["dQw", "dQl"]
        data = entry(file, "three")
        array(data, "Q", x.astype("f4"), np.bytes_("1/A"))
        array(data, "I", np.where(x > 1, np.nan, i)[None], "1/cm")

    expected = [
        curve("QInvAngstrom", x, i, s, s, title="one", intensity_unit="1/cm"),
        curve(
            "QInvAngstrom",
            x.astype("f4"),
            np.where(x > 1, np.nan, i),
            title="three",
            intensity_unit="1/cm",
        ),
        curve("QInvNm", x, np.rint(i), None, None, s, i, title="two", intensity_unit="counts"),
    ]
    for name, libver in [("several.h5", "earliest"), ("latest.h5", "latest")]:
        save(name, several, expected, libver=libver)

    def image(file):
        data = entry(file, "image")
        data.attrs["I_axes"] = "Q,Q"
        data.attrs["Q_indices"] = [0, 1]
        for name in ["I", "Qx", "Qy"]:
            array(data, name, np.outer(i, s), "1/cm")

    save("image.h5", image, [], "a 2D data set")

    def mismatched(file):
        data = entry(file, "short")
        array(data, "Q", x[:-1], "1/nm")
        array(data, "I", i, "1/cm")

    save("mismatched.h5", mismatched, [], "one for each point")

    def compound(file):
        file["table"] = np.zeros(3, [("a", "f8"), ("b", "i4")])

    save("compound.h5", compound, [], "found none")
    return cases


def azint(folder):
    """NXazint in the layout of azint_writer 04e9227: one definition, and both."""
    rng = np.random.default_rng(11)
    frames, etas, radii = 3, 4, 5
    q = np.linspace(0.1, 2.0, radii)
    eta = np.linspace(45.0, 315.0, etas)
    one = rng.gamma(2.0, 50.0, (frames, radii)).astype("f4")
    two = rng.gamma(2.0, 50.0, (frames, etas, radii)).astype("f4")
    two[:, 0, 0] = np.nan
    edges = lambda centres: np.append(centres, 2 * centres[-1] - centres[-2]) - 0.5 * (
        centres[1] - centres[0]
    )
    cases = []
    writer = f"h5py {h5py.__version__}, the layout of azint_writer 04e9227"

    def fill(file, kinds, unit):
        entry = file.create_group("entry", track_order=True)
        entry.attrs["NX_class"] = "NXentry"
        entry.attrs["default"] = "data"
        instrument = entry.create_group("instrument", track_order=True)
        instrument.attrs["NX_class"] = "NXinstrument"
        instrument["name"] = np.bytes_("DanMAX")
        mono = instrument.create_group("monochromator")
        mono.attrs["NX_class"] = "NXmonochromator"
        mono["wavelength"] = 0.35424
        mono["wavelength"].attrs["units"] = "angstrom"
        source = instrument.create_group("source")
        source["name"], source["type"], source["probe"] = "MAX IV", "Synchrotron", "x-ray"
        for kind in kinds:
            base = entry if len(kinds) == 1 else entry.create_group(f"azint{kind}d")
            if base is not entry:
                base.attrs["NX_class"] = "NXsubentry"
                base["instrument"] = h5py.SoftLink("/entry/instrument")
            base["definition"] = f"NXazint{kind}d"
            base["solid_angle_applied"] = True
            base["polarization_applied"] = False
            base["normalization_applied"] = True
            base["monitor_applied"] = False
            process = base.create_group("reduction", track_order=True)
            process.attrs["NX_class"] = "NXprocess"
            process["program"] = "azint-pipeline"
            process["version"] = "azint 1.0\nazint-writer 1.0"
            settings = process.create_group("input", track_order=True)
            settings["n_splitting"] = 15
            settings["unit"] = unit
            data = base.create_group("data", track_order=True)
            data.attrs["NX_class"] = "NXdata"
            data.attrs["signal"] = "I"
            axes = [".", "radial_axis"] if kind == 1 else [".", "azimuthal_axis", "radial_axis"]
            data.attrs["axes"] = axes
            data.attrs["interpretation"] = "spectrum" if kind == 1 else "image"
            for name, values in [("radial_axis", q), ("radial_axis_edges", edges(q))]:
                data[name] = values
                data[name].attrs["long_name"] = "q" if unit == "q" else "2theta"
                data[name].attrs["units"] = "1/angstrom" if unit == "q" else "degrees"
            if kind == 2:
                for name, values in [("azimuthal_axis", eta), ("azimuthal_axis_edges", edges(eta))]:
                    data[name] = values
                    data[name].attrs["units"] = "degrees"
            values = one if kind == 1 else two
            for name, stored in [("I", values), ("I_errors", np.sqrt(values))]:
                shape = values.shape[1:]
                data.create_dataset(name, data=stored, maxshape=(None, *shape), chunks=(1, *shape))
                data[name].attrs["units"] = "arbitrary units"
            data["norm"] = np.arange(values[0].size, dtype="f8").reshape(values.shape[1:])

    for name, kinds, unit in [
        ("one.h5", [1], "q"),
        ("two.h5", [2], "2th"),
        ("both.h5", [1, 2], "q"),
    ]:
        path = os.path.join(folder, name)
        with h5py.File(path, "w") as file:
            fill(file, kinds, unit)
        case = {"name": name, "writer": writer, "bytes": pack(path), "kinds": kinds}
        case["unit"] = "QInvAngstrom" if unit == "q" else "TwoThetaDeg"
        case["radial"] = column(q)
        case["azimuthal"] = column(eta)
        case["one"] = column(one.ravel())
        case["one_errors"] = column(np.sqrt(one).ravel())
        # The sum leaves out the bin without a pixel.
        case["two"] = column(np.nan_to_num(two).ravel())
        case["shape"] = [frames, etas, radii]
        cases.append(case)
    return cases


# ------------------------------------------------------------------ what we wrote


def check(path):
    """The formulas of the functions `known` of the test."""
    n = np.arange(1, 8, dtype="f8")
    x, i, s = n / 3.0, 1e5 / n**2, np.sqrt(n)
    same = lambda a, b: np.asarray(a, "<f8").tobytes() == np.ascontiguousarray(b, "<f8").tobytes()
    name = os.path.basename(path)
    if name.endswith(".dat"):
        table = np.loadtxt(path).T
        assert all(same(a, b) for a, b in zip(table, [x, i, s, x / 10], strict=True))
        head = open(path, encoding="utf-8").read().splitlines()
        titles = next(line for line in reversed(head) if line.startswith("#"))
        assert titles.lstrip("#").split() == ["q_A^-1", "I", "sigma", "dq"], titles
        return
    with h5py.File(path) as file:
        if name.startswith("nxcansas"):
            assert text(file.attrs["default"]) == "sasentry01"
            for number, slit in [(1, False), (2, True)]:
                entry = file[f"sasentry{number:02}"]
                assert text(entry.attrs["canSAS_class"]) == "SASentry"
                assert text(entry.attrs["version"]) == "1.1"
                assert text(entry["definition"][()]) == "NXcanSAS"
                assert text(entry["title"][()]) == "a title"
                data = entry[text(entry.attrs["default"])]
                assert text(data.attrs["canSAS_class"]) == "SASdata"
                assert text(data.attrs["signal"]) == "I" and text(data.attrs["I_axes"]) == "Q"
                assert list(data.attrs["Q_indices"]) == [0]
                assert same(data["Q"], x) and same(data["I"], i) and same(data["Idev"], s)
                assert data["I"].dtype == "<f8" and data["Q"].shape == (7,)
                assert text(data["Q"].attrs["units"]) == "1/angstrom"
                assert text(data["I"].attrs["units"]) == "1/cm"
                assert text(data["I"].attrs["uncertainties"]) == "Idev"
                if slit:
                    assert list(data["Q"].attrs["resolutions"]) == ["dQw", "dQl"]
                    assert same(data["dQw"], x / 10) and same(data["dQl"], x)
                else:
                    assert text(data["Q"].attrs["resolutions"]) == "Qdev"
                    assert same(data["Qdev"], x / 10)
                path_of = "sasinstrument/sassource/incident_wavelength"
                assert entry[path_of][()] == 1.0332e-10
                assert text(entry["header"]["SASprocess\u2215name"][()]) == "x"
            return
        two = name.startswith("azint2d")
        entry = file["entry"]
        assert text(entry["definition"][()]) == ("NXazint2d" if two else "NXazint1d")
        assert entry["solid_angle_applied"][()] and not entry["monitor_applied"][()]
        assert entry["solid_angle_applied"].dtype == bool, entry["solid_angle_applied"].dtype
        data = entry["data"]
        axes = [".", "azimuthal_axis", "radial_axis"] if two else [".", "radial_axis"]
        assert list(data.attrs["axes"]) == axes and text(data.attrs["signal"]) == "I"
        shape = (2, 3, 7) if two else (2, 7)
        values = np.arange(np.prod(shape), dtype="f8").reshape(shape) / 3.0
        assert data["I"].shape == shape and data["I"].maxshape == (None, *shape[1:])
        assert data["I"].chunks == (1, *shape[1:])
        assert same(data["I"], values) and same(data["I_errors"], np.sqrt(values))
        assert same(data["norm"], values[0])
        assert same(data["radial_axis"], x)
        assert same(data["radial_axis_edges"], np.arange(8) / 3.0)
        assert text(data["radial_axis"].attrs["units"]) == "1/angstrom"
        assert text(data["radial_axis"].attrs["long_name"]) == "q"
        if two:
            assert same(data["azimuthal_axis"], [60.0, 180.0, 300.0])
        assert text(entry["reduction/program"][()]) == "a program"
        assert text(entry["reduction/input/bins"][()]) == "7"
        assert same(entry["monitor/data"], [1.0, 2.0])
        assert abs(entry["instrument/monochromator/wavelength"][()] - 1.0332) < 1e-15


def main():
    if sys.argv[1] == "--check":
        for path in sys.argv[2:]:
            check(path)
            print(f"{path}: as written, to the bit")
        return
    warnings.simplefilter("ignore")
    out = sys.argv[1]
    root = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("XSCATTER_DATA")
    if root and os.path.isdir(root):
        cases = {"real": real(root), "refused": refused(root)}
    else:
        with open(out, encoding="utf-8") as file:
            old = json.load(file)["cases"]
        cases = {"real": old["real"], "refused": old["refused"]}
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)
        cases["written"] = written(".")
        cases["azint"] = azint(".")
        os.chdir(here)
    import pandas
    import pyFAI
    import silx

    golden = {
        "provenance": {
            "program": "h5py, numpy, xml.etree, pyFAI, silx, pandas",
            "version": f"{h5py.__version__}, {np.__version__}, Python {sys.version.split()[0]}, "
            f"{pyFAI.version}, {silx.version}, {pandas.__version__}",
            "script": "tools/golden/curves_reference.py",
            "date": datetime.date.today().isoformat(),
            "tolerance": 1e-12,
            "why": "values are compared bit by bit; sums differ in the order of their terms only",
        },
        "cases": cases,
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(golden, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")


if __name__ == "__main__":
    main()
