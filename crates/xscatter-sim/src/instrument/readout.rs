//! The detector as it is read out: shape, pixel pitch, gaps, chips.
//!
//! A detector of the catalogue of `xscatter-geometry` is taken as it is; cameras (one sheet of pixels
//! there) are binned so that no side exceeds 1100 pixels. A [`Conceptual`] detector is a square of any
//! size, which may wear the gap pattern of a real detector scaled down: small frames for training with
//! masks like those of large detectors.

use std::fmt;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Mask, PixelFlags};
use xscatter_geometry::Detector;

/// The longest side of a camera's image; larger ones are binned.
const CAMERA_SIDE_PX: usize = 1100;

/// The largest conceptual detector.
const MOST_SIDE_PX: usize = 8192;

/// Which detector to simulate: the name of one in the catalogue, or a conceptual one.
///
/// ```
/// use xscatter_sim::DetectorChoice;
///
/// let choices: Vec<DetectorChoice> =
///     serde_json::from_str(r#"["Pilatus 1M", {"side_px": 256, "gaps_like": "Eiger 4M"}]"#)?;
/// assert_eq!(choices[0], DetectorChoice::from("Pilatus 1M"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a detector, or an object of side_px, pixel_m, max_count, gaps_like and camera"
)]
pub enum DetectorChoice {
    /// A detector of the catalogue.
    Named(String),
    /// A detector that nobody built.
    Conceptual(Conceptual),
}

impl From<&str> for DetectorChoice {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<Conceptual> for DetectorChoice {
    fn from(conceptual: Conceptual) -> Self {
        Self::Conceptual(conceptual)
    }
}

/// A square detector of any size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conceptual {
    /// Rows and columns.
    pub side_px: usize,
    /// Pixel pitch.
    pub pixel_m: f64,
    /// The largest count that a pixel can hold.
    pub max_count: u32,
    /// The detector in the catalogue whose gaps it has, scaled to its own size; none without.
    pub gaps_like: Option<String>,
    /// Whether it is a camera: no gaps, no mask, but offset and read noise.
    pub camera: bool,
}

impl Default for Conceptual {
    /// 256 × 256 pixels of 600 µm, 16 bits, without gaps.
    fn default() -> Self {
        Self {
            side_px: 256,
            pixel_m: 600e-6,
            max_count: u16::MAX as u32,
            gaps_like: None,
            camera: false,
        }
    }
}

/// Why a detector cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadoutError {
    /// A detector that the catalogue does not have.
    #[error("expected the name of a detector in the catalogue, got {0:?}")]
    UnknownDetector(String),
    /// An impossible conceptual detector.
    #[error("expected {name} of a conceptual detector from {low} to {high}, got {found}")]
    Conceptual {
        /// The field.
        name: &'static str,
        /// What it holds.
        found: f64,
        /// The least that it may hold.
        low: f64,
        /// The most that it may hold.
        high: f64,
    },
}

/// The chip of every pixel: an index and whether it is at a border, by row and by column.
#[derive(Debug, Clone)]
pub(super) struct Chips {
    pub(super) rows: Vec<(u32, bool)>,
    pub(super) columns: Vec<(u32, bool)>,
}

/// The detector as it is read out, with its mask of gaps.
#[derive(Debug, Clone)]
pub(crate) struct Readout {
    pub(crate) name: String,
    pub(crate) detector: Detector,
    pub(crate) shape: (usize, usize),
    pub(crate) pixel_m: (f64, f64),
    pub(super) gaps: Option<Arc<Mask>>,
    pub(super) gaps_like: Option<&'static str>,
    pub(super) chips: Arc<Chips>,
}

/// As in "counter 256 like Pilatus 300k".
impl fmt::Display for Conceptual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.camera { "camera" } else { "counter" };
        write!(f, "{kind} {}", self.side_px)?;
        self.gaps_like
            .iter()
            .try_for_each(|real| write!(f, " like {real}"))
    }
}

