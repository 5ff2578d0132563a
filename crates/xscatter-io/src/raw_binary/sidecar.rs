//! The sidecar of a headerless file: a JSON object, or lines of `key = value`.

use serde_json::Value;
use xscatter_core::{Error, ErrorKind, Result};

use super::RawLayout;
use crate::blob::Blob;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{self, Metadata, Stated};
use crate::pixels::{ByteOrder, Dtype};

/// Photon energy times wavelength, eV m (CODATA 2018, exact).
const HC_EV_M: f64 = 1.239_841_984_332_002_6e-6;
/// Depth to which objects in objects are read.
const MAX_DEPTH: usize = 8;

pub(super) struct Sidecar {
    pub(super) layout: RawLayout,
    /// All keys, also those of the layout.
    pub(super) header: Header,
}

impl Sidecar {
    /// Reads a sidecar; `None` if it says nothing about a shape and so belongs to something else.
    pub(super) fn read(blob: &Blob, limits: &Limits) -> Result<Option<Self>> {
        let bytes = blob.open()?;
        if bytes.len() > limits.max_header_bytes as u64 {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "expected a sidecar of at most {} bytes, found {}",
                    limits.max_header_bytes,
                    bytes.len()
                ),
            ));
        }
        let text = bytes.read_at(0, bytes.len())?;
        let text = String::from_utf8_lossy(&text);
        let header = if blob.path().extension().is_some_and(|end| end == "json") {
            json(&text)?
        } else {
            lines(&text)
        };
        let is_layout = ["shape", "rows"]
            .iter()
            .any(|key| header.contains_key(*key));
        if !is_layout {
            return Ok(None);
        }
        let layout = layout(&header, limits)?;
        Ok(Some(Self { layout, header }))
    }
}

fn json(text: &str) -> Result<Header> {
    let malformed = |message: String| Error::new(ErrorKind::Malformed, message);
    let value: Value = serde_json::from_str(text)
        .map_err(|error| malformed(format!("expected a JSON object: {error}")))?;
    let mut header = Header::new();
    if !value.is_object() {
        return Err(malformed(
            "expected a JSON object, found another value".to_owned(),
        ));
    }
    flatten(&value, String::new(), 0, &mut header);
    Ok(header)
}

/// Adds what an object holds; a key in an object in it is `outer.inner`.
fn flatten(value: &Value, key: String, depth: usize, header: &mut Header) {
    match value {
        Value::Object(entries) if depth < MAX_DEPTH => {
            for (name, value) in entries {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                flatten(value, key, depth + 1, header);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            header.insert(key, header::value(text));
        }
        other => {
            header.insert(key, header::value(&other.to_string()));
        }
    }
}

/// Lines of `key = value` or `key: value`; names of sections and comments (`#`, `;`) are left out.
fn lines(text: &str) -> Header {
    let mut header = Header::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';', '[']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=').or_else(|| line.split_once(':')) else {
            continue;
        };
        let value = value.split('#').next().unwrap_or("").trim();
        let value = value.trim_matches(['"', '\'']);
        header.insert(key.trim().to_owned(), header::value(value));
    }
    header
}

fn layout(header: &Header, limits: &Limits) -> Result<RawLayout> {
    let bad = |key: &str, expected: &str| {
        let found = header.get(key).map_or("nothing", String::as_str);
        Error::new(
            ErrorKind::Malformed,
            format!("expected {expected}, found `{found}`"),
        )
        .at(format!("key {key}"))
    };
    let whole = |key: &str| -> Result<Option<u64>> {
        match header.get(key) {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(bad(key, "a whole number")),
            },
        }
    };
    let mut frames = whole("frames")?;
    let (rows, columns) = if let Some(text) = header.get("shape") {
        let sizes: Option<Vec<u64>> = text
            .split(|c: char| c.is_whitespace() || "[](),x×".contains(c))
            .filter(|token| !token.is_empty())
            .map(|token| token.parse().ok())
            .collect();
        match sizes.as_deref() {
            Some([rows, columns]) => (*rows, *columns),
            Some([count, rows, columns]) => {
                frames = frames.or(Some(*count));
                (*rows, *columns)
            }
            _ => return Err(bad("shape", "[rows, columns] or [frames, rows, columns]")),
        }
    } else {
        let rows = whole("rows")?.ok_or_else(|| bad("rows", "a whole number"))?;
        let columns = whole("columns")?.ok_or_else(|| bad("columns", "a whole number"))?;
        (rows, columns)
    };
    let (dtype, of_dtype) = header
        .get("dtype")
        .and_then(|text| dtype(text))
        .ok_or_else(|| bad("dtype", "a numpy type of pixels such as int32"))?;
    let stated = match header.get("byte_order").map(|text| text.to_lowercase()) {
        None => None,
        Some(text) if ["little", "<", "le"].contains(&&*text) => Some(ByteOrder::Little),
        Some(text) if ["big", ">", "be"].contains(&&*text) => Some(ByteOrder::Big),
        Some(_) => return Err(bad("byte_order", "little or big")),
    };
    if let (Some(stated), Some(of_dtype)) = (stated, of_dtype)
        && stated != of_dtype
    {
        return Err(bad("byte_order", "the order that dtype states"));
    }
    Ok(RawLayout {
        shape: limits
            .check_shape(rows, columns)
            .map_err(|e| e.at("key shape"))?,
        dtype,
        byte_order: stated.or(of_dtype).unwrap_or(ByteOrder::Little),
        offset: whole("offset")?.unwrap_or(0),
        frames: frames.map(|count| limits.check_frames(count)).transpose()?,
    })
}

