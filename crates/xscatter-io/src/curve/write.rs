//! Writing curves: columns as pyFAI writes them, and NXcanSAS.

use std::fmt::Write as _;
use std::path::Path;

use rust_hdf5::{H5File, H5Group};
use xscatter_core::{Error, ErrorKind, Result};

use super::h5_write::{foreign, new_array, new_group, new_text, set_attribute};
use super::{AbscissaUnit, Curve, Resolution};
use crate::header;
use crate::write::atomically;

/// Stands in a dataset name for the `/` of a header key.
pub(super) const SLASH: &str = "\u{2215}";
/// Keys of a `.dat` header that are fields of [`CurveInfo`](super::CurveInfo).
const FIELDS: [&str; 5] = ["title", "sample", "run", "wavelength", "intensity unit"];

/// Writes a curve as columns under a `#` header, with the column line of pyFAI
/// (`# q_nm^-1  I  sigma`); an existing file is replaced as a whole.
///
/// Every number is written with as many digits as it takes to read it back to the bit. The
/// resolution follows as `dq`, or `dQw` and `dQl`, then the columns of other meaning. Line breaks in
/// the header become spaces, and `:` and `=` in its keys become `_`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_dat(path: impl AsRef<Path>, curve: &Curve) -> Result<()> {
    let text = dat(curve);
    atomically(path.as_ref(), |temporary| {
        Ok(std::fs::write(temporary, text)?)
    })
}

fn dat(curve: &Curve) -> String {
    let info = &curve.info;
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let key = header::value(key).replace([':', '='], "_");
        if !key.is_empty() && !value.is_empty() {
            // The writer of a String does not fail.
            let _ = writeln!(text, "# {key}: {}", header::value(value));
        }
    };
    let wavelength = info.wavelength_m.map(|metres| format!("{metres:e} m"));
    let fields = [
        &info.title,
        &info.sample,
        &info.run,
        &wavelength,
        &info.intensity_unit,
    ];
    for (key, value) in ["Title", "Sample", "Run", "Wavelength", "Intensity unit"]
        .iter()
        .zip(fields)
    {
        line(key, value.as_deref().unwrap_or(""));
    }
    for (key, value) in &info.header {
        let stated = FIELDS
            .iter()
            .zip(fields)
            .any(|(field, value)| key.eq_ignore_ascii_case(field) && value.is_some());
        if !stated {
            line(key, value);
        }
    }
    let mut columns: Vec<(String, &[f64])> = vec![
        (curve.x_unit().title().to_owned(), curve.x()),
        ("I".to_owned(), curve.intensity()),
    ];
    if let Some(sigma) = curve.sigma() {
        columns.push(("sigma".to_owned(), sigma));
    }
    match curve.resolution() {
        Some(Resolution::Pinhole(dq)) => columns.push(("dq".to_owned(), dq)),
        Some(Resolution::Slit { width, length }) => {
            for (name, values) in [("dQw", width), ("dQl", length)] {
                if let Some(values) = values {
                    columns.push((name.to_owned(), values));
                }
            }
        }
        None => {}
    }
    for column in curve.columns() {
        let name: Vec<&str> = column.name.split_whitespace().collect();
        columns.push((name.join("_"), &column.values));
    }
    text.push('#');
    for (index, (title, _)) in columns.iter().enumerate() {
        let width = if index == 0 { 23 } else { 24 };
        let _ = write!(text, "{title:>width$} ");
    }
    text.push('\n');
    for point in 0..curve.len() {
        for (_, values) in &columns {
            let _ = write!(text, "{:>24e} ", values[point]);
        }
        text.push('\n');
    }
    text
}