impl DetectorChoice {
    pub(crate) fn readout(&self) -> Result<Readout, ReadoutError> {
        match self {
            Self::Named(name) => named(name).map(Readout::new),
            Self::Conceptual(conceptual) => conceptual.readout(),
        }
    }
}

fn named(name: &str) -> Result<&'static Detector, ReadoutError> {
    Detector::by_name(name).ok_or_else(|| ReadoutError::UnknownDetector(name.to_owned()))
}

impl Conceptual {
    fn readout(&self) -> Result<Readout, ReadoutError> {
        for (name, found, low, high) in [
            ("side_px", self.side_px as f64, 16.0, MOST_SIDE_PX as f64),
            ("pixel_m", self.pixel_m, 1e-6, 0.1),
            ("max_count", self.max_count.into(), 1.0, u32::MAX.into()),
        ] {
            if !(low..=high).contains(&found) {
                return Err(ReadoutError::Conceptual {
                    name,
                    found,
                    low,
                    high,
                });
            }
        }
        let like = self.gaps_like.as_deref().map(named).transpose()?;
        let shape = (self.side_px, self.side_px);
        let detector = Detector {
            name: "Conceptual",
            aliases: &[],
            shape,
            pixel1_m: self.pixel_m,
            pixel2_m: self.pixel_m,
            module: shape,
            gap: (0, 0),
            seam_columns: 0,
            bits: (u32::BITS - self.max_count.leading_zeros()) as u8,
            max_count: self.max_count,
            gap_marker: (!self.camera).then_some(-1),
            bad_marker: (!self.camera).then_some(-2),
        };
        // The pixel of the real detector under the centre of a pixel of this one.
        let under = |index: usize, real: usize| (2 * index + 1) * real / (2 * self.side_px);
        let gaps = Array2::from_shape_fn(shape, |(row, column)| match like {
            Some(real) if real.is_gap(under(row, real.shape.0), under(column, real.shape.1)) => {
                PixelFlags::GAP
            }
            _ => PixelFlags::VALID,
        });
        let quarter = |index: usize| ((index * 4 / self.side_px) as u32, false);
        let quarters: Vec<_> = (0..self.side_px).map(quarter).collect();
        let chips = match like {
            Some(real) => {
                let real_chips = Chips::of(real, real.shape);
                let scaled = |of_real: &[(u32, bool)]| -> Vec<_> {
                    (0..self.side_px)
                        .map(|index| (of_real[under(index, of_real.len())].0, false))
                        .collect()
                };
                Chips {
                    rows: scaled(&real_chips.rows),
                    columns: scaled(&real_chips.columns),
                }
            }
            None => Chips {
                rows: quarters.clone(),
                columns: quarters,
            },
        };
        Ok(Readout {
            name: self.to_string(),
            detector,
            shape,
            pixel_m: (self.pixel_m, self.pixel_m),
            gaps: (!self.camera).then(|| Arc::new(Mask::new(gaps))),
            gaps_like: like.map(|real| real.name),
            chips: Arc::new(chips),
        })
    }
}

impl Readout {
    pub(crate) fn new(detector: &'static Detector) -> Self {
        let camera = detector.gap_marker.is_none() && detector.bits <= 16;
        let longest = detector.shape.0.max(detector.shape.1);
        let binning = if camera {
            longest.div_ceil(CAMERA_SIDE_PX)
        } else {
            1
        };
        let shape = (detector.shape.0 / binning, detector.shape.1 / binning);
        Self {
            name: detector.name.to_owned(),
            detector: *detector,
            shape,
            pixel_m: (
                detector.pixel1_m * binning as f64,
                detector.pixel2_m * binning as f64,
            ),
            gaps: (!camera).then(|| Arc::new(detector.gap_mask())),
            gaps_like: None,
            chips: Arc::new(Chips::of(detector, shape)),
        }
    }

    pub(super) fn is_camera(&self) -> bool {
        self.gaps.is_none()
    }

