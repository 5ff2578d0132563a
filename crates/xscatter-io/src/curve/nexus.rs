//! NXcanSAS and other NXdata groups with one dimension.

use std::collections::BTreeMap;

use xscatter_core::{Error, ErrorKind, Result};

use super::h5::{Store, member, parent};
use super::unit::{self, AbscissaUnit, Quantity};
use super::write::SLASH;
use super::xml::rescaled;
use super::{Curve, CurveInfo, HeaderBudget, Resolution};
use crate::blob::Blob;
use crate::header::{self, Header};
use crate::limits::Limits;

/// Values of the header that are read of one entry.
const MAX_VALUES: usize = 1 << 14;

/// A file as it is read: what entries say is read once for all of their data.
struct File<'a> {
    store: &'a Store,
    limits: &'a Limits,
    infos: BTreeMap<String, CurveInfo>,
    budget: HeaderBudget,
}

/// What a group that could hold a curve turned out to hold.
enum Found {
    Curves(Vec<Curve>),
    /// More dimensions: the path of the signal and its shape.
    Image(String, Vec<usize>),
    Nothing,
}

pub(super) fn read(blob: &Blob, limits: &Limits) -> Result<Vec<Curve>> {
    let store = Store::open(blob, limits)?;
    let class = |group: &String, name: &str| store.group_attribute(group, name);
    let canonical: Vec<&String> = store
        .groups
        .iter()
        .filter(|group| class(group, "canSAS_class").as_deref() == Some("SASdata"))
        .collect();
    let is_canonical = !canonical.is_empty();
    let groups = if is_canonical {
        canonical
    } else {
        let named = |group: &&String| {
            class(group, "NX_class").as_deref() == Some("NXdata")
                && class(group, "canSAS_class").is_none()
        };
        store.groups.iter().filter(named).collect()
    };
    let mut file = File {
        store: &store,
        limits,
        infos: BTreeMap::new(),
        budget: HeaderBudget::new(store.bytes, limits),
    };
    let mut curves = Vec::new();
    let mut image = None;
    for group in groups {
        let found = if is_canonical {
            sas_data(&mut file, group)?
        } else {
            nx_data(&mut file, group)?
        };
        match found {
            Found::Curves(found) => curves.extend(found),
            Found::Image(path, shape) => image = image.or(Some((path, shape))),
            Found::Nothing => {}
        }
        if curves.len() > limits.max_frames {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("expected at most {} curves", limits.max_frames),
            ));
        }
    }
    if !curves.is_empty() {
        return Ok(curves);
    }
    Err(match image {
        Some((path, shape)) => {
            let message = format!(
                "expected I of one dimension, found {shape:?}: a 2D data set, which is an image \
                 (`xscatter_io::open`) or a cake (`xscatter_io::curve::azint::read_2d`)"
            );
            Error::new(ErrorKind::Unsupported, message).at(format_args!("/{path}"))
        }
        None => Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected a group of canSAS_class SASdata or an NXdata with a 1D signal, found \
                 none among {} datasets",
                store.datasets.len()
            ),
        ),
    })
}

/// The lengths of the dimensions that are longer than 1.
fn long_dims(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&dim| dim != 1).collect()
}

