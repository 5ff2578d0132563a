//! PONI files: the text in which pyFAI keeps the pose of a detector.
//!
//! Use it to read what pyFAI wrote (versions 1, 2, 2.1 and 3) and to write what pyFAI can read. It
//! does not hold the sample's incident angle and tilt: they are `None` and 0 after reading, and
//! writing drops them.
//!
//! Lines are `key: value`, keys in any case. Lines that begin with `#` are comments, of which
//! `# Calibrant:` and `# Image:` are kept; lines without a colon and unknown keys are skipped, as
//! pyFAI does. Calibrations are appended to the same file, so **the last value of each key wins**.
//!
//! | version | what it adds |
//! |---|---|
//! | 1 | `PixelSize1`, `PixelSize2`, `SplineFile` |
//! | 2 | `Detector`, `Detector_config` (JSON) |
//! | 2.1 | `orientation` in the configuration |
//! | 3 | `Parallax` |
//!
//! The pixel pitch comes from the configuration, else from `PixelSize1/2`, else from the
//! [`catalogue`](crate::detector::catalogue). A spline file and a parallax correction are reported,
//! not applied.
//!
//! Source: the reader and the writer of pyFAI 2026.9.0.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

use serde_json::{Value, json};
use xscatter_core::{Error, ErrorKind, Geometry, Orientation, Result};

use crate::detector::Detector;

/// More than any PONI file has, appended ones included.
const MAX_BYTES: u64 = 4 << 20;

/// The highest version of the format that is understood.
const MAX_VERSION: f64 = 3.0;

/// A shape beyond this is an error in the file.
const MAX_SIDE: u64 = 1 << 20;

/// What a PONI file says.
///
/// ```
/// use xscatter_geometry::Poni;
///
/// let poni: Poni = "\
/// poni_version: 2.1
/// Detector: Eiger2_4M
/// Detector_config: {\"pixel1\": 7.5e-05, \"pixel2\": 7.5e-05, \"orientation\": 3}
/// Distance: 0.2
/// Poni1: 0.08
/// Poni2: 0.07
/// Rot1: 0.01
/// Rot2: 0
/// Rot3: 0
/// Wavelength: 1e-10
/// ".parse()?;
/// assert_eq!(poni.shape, Some((2162, 2068)));
/// assert_eq!(poni.to_text()?.parse::<Poni>()?, poni);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Poni {
    /// The pose; in transmission.
    pub geometry: Geometry,
    /// The name of the detector as the file writes it; `None` for pyFAI's nameless `Detector`.
    pub detector: Option<String>,
    /// Rows and columns, if the file states them or the detector is in the catalogue.
    pub shape: Option<(usize, usize)>,
    /// Of the calibration.
    pub calibrant: Option<String>,
    /// Of the calibration.
    pub image: Option<String>,
    /// The table of the detector's distortion (version 1); not applied.
    pub spline_file: Option<String>,
    /// Whether pyFAI corrects the parallax (version 3); not applied.
    pub parallax: Option<bool>,
}

