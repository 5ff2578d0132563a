//! Writing NXazint1d and NXazint2d.

use std::path::Path;

use rust_hdf5::types::HBool;
use rust_hdf5::{H5File, H5Group};
use xscatter_core::Result;

use super::super::AbscissaUnit;
use super::super::h5_write::{foreign, new_array, new_group, new_text, set_attribute};
use super::{Azint1d, Azint2d, AzintInfo, Bins, Series};
use crate::header;
use crate::write::atomically;

/// hc in keV Å, exact by the SI of 2019.
const HC_KEV_ANGSTROM: f64 = 12.398_419_843_320_026;

/// Writes a series of 1D patterns as NXazint1d; an existing file is replaced as a whole.
///
/// # Errors
/// If shapes disagree, the radial axis has another unit than the definition knows, or the file
/// cannot be written.
pub fn write_1d(path: impl AsRef<Path>, data: &Azint1d) -> Result<()> {
    let intensity = data.intensity.as_standard_layout();
    let errors = data
        .errors
        .as_ref()
        .map(|errors| errors.as_standard_layout());
    let series = Series {
        definition: "NXazint1d",
        shape: data.intensity.shape().to_vec(),
        intensity: intensity.as_slice().unwrap_or(&[]),
        errors: errors
            .as_ref()
            .map(|errors| (errors.as_slice().unwrap_or(&[]), errors.shape().to_vec())),
        azimuthal: None,
        radial: &data.radial,
        radial_unit: data.radial_unit,
        norm: data.norm.as_ref().map(|norm| (&norm[..], vec![norm.len()])),
        monitor: data.monitor.as_deref(),
        info: &data.info,
    };
    write(path.as_ref(), &series)
}

/// Writes a series of 2D patterns as NXazint2d; an existing file is replaced as a whole.
///
/// # Errors
/// As [`write_1d`].
pub fn write_2d(path: impl AsRef<Path>, data: &Azint2d) -> Result<()> {
    let intensity = data.intensity.as_standard_layout();
    let errors = data
        .errors
        .as_ref()
        .map(|errors| errors.as_standard_layout());
    let norm = data.norm.as_ref().map(|norm| norm.as_standard_layout());
    let series = Series {
        definition: "NXazint2d",
        shape: data.intensity.shape().to_vec(),
        intensity: intensity.as_slice().unwrap_or(&[]),
        errors: errors
            .as_ref()
            .map(|errors| (errors.as_slice().unwrap_or(&[]), errors.shape().to_vec())),
        azimuthal: Some(&data.azimuthal_deg),
        radial: &data.radial,
        radial_unit: data.radial_unit,
        norm: norm
            .as_ref()
            .map(|norm| (norm.as_slice().unwrap_or(&[]), norm.shape().to_vec())),
        monitor: data.monitor.as_deref(),
        info: &data.info,
    };
    write(path.as_ref(), &series)
}

fn write(path: &Path, series: &Series<'_>) -> Result<()> {
    series.check().map_err(|error| error.in_file(path))?;
    atomically(path, |temporary| {
        let file = H5File::create(temporary).map_err(foreign)?;
        let root = file.root_group();
        for (key, value) in [
            ("NX_class", "NXroot"),
            ("default", "entry"),
            ("creator", "xscatter"),
        ] {
            root.set_attr_string(key, value).map_err(foreign)?;
        }
        let entry = new_group(&root, "entry", "NXentry")?;
        entry.set_attr_string("default", "data").map_err(foreign)?;
        new_text(&entry, "definition", series.definition)?;
        facts(&entry, series.info)?;
        if let Some(monitor) = series.monitor {
            let group = new_group(&entry, "monitor", "NXmonitor")?;
            new_array(&group, "data", &[monitor.len()], monitor, &[])?;
        }
        data(&entry, series)?;
        file.close().map_err(foreign)
    })
}

