//! How bad an instrument is, in six steps: for measuring how robust an analysis is.
//!
//! Step 0 is an ideal counter with Poisson noise and nothing else; every step is at least as bad as
//! the one before in every respect.
//!
//! | severity | 0 | 1 | 2 | 3 | 4 | 5 |
//! |---|---|---|---|---|---|---|
//! | counts of the sample, at most | any | 10⁷ | 10⁶ | 10⁵ | 10⁴ | 10³ |
//! | Gaussian noise over brightness | 0 | 0.01 | 0.02 | 0.05 | 0.1 | 0.2 |
//! | salt and pepper, share of pixels | 0 | 0.001 | 0.002 | 0.005 | 0.01 | 0.02 |
//! | saturation over brightness | none | 16 | 8 | 4 | 2 | 1 |
//! | gaps of | none | Eiger 1M | Eiger 4M | Pilatus 300k | Pilatus 1M | Pilatus 2M |
//! | beamstop: share with one | 0 | 0.5 | 0.7 | 0.85 | 0.95 | 1 |
//! | beamstop: largest radius, relative px | – | 20 | 30 | 45 | 60 | 80 |
//! | beamstop beside the beam, share | 0 | 0 | 0.02 | 0.05 | 0.1 | 0.2 |
//! | window obstruction, share | 0 | 0.02 | 0.05 | 0.1 | 0.2 | 0.3 |
//! | flight tube and holder, share of each | 0 | 0.05 | 0.1 | 0.2 | 0.3 | 0.4 |
//! | point spread, largest σ in pixels | 0 | 0.3 | 0.5 | 0.8 | 1.2 | 2 |
//! | chip gains, relative σ | 0 | 0.005 | 0.01 | 0.02 | 0.04 | 0.08 |
//! | dead, hot and noisy pixels, share of each | 0 | 10⁻⁵ | 10⁻⁴ | 3·10⁻⁴ | 10⁻³ | 3·10⁻³ |
//! | zingers a pixel and second | 0 | 10⁻⁷ | 10⁻⁶ | 10⁻⁵ | 10⁻⁴ | 5·10⁻⁴ |
//! | uncorrected rate loss, share | 0 | 0.05 | 0.1 | 0.2 | 0.3 | 0.5 |
//! | direct beam, share | 0 | 0.05 | 0.1 | 0.15 | 0.2 | 0.3 |
//! | beam off the image, share | 0 | 0.02 | 0.05 | 0.1 | 0.2 | 0.4 |
//! | rotation of the image, ± degrees | 0 | 5 | 15 | 45 | 90 | 180 |
//! | tilt of the detector, ± degrees | 0 | 0.5 | 1 | 2 | 5 | 10 |
//! | slit streaks, share | 0 | 0.05 | 0.1 | 0.2 | 0.4 | 0.6 |
//!
//! All but the last four are an [`InstrumentRanges`] and a [`DetectorChoice`]; the last four belong to
//! pose and beam and are a [`PoseNuisance`]. The axes follow a robustness study of attribute tagging at
//! a synchrotron (Meister 2018, abstract); the steps are a choice of this project.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::extra::ExtraNoise;
use super::ranges::{
    CounterRanges, DefectRanges, DirectBeamRanges, GainRanges, InstrumentRanges, ShadowRanges,
    SpreadRanges, StopRanges,
};
use super::readout::{Conceptual, DetectorChoice};
use crate::Interval;

const TOTAL_COUNTS: [Option<f64>; 6] =
    [None, Some(1e7), Some(1e6), Some(1e5), Some(1e4), Some(1e3)];