fn sas_data(file: &mut File<'_>, group: &str) -> Result<Found> {
    let store = file.store;
    let signal = store.group_attribute(group, "signal");
    let i_path = member(group, signal.as_deref().unwrap_or("I"));
    let missing = |name: &str| {
        let message = format!("expected a dataset `{name}` of numbers in SASdata, found none");
        Error::new(ErrorKind::Malformed, message).at(format_args!("/{group}"))
    };
    let shape = store.shape(&i_path).ok_or_else(|| missing("I"))?;
    let axes = store.group_attribute(group, "I_axes");
    if long_dims(&shape).len() > 1 {
        return Ok(Found::Image(i_path, shape));
    }
    let axis = axes
        .as_deref()
        .map_or("Q", |axes| axes.split(',').next().unwrap_or("Q").trim());
    let mut q_path = member(group, axis);
    if store.shape(&q_path).is_none() {
        q_path = member(group, "Q");
    }
    if store.shape(&q_path).is_none() {
        return Err(missing("Q"));
    }
    let q_unit = store.attribute(&q_path, "units");
    let unit_of = |unit: &str| AbscissaUnit::from_quantity(Quantity::Q, unit);
    let x_unit = q_unit.as_deref().map_or(AbscissaUnit::Unknown, unit_of);
    let q = store.numbers(&q_path)?;
    let mut curve = build(group, Curve::new(q, x_unit, store.numbers(&i_path)?))?;
    // A named uncertainty that is not there is passed over: it may be one of the whole pattern.
    let named = ["uncertainties", "uncertainty"]
        .iter()
        .find_map(|key| store.attribute(&i_path, key))
        .or_else(|| store.group_attribute(group, "I_uncertainties"))
        .or_else(|| store.group_attribute(group, "I_uncertainty"));
    let sigma = [named.as_deref().unwrap_or("Idev"), "Idev"]
        .iter()
        .map(|name| member(group, name))
        .find(|path| store.shape(path).is_some());
    if let Some(path) = sigma {
        curve = build(&path, curve.with_sigma(store.numbers(&path)?))?;
    }
    let resolution = |name: &str| -> Result<Option<Vec<f64>>> {
        let path = member(group, name);
        if store.shape(&path).is_none() {
            return Ok(None);
        }
        let unit = store.attribute(&path, "units");
        let unit = unit.as_deref().map_or(AbscissaUnit::Unknown, unit_of);
        let values = rescaled(store.numbers(&path)?, unit, x_unit);
        values
            .map(Some)
            .map_err(|error| error.at(format_args!("/{path}")))
    };
    let named = ["resolutions", "resolution"]
        .iter()
        .find_map(|key| store.attribute(&q_path, key))
        .filter(|name| !name.contains(',') && !name.starts_with("dQ"));
    let (width, length) = (resolution("dQw")?, resolution("dQl")?);
    let given = if width.is_some() || length.is_some() {
        Some(Resolution::Slit { width, length })
    } else {
        resolution(named.as_deref().unwrap_or("Qdev"))?.map(Resolution::Pinhole)
    };
    if let Some(given) = given {
        curve = build(group, curve.with_resolution(given))?;
    }
    curve.info = file.info(group)?;
    curve.info.x_label = Some(match q_unit {
        Some(unit) => format!("{axis} ({unit})"),
        None => axis.to_owned(),
    });
    curve.info.intensity_unit = store.attribute(&i_path, "units");
    Ok(Found::Curves(vec![curve]))
}

fn build(place: &str, curve: std::result::Result<Curve, super::CurveError>) -> Result<Curve> {
    curve.map_err(|error| Error::from(error).at(format_args!("/{place}")))
}

fn nx_data(file: &mut File<'_>, group: &str) -> Result<Found> {
    let (store, limits) = (file.store, file.limits);
    let Some(signal) = store.group_attribute(group, "signal") else {
        return Ok(Found::Nothing);
    };
    let signal_path = member(group, &signal);
    let Some(shape) = store.shape(&signal_path) else {
        return Ok(Found::Nothing);
    };
    if store.shape(&member(group, "azimuthal_axis")).is_some() {
        return Ok(Found::Image(signal_path, shape));
    }
    // NXazint says `.` for the axis of the frames, which has no values.
    let axis = store
        .group_attribute(group, "axes")
        .filter(|axis| axis != ".")
        .unwrap_or_else(|| "radial_axis".to_owned());
    let axis_path = member(group, &axis);
    let Some(axis_shape) = store.shape(&axis_path) else {
        return Ok(match long_dims(&shape).len() {
            0 | 1 => Found::Nothing,
            _ => Found::Image(signal_path, shape),
        });
    };
    let points = axis_shape.iter().product::<usize>();
    let frames = match *shape {
        [_] => 1,
        [frames, _] if axis == "radial_axis" || frames == 1 => frames,
        _ => return Ok(Found::Image(signal_path, shape)),
    };
    if long_dims(&axis_shape).len() > 1 || frames > limits.max_frames {
        return Ok(Found::Image(signal_path, shape));
    }
    let units = store.attribute(&axis_path, "units");
    let label = store.attribute(&axis_path, "long_name");
    let x_unit = abscissa(&axis, label.as_deref(), units.as_deref());
    let x = store.numbers(&axis_path)?;
    let intensity = store.numbers(&signal_path)?;
    let errors = store.attribute(&signal_path, "uncertainties");
    let errors = [
        errors.unwrap_or_default(),
        format!("{signal}_errors"),
        "errors".to_owned(),
    ];
    let sigma = errors
        .iter()
        .map(|name| member(group, name))
        .find(|path| store.shape(path).is_some_and(|found| found == shape))
        .map(|path| store.numbers(&path))
        .transpose()?;
    let wrong_length = intensity.len() != frames.saturating_mul(points) || points == 0;
    if wrong_length {
        let found = intensity.len();
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected {frames} times {points} values, one for each of {axis}, found {found}"
            ),
        )
        .at(format_args!("/{signal_path}")));
    }
    let mut info = file.info(group)?;
    info.x_label = Some(match &units {
        Some(unit) => format!("{} ({unit})", label.as_deref().unwrap_or(&axis)),
        None => axis,
    });
    info.intensity_unit = store.attribute(&signal_path, "units");
    let mut curves = Vec::with_capacity(frames);
    for (frame, values) in intensity.chunks_exact(points).enumerate() {
        let mut curve = build(group, Curve::new(x.clone(), x_unit, values.to_vec()))?;
        if let Some(sigma) = &sigma {
            let sigma = sigma[frame * points..][..points].to_vec();
            curve = build(group, curve.with_sigma(sigma))?;
        }
        file.budget.add(&info)?;
        curve.info = info.clone();
        if frames > 1 {
            let header = &mut curve.info.header;
            header.insert("frame".to_owned(), frame.to_string());
        }
        curves.push(curve);
    }
    Ok(Found::Curves(curves))
}