fn facts(entry: &H5Group, info: &AzintInfo) -> Result<()> {
    for (name, applied) in [
        ("solid_angle_applied", info.solid_angle_applied),
        ("polarization_applied", info.polarization_applied),
        ("normalization_applied", info.normalization_applied),
        ("monitor_applied", info.monitor_applied),
    ] {
        new_array(entry, name, &[], &[HBool::from(applied)], &[])?;
    }
    let texts = |group: &H5Group, texts: &[(&str, &Option<String>)]| {
        for (name, text) in texts {
            if let Some(text) = text {
                new_text(group, name, text)?;
            }
        }
        Ok::<_, xscatter_core::Error>(())
    };
    let instrument = new_group(entry, "instrument", "NXinstrument")?;
    texts(&instrument, &[("name", &info.instrument)])?;
    let source = new_group(&instrument, "source", "NXsource")?;
    texts(
        &source,
        &[
            ("name", &info.source_name),
            ("type", &info.source_type),
            ("probe", &info.source_probe),
        ],
    )?;
    if let Some(wavelength_m) = info.wavelength_m {
        let group = new_group(&instrument, "monochromator", "NXmonochromator")?;
        let angstrom = wavelength_m * 1e10;
        let energy_kev = HC_KEV_ANGSTROM / angstrom;
        new_array(
            &group,
            "wavelength",
            &[],
            &[angstrom],
            &[("units", "angstrom")],
        )?;
        new_array(&group, "energy", &[], &[energy_kev], &[("units", "keV")])?;
    }
    let reduction = new_group(entry, "reduction", "NXprocess")?;
    texts(
        &reduction,
        &[
            ("program", &info.program),
            ("version", &info.version),
            ("date", &info.date),
            ("reference", &info.reference),
            ("note", &info.note),
        ],
    )?;
    let input = new_group(&reduction, "input", "NXparameters")?;
    for (key, value) in &info.input {
        let key = header::value(key).replace('/', super::super::write::SLASH);
        if !matches!(key.as_str(), "" | "." | "..") {
            new_text(&input, &key, value)?;
        }
    }
    Ok(())
}

fn data(entry: &H5Group, series: &Series<'_>) -> Result<()> {
    let group = new_group(entry, "data", "NXdata")?;
    let two = series.azimuthal.is_some();
    let axes: &[&str] = if two {
        &[".", "azimuthal_axis", "radial_axis"]
    } else {
        &[".", "radial_axis"]
    };
    let interpretation = if two { "image" } else { "spectrum" };
    group.set_attr_string_array("axes", axes).map_err(foreign)?;
    group.set_attr_string("signal", "I").map_err(foreign)?;
    group
        .set_attr_string("interpretation", interpretation)
        .map_err(foreign)?;
    let unit = series.info.intensity_unit.as_deref();
    let unit = unit.unwrap_or("arbitrary units");
    frames(&group, "I", "intensity", unit, series, series.intensity)?;
    if let Some((errors, _)) = &series.errors {
        let label = "estimated errors on intensity";
        frames(&group, "I_errors", label, unit, series, errors)?;
    }
    let (label, unit) = match series.radial_unit {
        AbscissaUnit::TwoThetaDeg => ("2theta", "degrees"),
        _ => ("q", "1/angstrom"),
    };
    bins(
        &group,
        "radial_axis",
        series.radial,
        label,
        &format!("{label} bin edges"),
        unit,
    )?;
    if let Some(azimuthal) = series.azimuthal {
        let (centre, edges) = ("azimuthal bin center", "azimuthal bin edges");
        bins(
            &group,
            "azimuthal_axis",
            azimuthal,
            centre,
            edges,
            "degrees",
        )?;
    }
    if let Some((norm, shape)) = &series.norm {
        let label = "effective number of pixels contributing to the corresponding bin";
        let attributes = [("units", "arbitrary units"), ("long_name", label)];
        new_array(&group, "norm", shape, norm, &attributes)?;
    }
    Ok(())
}

fn bins(
    group: &H5Group,
    name: &str,
    bins: &Bins,
    label: &str,
    edges_label: &str,
    unit: &str,
) -> Result<()> {
    let attributes = [("long_name", label), ("units", unit)];
    new_array(
        group,
        name,
        &[bins.centres.len()],
        &bins.centres,
        &attributes,
    )?;
    if let Some(edges) = &bins.edges {
        let attributes = [("long_name", edges_label), ("units", unit)];
        let name = format!("{name}_edges");
        new_array(group, &name, &[edges.len()], edges, &attributes)?;
    }
    Ok(())
}

/// A dataset that more frames can be appended to, one chunk each.
fn frames(
    group: &H5Group,
    name: &str,
    label: &str,
    unit: &str,
    series: &Series<'_>,
    values: &[f64],
) -> Result<()> {
    let mut chunk = series.shape.clone();
    chunk[0] = 1;
    let mut most: Vec<Option<usize>> = series.shape.iter().copied().map(Some).collect();
    most[0] = None;
    let write = || {
        let dataset = group
            .new_dataset::<f64>()
            .shape(&series.shape)
            .chunk(&chunk)
            .max_shape(&most)
            .create(name)?;
        dataset.write_raw(values)?;
        set_attribute(&dataset, "units", unit)?;
        set_attribute(&dataset, "long_name", label)
    };
    write().map_err(foreign)
}