const GAUSSIAN: [f64; 6] = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2];
const SALT_AND_PEPPER: [f64; 6] = [0.0, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2];
const SATURATION: [Option<f64>; 6] = [None, Some(16.0), Some(8.0), Some(4.0), Some(2.0), Some(1.0)];
const GAPS_LIKE: [Option<&str>; 6] = [
    None,
    Some("Eiger 1M"),
    Some("Eiger 4M"),
    Some("Pilatus 300k"),
    Some("Pilatus 1M"),
    Some("Pilatus 2M"),
];
const STOP_SHARE: [f64; 6] = [0.0, 0.5, 0.7, 0.85, 0.95, 1.0];
const STOP_RADIUS_PX: [f64; 6] = [20.0, 20.0, 30.0, 45.0, 60.0, 80.0];
const ASTRAY: [f64; 6] = [0.0, 0.0, 0.02, 0.05, 0.1, 0.2];
const WINDOW: [f64; 6] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.3];
const SHADOW: [f64; 6] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.4];
const SPREAD_PX: [f64; 6] = [0.0, 0.3, 0.5, 0.8, 1.2, 2.0];
const GAIN: [f64; 6] = [0.0, 0.005, 0.01, 0.02, 0.04, 0.08];
const BAD_PIXELS: [f64; 6] = [0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3];
const ZINGERS: [f64; 6] = [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 5e-4];
const RATE_LOSS: [f64; 6] = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5];
const DIRECT_BEAM: [f64; 6] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.3];
const BEAM_OFF: [f64; 6] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4];
const ROTATION_DEG: [f64; 6] = [0.0, 5.0, 15.0, 45.0, 90.0, 180.0];
const TILT_DEG: [f64; 6] = [0.0, 0.5, 1.0, 2.0, 5.0, 10.0];
const STREAKS: [f64; 6] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.6];

/// A step from 0, ideal, to 5.
///
/// ```
/// use xscatter_sim::Severity;
///
/// let severity = Severity::new(3)?;
/// assert_eq!(severity.instrument().extra.total_counts, Some(1e5));
/// assert!(Severity::new(6).is_err());
/// # Ok::<(), xscatter_sim::SeverityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Severity(u8);

/// A severity that is none of the six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a severity from 0 to 5, got {0}")]
pub struct SeverityError(u8);

/// What of a severity belongs to the pose of the detector and to the beam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoseNuisance {
    /// Share of the experiments with the direct beam off the image.
    pub beam_off_share: f64,
    /// The image is turned by up to this, either way.
    pub rotation_rad: f64,
    /// The detector is tilted by up to this about each of its axes, either way.
    pub tilt_rad: f64,
    /// Share of the experiments with streaks from slits.
    pub streak_share: f64,
}

impl Severity {
    /// All six, in order.
    pub const ALL: [Self; 6] = [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// The step of this number.
    ///
    /// # Errors
    /// [`SeverityError`] above 5.
    pub fn new(level: u8) -> Result<Self, SeverityError> {
        if level <= 5 {
            Ok(Self(level))
        } else {
            Err(SeverityError(level))
        }
    }

    /// The number of the step.
    pub fn level(self) -> u8 {
        self.0
    }

    /// From where instruments of this severity are drawn.
    pub fn instrument(self) -> InstrumentRanges {
        let ideal = InstrumentRanges::ideal();
        if self.0 == 0 {
            return ideal;
        }
        let level = self.0 as usize;
        let exactly = |value: f64| Interval::new(value, value);
        let with_stop = STOP_SHARE[level];
        InstrumentRanges {
            stop: StopRanges {
                disk_weight: with_stop / 6.0,
                disk_with_arm_weight: with_stop / 6.0,
                linear_weight: with_stop / 3.0,
                wedge_weight: with_stop / 3.0,
                none_weight: 1.0 - with_stop,
                radius_px: Interval::new(8.0, STOP_RADIUS_PX[level]),
                astray_share: ASTRAY[level],
                ..StopRanges::default()
            },
            shadow: ShadowRanges {
                rim_share: SHADOW[level],
                camera_rim_share: SHADOW[level],
                holder_share: SHADOW[level],
                window_share: WINDOW[level],
                ..ShadowRanges::default()
            },
            direct_beam: DirectBeamRanges {
                share: DIRECT_BEAM[level],
                ..DirectBeamRanges::default()
            },
            spread: SpreadRanges {
                counter_sigma_px: Interval::new(0.1, SPREAD_PX[level]),
                camera_sigma_px: Interval::new(0.1, SPREAD_PX[level]),
                ..ideal.spread
            },
            gain: GainRanges {
                tile: exactly(GAIN[level]),
                pixel: exactly(0.5 * GAIN[level]),
                ..ideal.gain
            },
            counter: CounterRanges {
                rate_loss_share: RATE_LOSS[level],
                ..CounterRanges::default()
            },
            defects: DefectRanges {
                dead: exactly(BAD_PIXELS[level]),
                hot: exactly(BAD_PIXELS[level]),
                noisy: exactly(BAD_PIXELS[level]),
                ..DefectRanges::default()
            },
            zingers_per_s: exactly(ZINGERS[level]),
            extra: ExtraNoise {
                total_counts: TOTAL_COUNTS[level],
                gaussian_relative: GAUSSIAN[level],
                salt_and_pepper_share: SALT_AND_PEPPER[level],
                saturation_relative: SATURATION[level],
            },
            ..ideal
        }
    }

    /// A detector of this severity: a conceptual one that wears the gaps of a real one.
    pub fn detector(self, side_px: usize) -> DetectorChoice {
        let plain = Conceptual::default();
        Conceptual {
            side_px,
            // The same field of view whatever the number of pixels.
            pixel_m: plain.pixel_m * plain.side_px as f64 / side_px as f64,
            gaps_like: GAPS_LIKE[self.0 as usize].map(str::to_owned),
            max_count: (1 << 20) - 1,
            ..plain
        }
        .into()
    }

    /// What belongs to pose and beam.
    pub fn pose(self) -> PoseNuisance {
        let level = self.0 as usize;
        PoseNuisance {
            beam_off_share: BEAM_OFF[level],
            rotation_rad: ROTATION_DEG[level].to_radians(),
            tilt_rad: TILT_DEG[level].to_radians(),
            streak_share: STREAKS[level],
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "severity {}", self.0)
    }
}

impl TryFrom<u8> for Severity {
    type Error = SeverityError;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        Self::new(level)
    }
}