impl Poni {
    /// A file for this pose, of a detector without a name.
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            detector: None,
            shape: None,
            calibrant: None,
            image: None,
            spline_file: None,
            parallax: None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If the file cannot be read, is not text, misses a key, or holds a value that cannot be; the
    /// error names the file, the line and the key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        read_text(path)
            .and_then(|text| text.parse())
            .map_err(|error| error.in_file(path))
    }

    /// Writes a file, over an older one.
    ///
    /// # Errors
    /// Those of [`to_text`](Self::to_text), or if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = self.to_text().map_err(|error| error.in_file(path))?;
        std::fs::write(path, text).map_err(|error| Error::from(error).in_file(path))
    }

    /// The text of the file; reading it gives back every digit.
    ///
    /// It is of version 2.1, or 3 if the parallax is set; pyFAI reads it unless the detector has a
    /// name that pyFAI does not know.
    ///
    /// # Errors
    /// If a number is not finite, or a name contains a line break.
    pub fn to_text(&self) -> Result<String> {
        let geometry = &self.geometry;
        let mut config = json!({
            "pixel1": finite("pixel1_m", geometry.pixel1_m)?,
            "pixel2": finite("pixel2_m", geometry.pixel2_m)?,
            "orientation": geometry.orientation.number(),
        });
        let known = self.detector.as_deref().and_then(Detector::by_name);
        if known.is_none() {
            // pyFAI takes no shape for a detector whose shape it knows.
            config["max_shape"] = self
                .shape
                .map_or(Value::Null, |(rows, columns)| json!([rows, columns]));
        }
        let version = if self.parallax.is_some() { "3" } else { "2.1" };
        let name = line("detector", self.detector.as_deref().unwrap_or("Detector"))?;
        let mut text = String::from("# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis\n");
        let mut push = |key: &str, value: &str| {
            writeln!(text, "{key}: {value}").expect("a string takes every text");
        };
        push("poni_version", version);
        push("Detector", name);
        push("Detector_config", &config.to_string());
        for (key, value) in [
            ("Distance", geometry.distance_m),
            ("Poni1", geometry.poni1_m),
            ("Poni2", geometry.poni2_m),
            ("Rot1", geometry.rot1_rad),
            ("Rot2", geometry.rot2_rad),
            ("Rot3", geometry.rot3_rad),
            ("Wavelength", geometry.wavelength_m),
        ] {
            push(key, &format!("{:?}", finite(key, value)?));
        }
        if let Some(spline_file) = &self.spline_file {
            push("SplineFile", line("spline_file", spline_file)?);
        }
        if let Some(parallax) = self.parallax {
            push("Parallax", if parallax { "True" } else { "False" });
        }
        if let Some(calibrant) = &self.calibrant {
            push("# Calibrant", line("calibrant", calibrant)?);
        }
        if let Some(image) = &self.image {
            push("# Image", line("image", image)?);
        }
        Ok(text)
    }
}

impl FromStr for Poni {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let entries = Entries::new(text);
        if let Some(version) = entries.number("poni_version")?
            && version > MAX_VERSION
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected version {MAX_VERSION} at most, found {version}"),
            )
            .at(entries.place("poni_version")));
        }
        let config = entries.config()?;
        let name = entries
            .text("detector")
            .filter(|name| !matches!(name.to_ascii_lowercase().as_str(), "detector" | "none"));
        let known = name.and_then(Detector::by_name);
        let pixel = |key: &str, old_key: &str, of: fn(&Detector) -> f64| -> Result<f64> {
            let (key, value) = match config.get(key) {
                Some(value) if !value.is_null() => ("detector_config", as_length(key, value)),
                _ => (old_key, entries.number(old_key)),
            };
            let value = value
                .map_err(|error| error.at(entries.place(key)))?
                .or_else(|| known.map(of));
            let value = value.ok_or_else(|| {
                Error::new(
                    ErrorKind::MissingMetadata,
                    format!(
                        "found no pixel size: neither a configuration, nor `{old_key}`, nor a known \
                         detector (`{}`)",
                        name.unwrap_or("Detector")
                    ),
                )
            })?;
            positive(value).map_err(|error| error.at(entries.place(key)))
        };
        let pixel1_m = pixel("pixel1", "pixelsize1", |detector| detector.pixel1_m)?;
        let pixel2_m = pixel("pixel2", "pixelsize2", |detector| detector.pixel2_m)?;
        let orientation = match config.get("orientation") {
            None | Some(Value::Null) => Orientation::default(),
            Some(value) => value
                .as_u64()
                .and_then(|number| u8::try_from(number).ok())
                .and_then(Orientation::from_number)
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Malformed,
                        format!("expected an orientation of 1 to 4, found {value}"),
                    )
                    .at(entries.place("detector_config"))
                })?,
        };
        let shape = match config.get("max_shape") {
            None | Some(Value::Null) => known
                .filter(|detector| {
                    // Another pixel size is a binned image, whose shape the file does not state.
                    close(detector.pixel1_m, pixel1_m) && close(detector.pixel2_m, pixel2_m)
                })
                .map(|detector| detector.shape),
            Some(value) => {
                Some(as_shape(value).map_err(|error| error.at(entries.place("detector_config")))?)
            }
        };
        let distance = if entries.text("distance").is_some() {
            "distance"
        } else {
            "dist"
        };
        let geometry = Geometry {
            distance_m: entries.needed(distance, "distance")?,
            poni1_m: entries.needed("poni1", "poni1")?,
            poni2_m: entries.needed("poni2", "poni2")?,
            rot1_rad: entries.needed("rot1", "rot1")?,
            rot2_rad: entries.needed("rot2", "rot2")?,
            rot3_rad: entries.needed("rot3", "rot3")?,
            wavelength_m: positive(entries.needed("wavelength", "wavelength")?)
                .map_err(|error| error.at(entries.place("wavelength")))?,
            pixel1_m,
            pixel2_m,
            orientation,
            incident_angle_rad: None,
            tilt_rad: 0.0,
        };
        let parallax = match entries.text("parallax") {
            None => None,
            Some(value) if value.eq_ignore_ascii_case("true") => Some(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Some(false),
            Some(value) => {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    format!("expected True or False, found `{}`", shortened(value)),
                )
                .at(entries.place("parallax")));
            }
        };
        Ok(Self {
            geometry,
            detector: name.map(str::to_owned),
            shape,
            calibrant: entries.text("# calibrant").map(str::to_owned),
            image: entries.text("# image").map(str::to_owned),
            spline_file: entries
                .text("splinefile")
                .filter(|file| !file.eq_ignore_ascii_case("none"))
                .map(str::to_owned),
            parallax,
        })
    }
}

