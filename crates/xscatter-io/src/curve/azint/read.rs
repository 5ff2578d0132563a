//! Reading NXazint1d and NXazint2d.

use std::path::Path;

use ndarray::{Array2, Array3};
use xscatter_core::{Error, ErrorKind, Result};

use super::super::h5::{Store, member, parent};
use super::super::nexus::abscissa;
use super::super::write::SLASH;
use super::{Azint1d, Azint2d, AzintInfo, Bins, Series};
use crate::blob::Blob;
use crate::header;
use crate::limits::Limits;

/// Reads a series of 1D patterns.
///
/// # Errors
/// If there is no such file, no NXazint1d in it, shapes disagree, or the file claims more than it
/// holds or than the limits allow.
pub fn read_1d(path: impl AsRef<Path>) -> Result<Azint1d> {
    read_1d_with(path, &Limits::default())
}

/// Reads a series of 1D patterns; `max_pixels` bounds the values of an array.
///
/// # Errors
/// As [`read_1d`].
pub fn read_1d_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Azint1d> {
    let path = path.as_ref();
    Blob::new(path, limits)
        .and_then(|blob| series_1d(&blob, limits))
        .map_err(|error| error.in_file(path))
}

/// Reads a series of 1D patterns that is in memory already; `name` stands in errors.
///
/// # Errors
/// As [`read_1d`].
pub fn read_1d_bytes(name: impl AsRef<Path>, bytes: Vec<u8>, limits: &Limits) -> Result<Azint1d> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, limits)
        .and_then(|blob| series_1d(&blob, limits))
        .map_err(|error| error.in_file(name))
}

fn series_1d(blob: &Blob, limits: &Limits) -> Result<Azint1d> {
    let store = Store::open(blob, limits)?;
    let group = find(&store, false)?;
    let raw = Raw::read(&store, &group, None)?;
    let norm = raw.norm.map(|(norm, _)| norm);
    Ok(Azint1d {
        intensity: two(raw.shape.clone(), raw.intensity)?,
        errors: raw
            .errors
            .map(|errors| two(raw.shape, errors))
            .transpose()?,
        radial: raw.radial,
        radial_unit: raw.radial_unit,
        norm,
        monitor: raw.monitor,
        info: raw.info,
    })
}

/// Reads a series of 2D patterns.
///
/// # Errors
/// As [`read_1d`], for NXazint2d.
pub fn read_2d(path: impl AsRef<Path>) -> Result<Azint2d> {
    read_2d_with(path, &Limits::default())
}

/// Reads a series of 2D patterns; `max_pixels` bounds the values of an array.
///
/// # Errors
/// As [`read_2d`].
pub fn read_2d_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Azint2d> {
    let path = path.as_ref();
    Blob::new(path, limits)
        .and_then(|blob| series_2d(&blob, limits))
        .map_err(|error| error.in_file(path))
}

/// Reads a series of 2D patterns that is in memory already; `name` stands in errors.
///
/// # Errors
/// As [`read_2d`].
pub fn read_2d_bytes(name: impl AsRef<Path>, bytes: Vec<u8>, limits: &Limits) -> Result<Azint2d> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, limits)
        .and_then(|blob| series_2d(&blob, limits))
        .map_err(|error| error.in_file(name))
}

fn series_2d(blob: &Blob, limits: &Limits) -> Result<Azint2d> {
    let store = Store::open(blob, limits)?;
    let group = find(&store, true)?;
    let azimuthal_deg = read_bins(&store, &member(&group, "azimuthal_axis"))?;
    let raw = Raw::read(&store, &group, Some(&azimuthal_deg))?;
    let norm = raw.norm.map(|(norm, shape)| two(shape, norm)).transpose()?;
    Ok(Azint2d {
        intensity: three(raw.shape.clone(), raw.intensity)?,
        errors: raw
            .errors
            .map(|errors| three(raw.shape, errors))
            .transpose()?,
        azimuthal_deg,
        radial: raw.radial,
        radial_unit: raw.radial_unit,
        norm,
        monitor: raw.monitor,
        info: raw.info,
    })
}

fn two(shape: Vec<usize>, values: Vec<f64>) -> Result<Array2<f64>> {
    let [rows, columns] = *shape else {
        return Err(super::mismatch("an array", &[1, 1], &shape));
    };
    Array2::from_shape_vec((rows, columns), values)
        .map_err(|_| super::mismatch("whole values", &[rows, columns], &shape))
}

fn three(shape: Vec<usize>, values: Vec<f64>) -> Result<Array3<f64>> {
    let [frames, rows, columns] = *shape else {
        return Err(super::mismatch("an array", &[1, 1, 1], &shape));
    };
    Array3::from_shape_vec((frames, rows, columns), values)
        .map_err(|_| super::mismatch("whole values", &[frames, rows, columns], &shape))
}