impl From<Severity> for u8 {
    fn from(severity: Severity) -> Self {
        severity.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::readout::Readout;

    fn gap_share(severity: Severity) -> f64 {
        let readout: Readout = severity.detector(256).readout().unwrap();
        readout.gap_share()
    }

    #[test]
    fn every_step_is_at_least_as_bad_in_every_respect() {
        let rising = |name: &str, values: [f64; 6]| {
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{name}");
            assert!(values[0] < values[5], "{name}");
        };
        for (name, values) in [
            ("gaussian", GAUSSIAN),
            ("salt and pepper", SALT_AND_PEPPER),
            ("stop", STOP_SHARE),
            ("radius", STOP_RADIUS_PX),
            ("astray", ASTRAY),
            ("window", WINDOW),
            ("shadow", SHADOW),
            ("spread", SPREAD_PX),
            ("gain", GAIN),
            ("bad pixels", BAD_PIXELS),
            ("zingers", ZINGERS),
            ("rate loss", RATE_LOSS),
            ("direct beam", DIRECT_BEAM),
            ("beam off", BEAM_OFF),
            ("rotation", ROTATION_DEG),
            ("tilt", TILT_DEG),
            ("streaks", STREAKS),
        ] {
            rising(name, values);
        }
        let inverse = |limits: [Option<f64>; 6]| limits.map(|limit| limit.map_or(0.0, f64::recip));
        rising("total counts", inverse(TOTAL_COUNTS));
        rising("saturation", inverse(SATURATION));
        rising("gaps", Severity::ALL.map(gap_share));
    }

    #[test]
    fn every_step_can_be_drawn_from() {
        for severity in Severity::ALL {
            assert_eq!(severity.instrument().first_invalid(), None, "{severity}");
        }
        assert_eq!(Severity::ALL[0].instrument(), InstrumentRanges::ideal());
        assert_eq!(gap_share(Severity::ALL[0]), 0.0);
    }

    #[test]
    fn a_severity_goes_through_json_as_its_number() {
        let severity: Severity = serde_json::from_str("4").unwrap();
        assert_eq!(
            (severity.level(), severity.to_string()),
            (4, "severity 4".into())
        );
        assert!(serde_json::from_str::<Severity>("9").is_err());
    }
}