/// Writes curves as NXcanSAS: one `SASentry` for each; an existing file is replaced as a whole.
///
/// The arrays are stored as 64-bit floats, bit for bit. An intensity without a unit gets the one
/// that the definition has for it, `arbitrary`. The header goes to a collection of the entry, a `/`
/// in its keys as U+2215. Columns of other meaning are left out.
///
/// # Errors
/// If there is no curve, an abscissa is not q (NXcanSAS knows nothing else), or the file cannot be
/// written.
pub fn write_nxcansas(path: impl AsRef<Path>, curves: &[Curve]) -> Result<()> {
    let path = path.as_ref();
    if curves.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected at least one curve, got none",
        )
        .in_file(path));
    }
    for (index, curve) in curves.iter().enumerate() {
        if !curve.x_unit().is_q() {
            let unit = curve.x_unit();
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("expected q in 1/nm or 1/Å, which NXcanSAS demands, got {unit}"),
            )
            .in_file(path)
            .at(format_args!("curve {index}")));
        }
    }
    atomically(path, |temporary| {
        let file = H5File::create(temporary).map_err(foreign)?;
        let root = file.root_group();
        root.set_attr_string("NX_class", "NXroot")
            .map_err(foreign)?;
        root.set_attr_string("default", "sasentry01")
            .map_err(foreign)?;
        root.set_attr_string("creator", "xscatter")
            .map_err(foreign)?;
        for (index, curve) in curves.iter().enumerate() {
            entry(&root, &format!("sasentry{:02}", index + 1), curve)?;
        }
        file.close().map_err(foreign)
    })
}

fn canonical(parent: &H5Group, name: &str, class: &str, canonical: &str) -> Result<H5Group> {
    let group = new_group(parent, name, class)?;
    group
        .set_attr_string("canSAS_class", canonical)
        .map_err(foreign)?;
    Ok(group)
}

fn entry(root: &H5Group, name: &str, curve: &Curve) -> Result<()> {
    let info = &curve.info;
    let entry = canonical(root, name, "NXentry", "SASentry")?;
    entry.set_attr_string("version", "1.1").map_err(foreign)?;
    entry
        .set_attr_string("default", "sasdata01")
        .map_err(foreign)?;
    new_text(&entry, "definition", "NXcanSAS")?;
    new_text(&entry, "title", info.title.as_deref().unwrap_or(""))?;
    new_text(&entry, "run", info.run.as_deref().unwrap_or(""))?;
    data(&entry, curve)?;
    if let Some(sample) = &info.sample {
        let group = canonical(&entry, "sassample", "NXsample", "SASsample")?;
        new_text(&group, "name", sample)?;
    }
    if let Some(wavelength_m) = info.wavelength_m {
        let instrument = canonical(&entry, "sasinstrument", "NXinstrument", "SASinstrument")?;
        let source = canonical(&instrument, "sassource", "NXsource", "SASsource")?;
        let unit = [("units", "m")];
        new_array(&source, "incident_wavelength", &[], &[wavelength_m], &unit)?;
    }
    let kept: Vec<_> = info
        .header
        .iter()
        .map(|(key, value)| (key.replace('/', SLASH), value))
        .filter(|(key, value)| {
            let name = !matches!(key.as_str(), "" | "." | "..") && key.len() < 256;
            name && !key.contains('\0') && !value.is_empty()
        })
        .collect();
    if !kept.is_empty() {
        let group = new_group(&entry, "header", "NXcollection")?;
        for (key, value) in kept {
            new_text(&group, &key, &header::value(value))?;
        }
    }
    Ok(())
}