/// The last value of each key, in lower case, with its line; comments have keys that begin with #.
struct Entries<'a>(BTreeMap<String, (usize, &'a str)>);

impl<'a> Entries<'a> {
    fn new(text: &'a str) -> Self {
        let mut entries = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let comment = line.starts_with('#');
            let Some((key, value)) = line.trim_start_matches('#').split_once(':') else {
                continue;
            };
            let marker = if comment { "# " } else { "" };
            let key = format!("{marker}{}", key.trim().to_ascii_lowercase());
            entries.insert(key, (index + 1, value.trim()));
        }
        Self(entries)
    }

    /// The value, unless it is absent or empty.
    fn text(&self, key: &str) -> Option<&'a str> {
        self.0
            .get(key)
            .map(|&(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    fn place(&self, key: &str) -> String {
        match self.0.get(key) {
            Some((line, _)) => format!("line {line}, key `{key}`"),
            None => format!("key `{key}`"),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Error::new(
                ErrorKind::Malformed,
                format!("expected a finite number, found `{}`", shortened(value)),
            )
            .at(self.place(key))),
        }
    }

    fn needed(&self, key: &str, shown: &str) -> Result<f64> {
        self.number(key)?.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingMetadata,
                format!("expected a line `{shown}: number`, found none"),
            )
            .at(self.place(shown))
        })
    }

    fn config(&self) -> Result<serde_json::Map<String, Value>> {
        let key = "detector_config";
        let Some(text) = self.text(key) else {
            return Ok(serde_json::Map::new());
        };
        serde_json::from_str(text).map_err(|error| {
            Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected a JSON object, found `{}`: {error}",
                    shortened(text)
                ),
            )
            .at(self.place(key))
            .with_source(error)
        })
    }
}

fn read_text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("expected a text of at most {MAX_BYTES} bytes, found more"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = format!("byte {}", error.utf8_error().valid_up_to());
        Error::new(
            ErrorKind::Malformed,
            "expected UTF-8 text, found other bytes",
        )
        .at(place)
        .with_source(error)
    })
}

fn as_length(key: &str, value: &Value) -> Result<Option<f64>> {
    value.as_f64().map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Malformed,
            format!("expected a number for {key}, found {value}"),
        )
    })
}

fn as_shape(value: &Value) -> Result<(usize, usize)> {
    let side = |value: &Value| {
        value
            .as_u64()
            .filter(|side| (1..=MAX_SIDE).contains(side))
            .map(|side| side as usize)
    };
    value
        .as_array()
        .filter(|sides| sides.len() == 2)
        .and_then(|sides| Some((side(&sides[0])?, side(&sides[1])?)))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected a max_shape of two integers, 1 to {MAX_SIDE}, found `{}`",
                    shortened(&value.to_string())
                ),
            )
        })
}

fn positive(value: f64) -> Result<f64> {
    if value > 0.0 {
        return Ok(value);
    }
    Err(Error::new(
        ErrorKind::Malformed,
        format!("expected a positive length in metres, found {value}"),
    ))
}

fn finite(name: &str, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("expected a finite number for {name}, got {value}"),
    ))
}

/// A text that stays on its line and comes back as it is.
fn line<'a>(name: &str, text: &'a str) -> Result<&'a str> {
    if !text.is_empty() && text.trim() == text && text.lines().count() == 1 && !text.contains('\r')
    {
        return Ok(text);
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("expected one line without space around it for {name}, got {text:?}"),
    ))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs()
}

/// At most sixty characters of a value, for a message.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(60).chain("...".chars()).collect()
}