/// The unit of an axis: a name of pyFAI as its unit, else what its name or label and unit say.
pub(super) fn abscissa(name: &str, label: Option<&str>, units: Option<&str>) -> AbscissaUnit {
    let Some(units) = units else {
        return AbscissaUnit::Unknown;
    };
    let quantity = |text: &str| {
        unit::quantity_of(text)
            .or_else(|| unit::quantity_of(&unit::split_title(text).0))
            .filter(|&quantity| quantity != Quantity::Other)
    };
    match AbscissaUnit::from_title(units) {
        AbscissaUnit::Unknown => quantity(name)
            .or_else(|| label.and_then(quantity))
            .map_or(AbscissaUnit::Unknown, |quantity| {
                AbscissaUnit::from_quantity(quantity, units)
            }),
        known => known,
    }
}

impl File<'_> {
    /// What the entry of a data group says.
    fn info(&mut self, data: &str) -> Result<CurveInfo> {
        let attribute = |group: &str, name: &str| self.store.group_attribute(group, name);
        let is_entry = |group: &str| {
            attribute(group, "canSAS_class").as_deref() == Some("SASentry")
                || attribute(group, "NX_class").as_deref() == Some("NXentry")
        };
        let mut entry = parent(data);
        while !entry.is_empty() && !is_entry(entry) {
            entry = parent(entry);
        }
        let info = self
            .infos
            .entry(entry.to_owned())
            .or_insert_with(|| entry_info(self.store, entry));
        self.budget.add(info)?;
        Ok(info.clone())
    }
}

fn entry_info(store: &Store, entry: &str) -> CurveInfo {
    let stated = |name: &str| store.text(&member(entry, name));
    let mut info = CurveInfo {
        title: stated("title"),
        run: stated("run"),
        ..Default::default()
    };
    let prefix = match entry {
        "" => String::new(),
        entry => format!("{entry}/"),
    };
    let mut header = Header::new();
    let within = store.datasets.range(prefix.clone()..).map(|(path, _)| path);
    for path in within
        .take_while(|path| path.starts_with(&prefix))
        .take(MAX_VALUES)
    {
        let group = parent(path);
        let class = |name: &str| store.group_attribute(group, name);
        if class("NX_class").as_deref() == Some("NXdata") {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        if matches!(name, "wavelength" | "incident_wavelength")
            && info.wavelength_m.is_none()
            && let Some((value, Some(unit))) = store.number(path)
            && let Some(metres) = header::metres(&unit)
            && value.is_finite()
            && value > 0.0
        {
            info.wavelength_m = Some(header::scaled(value, metres));
        }
        if info.sample.is_none()
            && matches!(name, "name" | "ID")
            && (class("NX_class").as_deref() == Some("NXsample")
                || class("canSAS_class").as_deref() == Some("SASsample"))
        {
            info.sample = store.text(path);
        }
        if let Some(text) = store.text(path) {
            let key = &path[prefix.len()..];
            let key = match key.strip_prefix("header/") {
                Some(key) => key.replace(SLASH, "/"),
                None => key.to_owned(),
            };
            let unit = store.attribute(path, "units");
            header.insert(
                key,
                match unit {
                    Some(unit) => format!("{text} {unit}"),
                    None => text,
                },
            );
        }
    }
    info.header = header;
    info
}