/// A numpy name of a type, with the byte order if it states one.
fn dtype(text: &str) -> Option<(Dtype, Option<ByteOrder>)> {
    let text = text.trim();
    let (order, name) = match text.chars().next()? {
        '<' => (Some(ByteOrder::Little), &text[1..]),
        '>' => (Some(ByteOrder::Big), &text[1..]),
        '=' | '|' => (None, &text[1..]),
        _ => (None, text),
    };
    let dtype = match name {
        "bool" | "b1" => Dtype::Bool,
        "uint8" | "u1" => Dtype::U8,
        "int8" | "i1" => Dtype::I8,
        "uint16" | "u2" => Dtype::U16,
        "int16" | "i2" => Dtype::I16,
        "uint32" | "u4" => Dtype::U32,
        "int32" | "i4" => Dtype::I32,
        "uint64" | "u8" => Dtype::U64,
        "int64" | "i8" => Dtype::I64,
        "float32" | "f4" => Dtype::F32,
        "float64" | "f8" => Dtype::F64,
        _ => return None,
    };
    Some((dtype, order))
}

/// The quantities among the keys.
pub(super) fn stated(header: &Header) -> Metadata {
    let numbers = |key: &str| header.get(key).map_or(Vec::new(), |v| header::numbers(v));
    let first = |key: &str| numbers(key).first().copied();
    // The first of these keys that states a positive value, in units of so many metres.
    let length = |keys: &[(&str, f64)]| {
        keys.iter().find_map(|&(key, unit_m)| {
            metadata::positive(first(key).map(|value| header::scaled(value, unit_m)), key)
        })
    };
    let energy = |key: &str, unit_ev: f64| {
        let energy = metadata::positive(first(key), key)?;
        Some(Stated::new(HC_EV_M / (energy.value * unit_ev), key))
    };
    let pixel = |axis: usize| {
        [("pixel_size_m", 1.0), ("pixel_size_um", 1e-6)]
            .iter()
            .find_map(|&(key, unit_m)| {
                let sizes = numbers(key);
                let size = sizes.get(axis).or(sizes.first()).copied();
                metadata::positive(size.map(|size| header::scaled(size, unit_m)), key)
            })
    };
    let centre = first("beam_row_px")
        .zip(first("beam_column_px"))
        .and_then(|(row, column)| metadata::centre(row, column, "beam_row_px, beam_column_px"));
    let angle = first("incident_angle_rad")
        .map(|angle| Stated::new(angle, "incident_angle_rad"))
        .or_else(|| {
            let degrees = first("incident_angle_deg")?;
            Some(Stated::new(degrees.to_radians(), "incident_angle_deg"))
        });
    Metadata {
        wavelength_m: length(&[
            ("wavelength_m", 1.0),
            ("wavelength_nm", 1e-9),
            ("wavelength_angstrom", 1e-10),
        ])
        .or_else(|| energy("energy_ev", 1.0))
        .or_else(|| energy("energy_kev", 1e3)),
        distance_m: length(&[("distance_m", 1.0), ("distance_mm", 1e-3)]),
        pixel1_m: pixel(0),
        pixel2_m: pixel(1),
        beam_centre_px: centre,
        exposure_s: metadata::positive(first("exposure_s"), "exposure_s"),
        incident_angle_rad: angle,
        count_cutoff: metadata::positive(first("count_cutoff"), "count_cutoff"),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_lines_say_the_same() {
        let of_json = json(
            r#"{"shape": [2, 195, 487], "dtype": ">i4", "offset": 512, "energy_kev": 12.0,
                "pixel_size_um": 172, "beam_row_px": 99.5, "beam_column_px": 243,
                "sample": {"name": "film 7", "tilt": null}}"#,
        )
        .unwrap();
        let of_lines = lines(
            "# a comment\n[layout]\nshape = [2, 195, 487]\ndtype = \">i4\" # type\noffset: 512\n\
             energy_kev = 12.0\npixel_size_um = 172\nbeam_row_px = 99.5\nbeam_column_px = 243\n\
             sample.name = 'film 7'\n",
        );
        assert_eq!(of_json.len(), of_lines.len());
        for header in [of_json, of_lines] {
            assert_eq!(header["sample.name"], "film 7");
            let layout = layout(&header, &Limits::default()).unwrap();
            let expected = RawLayout {
                byte_order: ByteOrder::Big,
                offset: 512,
                frames: Some(2),
                ..RawLayout::new((195, 487), Dtype::I32)
            };
            assert_eq!(layout, expected);
            let metadata = stated(&header);
            approx::assert_relative_eq!(
                metadata.wavelength_m.unwrap().value,
                1.033_201_653_610e-10,
                max_relative = 1e-12
            );
            assert_eq!(metadata.pixel2_m.unwrap().value, 172e-6);
            assert_eq!(metadata.beam_centre_px.unwrap().value.row, 99.5);
        }
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let good = r#"{"shape": [5, 4], "dtype": "int32", "byte_order": "big", "frames": 1}"#;
        let error = |from: &str, to: &str| {
            let header = json(&good.replace(from, to)).unwrap();
            layout(&header, &Limits::default()).unwrap_err()
        };
        for (from, to, place) in [
            ("[5, 4]", "[5]", "key shape"),
            ("[5, 4]", "[5, -4]", "key shape"),
            ("[5, 4]", "[5000000000, 4]", "key shape"),
            ("int32", "complex64", "key dtype"),
            ("int32", "<i4", "key byte_order"),
            ("\"big\"", "\"middle\"", "key byte_order"),
            ("\"frames\": 1", "\"frames\": \"a\"", "key frames"),
        ] {
            assert_eq!(error(from, to).place(), Some(place), "{to}");
        }
        assert!(json("[1, 2]").is_err() && json("{").is_err());
    }
}