fn data(entry: &H5Group, curve: &Curve) -> Result<()> {
    let group = canonical(entry, "sasdata01", "NXdata", "SASdata")?;
    for (key, value) in [("signal", "I"), ("I_axes", "Q")] {
        group.set_attr_string(key, value).map_err(foreign)?;
    }
    group
        .set_attr_array_numeric("Q_indices", &[0_i32])
        .map_err(foreign)?;
    let unit = match curve.x_unit() {
        AbscissaUnit::QInvAngstrom => "1/angstrom",
        _ => "1/nm",
    };
    let shape = [curve.len()];
    let array = |name: &str, values: &[f64], attributes: &[(&str, &str)]| {
        new_array(&group, name, &shape, values, attributes)
    };
    let q = array("Q", curve.x(), &[("units", unit)])?;
    let i_unit = curve.info.intensity_unit.as_deref().unwrap_or("arbitrary");
    let intensity = array("I", curve.intensity(), &[("units", i_unit)])?;
    if let Some(sigma) = curve.sigma() {
        array("Idev", sigma, &[("units", i_unit)])?;
        set_attribute(&intensity, "uncertainties", "Idev").map_err(foreign)?;
    }
    match curve.resolution() {
        Some(Resolution::Pinhole(dq)) => {
            array("Qdev", dq, &[("units", unit)])?;
            set_attribute(&q, "resolutions", "Qdev").map_err(foreign)?;
        }
        Some(Resolution::Slit { width, length }) => {
            let mut names = Vec::new();
            for (name, values) in [("dQw", width), ("dQl", length)] {
                if let Some(values) = values {
                    array(name, values, &[("units", unit)])?;
                    names.push(name);
                }
            }
            q.new_attr::<rust_hdf5::VarLenUnicode>()
                .shape([names.len()])
                .create("resolutions")
                .and_then(|attribute| attribute.write_string_array(&names))
                .map_err(foreign)?;
        }
        None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Column, open};
    use super::*;

    fn curve(resolution: Option<Resolution>) -> Curve {
        let mut curve = Curve::new(
            vec![0.1, 1.0 / 3.0, 5e-324],
            AbscissaUnit::QInvAngstrom,
            vec![f64::MAX, f64::NAN, -0.0],
        )
        .unwrap()
        .with_sigma(vec![0.1, f64::INFINITY, 1e-300])
        .unwrap();
        if let Some(resolution) = resolution {
            curve = curve.with_resolution(resolution).unwrap();
        }
        let info = &mut curve.info;
        info.title = Some("a title".into());
        info.sample = Some("water".into());
        info.run = Some("17".into());
        info.intensity_unit = Some("1/cm".into());
        info.wavelength_m = Some(1.0332e-10);
        for (key, value) in [("SASprocess/name", "x y"), ("a.b", "1"), ("qx, qy", "2")] {
            info.header.insert(key.into(), value.into());
        }
        curve
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn assert_same(read: &Curve, written: &Curve) {
        assert_eq!(bits(read.x()), bits(written.x()));
        assert_eq!(read.x_unit(), written.x_unit());
        assert_eq!(bits(read.intensity()), bits(written.intensity()));
        assert_eq!(read.sigma().map(bits), written.sigma().map(bits));
        assert_eq!(read.resolution(), written.resolution());
        let (read, written) = (&read.info, &written.info);
        assert_eq!(read.title, written.title);
        assert_eq!(read.sample, written.sample);
        assert_eq!(read.run, written.run);
        assert_eq!(read.intensity_unit, written.intensity_unit);
        assert_eq!(read.wavelength_m, written.wavelength_m);
        for (key, value) in &written.header {
            assert_eq!(read.header.get(key), Some(value), "{key}");
        }
    }

    fn resolutions() -> [Option<Resolution>; 4] {
        let values = vec![0.01, 0.02, 0.03];
        [
            None,
            Some(Resolution::Pinhole(values.clone())),
            Some(Resolution::Slit {
                width: Some(values.clone()),
                length: Some(vec![1.0; 3]),
            }),
            Some(Resolution::Slit {
                width: None,
                length: Some(values),
            }),
        ]
    }

    #[test]
    fn both_formats_read_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for resolution in resolutions() {
            let curve = curve(resolution);
            write_dat(&path, &curve).unwrap();
            assert_same(&open(&path).unwrap()[0], &curve);
            write_nxcansas(&path, std::slice::from_ref(&curve)).unwrap();
            assert_same(&open(&path).unwrap()[0], &curve);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_curves_are_several_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let curves: Vec<Curve> = resolutions().into_iter().map(curve).collect();
        write_nxcansas(&path, &curves).unwrap();
        let read = open(&path).unwrap();
        assert_eq!(read.len(), curves.len());
        for (read, written) in read.iter().zip(&curves) {
            assert_same(read, written);
        }
    }

    #[test]
    fn other_columns_and_units_are_kept_in_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dat");
        let values = vec![1.0, 2.0];
        let curve = Curve::new(values.clone(), AbscissaUnit::Unknown, values.clone())
            .unwrap()
            .with_column(Column {
                name: "count of pixels".into(),
                values,
            })
            .unwrap();
        write_dat(&path, &curve).unwrap();
        let read = open(&path).unwrap().remove(0);
        assert_eq!(read.columns()[0].name, "count_of_pixels");
        assert_eq!(read.x_unit(), AbscissaUnit::Unknown);
        let error = write_nxcansas(&path, &[read]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.place(), Some("curve 0"));
        assert!(write_nxcansas(&path, &[]).is_err());
        assert!(open(&path).is_ok(), "the earlier file is as it was");
    }
}