    /// The share of the pixels without sensor.
    pub(super) fn gap_share(&self) -> f64 {
        self.gaps.as_ref().map_or(0.0, |gaps| {
            gaps.invalid_count() as f64 / gaps.as_slice().len() as f64
        })
    }
}

impl Chips {
    fn of(detector: &Detector, shape: (usize, usize)) -> Self {
        let coarse = detector.pixel1_m > 1.6e-4;
        let (rows, columns) = if coarse { (97, 60) } else { (256, 256) };
        Self {
            rows: along(shape.0, detector.module.0, detector.gap.0, rows),
            columns: along(shape.1, detector.module.1, detector.gap.1, columns),
        }
    }
}

/// The chips of one axis, cut from modules; the pixels that do not fit lie between two chips, where
/// they are wider.
fn along(pixels: usize, module: usize, gap: usize, nominal: usize) -> Vec<(u32, bool)> {
    let chips = ((module as f64 / nominal as f64).round() as usize).max(1);
    let border = if chips > 1 {
        module.saturating_sub(chips * nominal) / (chips - 1)
    } else {
        0
    };
    let period = if chips > 1 { nominal + border } else { module };
    (0..pixels)
        .map(|index| {
            let (unit, within) = (index / (module + gap), index % (module + gap));
            let tile = (unit * chips + (within / period).min(chips - 1)) as u32;
            let between = border > 0 && within < module && within % period >= nominal;
            (tile, between)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Readout {
        DetectorChoice::from(name).readout().unwrap()
    }

    #[test]
    fn a_camera_is_binned_and_a_counter_is_not() {
        let perkin = of("Perkin");
        assert_eq!(perkin.shape, (1024, 1024));
        assert!((perkin.pixel_m.0 - 400e-6).abs() < 1e-12 && perkin.is_camera());
        let pilatus = of("Pilatus 300k");
        assert_eq!(pilatus.shape, (619, 487));
        assert!(!pilatus.is_camera());
    }

    #[test]
    fn a_pilatus_has_sixteen_chips_a_module_with_a_wide_pixel_between() {
        let chips = of("Pilatus 100k").chips;
        assert_eq!(chips.rows[194], (1, false));
        assert_eq!(chips.columns[486], (7, false));
        assert!(chips.rows[97].1 && !chips.rows[96].1 && !chips.rows[98].1);
        assert_eq!(chips.columns.iter().filter(|(_, wide)| *wide).count(), 7);
        let eiger = of("Eiger 1M").chips;
        assert_eq!(eiger.rows.iter().filter(|(_, wide)| *wide).count(), 4);
    }

    #[test]
    fn scaled_gaps_cover_the_same_share_as_the_real_ones() {
        for name in [
            "Pilatus 300k",
            "Pilatus 1M",
            "Pilatus 2M",
            "Eiger 1M",
            "Eiger 4M",
        ] {
            let small = Conceptual {
                gaps_like: Some(name.to_owned()),
                ..Conceptual::default()
            };
            let small = DetectorChoice::from(small).readout().unwrap();
            let (found, real) = (small.gap_share(), of(name).gap_share());
            assert!(
                (found / real - 1.0).abs() < 0.35,
                "{name}: {found} for {real}"
            );
        }
    }

    #[test]
    fn an_impossible_detector_is_refused_by_name() {
        let refused = |conceptual: Conceptual| {
            DetectorChoice::from(conceptual)
                .readout()
                .unwrap_err()
                .to_string()
        };
        let side = Conceptual {
            side_px: 3,
            ..Conceptual::default()
        };
        assert_eq!(
            refused(side),
            "expected side_px of a conceptual detector from 16 to 8192, got 3"
        );
        let gaps = Conceptual {
            gaps_like: Some("Camera obscura".into()),
            ..Conceptual::default()
        };
        assert!(refused(gaps).contains("Camera obscura"));
        assert!(DetectorChoice::from("none").readout().is_err());
    }
}