/// The NXdata of one of the two definitions.
fn find(store: &Store, two_dimensional: bool) -> Result<String> {
    let holds = |group: &&String| {
        let has = |name: &str| store.shape(&member(group, name)).is_some();
        has("I") && has("radial_axis") && has("azimuthal_axis") == two_dimensional
    };
    store.groups.iter().find(holds).cloned().ok_or_else(|| {
        let (name, axes) = if two_dimensional {
            ("NXazint2d", "radial_axis and azimuthal_axis")
        } else {
            ("NXazint1d", "radial_axis")
        };
        Error::new(
            ErrorKind::Unsupported,
            format!("expected an {name} with I and {axes}, found none"),
        )
    })
}

fn read_bins(store: &Store, path: &str) -> Result<Bins> {
    let edges = format!("{path}_edges");
    Ok(Bins {
        centres: store.numbers(path)?,
        edges: match store.shape(&edges) {
            Some(_) => Some(store.numbers(&edges)?),
            None => None,
        },
    })
}

/// What both definitions share, as it stands in the file.
struct Raw {
    shape: Vec<usize>,
    intensity: Vec<f64>,
    errors: Option<Vec<f64>>,
    radial: Bins,
    radial_unit: super::AbscissaUnit,
    norm: Option<(Vec<f64>, Vec<usize>)>,
    monitor: Option<Vec<f64>>,
    info: AzintInfo,
}

impl Raw {
    fn read(store: &Store, group: &str, azimuthal: Option<&Bins>) -> Result<Self> {
        let i_path = member(group, "I");
        let rank = if azimuthal.is_some() { 3 } else { 2 };
        let mut shape = store.shape(&i_path).unwrap_or_default();
        // A single pattern may come without the axis of frames.
        if shape.len() + 1 == rank {
            shape.insert(0, 1);
        }
        if shape.len() != rank {
            return Err(super::mismatch("I", &vec![1; rank], &shape).at(format_args!("/{i_path}")));
        }
        let axis = member(group, "radial_axis");
        let label = store.attribute(&axis, "long_name");
        let units = store.attribute(&axis, "units");
        let optional = |path: String| -> Result<Option<(Vec<f64>, Vec<usize>)>> {
            match store.shape(&path) {
                Some(shape) => Ok(Some((store.numbers(&path)?, shape))),
                None => Ok(None),
            }
        };
        let mut errors = optional(member(group, "I_errors"))?;
        if let Some((_, found)) = &mut errors
            && found.len() + 1 == rank
        {
            found.insert(0, 1);
        }
        let entry = parent(group);
        let monitor = optional(member(entry, "monitor/data"))?;
        let mut info = info(store, entry);
        info.intensity_unit = store.attribute(&i_path, "units");
        let (errors, errors_shape) = errors.unzip();
        let raw = Self {
            intensity: store.numbers(&i_path)?,
            errors,
            radial: read_bins(store, &axis)?,
            radial_unit: abscissa("radial_axis", label.as_deref(), units.as_deref()),
            norm: optional(member(group, "norm"))?,
            monitor: monitor.map(|(monitor, _)| monitor),
            info,
            shape,
        };
        Series {
            definition: if rank == 3 { "NXazint2d" } else { "NXazint1d" },
            shape: raw.shape.clone(),
            intensity: &raw.intensity,
            errors: raw.errors.as_deref().zip(errors_shape),
            azimuthal,
            radial: &raw.radial,
            radial_unit: raw.radial_unit,
            norm: raw
                .norm
                .as_ref()
                .map(|(norm, shape)| (&norm[..], shape.clone())),
            monitor: raw.monitor.as_deref(),
            info: &raw.info,
        }
        .check()
        .map_err(|error| error.at(format_args!("/{group}")))?;
        Ok(raw)
    }
}

fn info(store: &Store, entry: &str) -> AzintInfo {
    let text = |name: &str| store.text(&member(entry, name));
    // A subentry links to the instrument of its entry.
    let shared = |name: &str| {
        let path = member("instrument", name);
        text(&path).or_else(|| store.text(&member(parent(entry), &path)))
    };
    let truth = |name: &str| store.truth(&member(entry, name)).unwrap_or(false);
    let wavelength = [entry, parent(entry)].iter().find_map(|entry| {
        let path = member(entry, "instrument/monochromator/wavelength");
        let (value, unit) = store.number(&path)?;
        let metres = header::metres(&unit?)?;
        (value > 0.0).then(|| header::scaled(value, metres))
    });
    let prefix = format!("{}/", member(entry, "reduction/input"));
    let input = store
        .datasets
        .range(prefix.clone()..)
        .map(|(path, _)| path)
        .take_while(|path| path.starts_with(&prefix))
        .filter_map(|path| {
            let key = path[prefix.len()..].replace(SLASH, "/");
            Some((key, store.text(path)?))
        })
        .collect();
    AzintInfo {
        solid_angle_applied: truth("solid_angle_applied"),
        polarization_applied: truth("polarization_applied"),
        normalization_applied: truth("normalization_applied"),
        monitor_applied: truth("monitor_applied"),
        program: text("reduction/program"),
        version: text("reduction/version"),
        date: text("reduction/date"),
        reference: text("reduction/reference"),
        note: text("reduction/note"),
        input,
        instrument: shared("name"),
        source_name: shared("source/name"),
        source_type: shared("source/type"),
        source_probe: shared("source/probe"),
        wavelength_m: wavelength,
        intensity_unit: None,
    }
}
