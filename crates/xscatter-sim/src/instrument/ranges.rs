//! From where instruments are drawn: every range and every share as a field that a user can edit.
//!
//! An interval marked *log* is drawn log-uniformly, so its ends are above zero; `0 to 0` switches what
//! it describes off. The others are uniform. Sizes marked *relative px* are for an image of 1000 × 1000
//! pixels and shrink or grow with the image.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::extra::ExtraNoise;
use crate::draw::{self, Interval};

/// What cannot be seen without an edge.
const NONE: Interval = Interval::new(0.0, 0.0);

/// The distributions of everything between the sample and the file.
///
/// ```
/// use xscatter_sim::{InstrumentRanges, Interval};
///
/// let mut ranges = InstrumentRanges::default();
/// assert_eq!(ranges.first_invalid(), None);
/// ranges.stop.radius_px = Interval::new(40.0, 8.0);
/// assert_eq!(ranges.first_invalid(), Some("instrument.stop.radius_px"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstrumentRanges {
    /// Standard deviation of the direct beam on the detector; log, in pixels.
    pub beam_sigma_px: Interval,
    /// Beamstops.
    pub stop: StopRanges,
    /// What shades the rim of the image.
    pub shadow: ShadowRanges,
    /// The direct beam on the detector.
    pub direct_beam: DirectBeamRanges,
    /// Point spread.
    pub spread: SpreadRanges,
    /// Differences of sensitivity.
    pub gain: GainRanges,
    /// Counting detectors.
    pub counter: CounterRanges,
    /// Cameras.
    pub camera: CameraRanges,
    /// Bad pixels.
    pub defects: DefectRanges,
    /// Zingers a pixel and second; log.
    pub zingers_per_s: Interval,
    /// What no detector does, to test how robust an analysis is; nothing by default.
    pub extra: ExtraNoise,
}

impl Default for InstrumentRanges {
    fn default() -> Self {
        Self {
            beam_sigma_px: Interval::new(0.7, 3.0),
            stop: StopRanges::default(),
            shadow: ShadowRanges::default(),
            direct_beam: DirectBeamRanges::default(),
            spread: SpreadRanges::default(),
            gain: GainRanges::default(),
            counter: CounterRanges::default(),
            camera: CameraRanges::default(),
            defects: DefectRanges::default(),
            zingers_per_s: Interval::new(1e-8, 2e-6),
            extra: ExtraNoise::default(),
        }
    }
}

/// Beamstops: which kind how often, how large, how well aligned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopRanges {
    /// Weight of a disk without visible holder.
    pub disk_weight: f64,
    /// Weight of a disk with an arm.
    pub disk_with_arm_weight: f64,
    /// Weight of a strip from an edge to past the beam.
    pub linear_weight: f64,
    /// Weight of a wedge.
    pub wedge_weight: f64,
    /// Weight of no beamstop.
    pub none_weight: f64,
    /// Radius, also of what the beam needs of a strip or wedge; log, relative px.
    pub radius_px: Interval,
    /// Standard deviation of the misalignment of each axis, in radii.
    pub offset_radii: f64,
    /// Share of the stops that miss the beam.
    pub astray_share: f64,
    /// By how many radii they do.
    pub astray_radii: Interval,
    /// Over how many pixels the edge fades; log.
    pub edge_px: Interval,
    /// Share of the stops that let some of the beam through.
    pub leaky_share: f64,
    /// What those let through; log.
    pub leak: Interval,
    /// Half the width of an arm, in radii.
    pub arm_half_width_radii: Interval,
    /// Share of the arms that run along an axis of the image.
    pub arm_straight_share: f64,
    /// Tangent of half the opening of a wedge.
    pub wedge_slope: Interval,
    /// At grazing incidence: share with a strip along the surface normal.
    pub specular_strip_share: f64,
    /// Half its width; log, relative px.
    pub specular_strip_half_width_px: Interval,
    /// Share of the others with a disk for the reflected beam.
    pub specular_disk_share: f64,
    /// Its radius; log, relative px.
    pub specular_disk_radius_px: Interval,
    /// What stops of the reflected beam let through; log.
    pub specular_leak: Interval,
}

impl Default for StopRanges {
    fn default() -> Self {
        Self {
            disk_weight: 4.0,
            disk_with_arm_weight: 4.0,
            linear_weight: 2.0,
            wedge_weight: 1.0,
            none_weight: 1.0,
            radius_px: Interval::new(8.0, 45.0),
            offset_radii: 0.12,
            astray_share: 0.02,
            astray_radii: Interval::new(0.8, 2.5),
            edge_px: Interval::new(0.5, 4.0),
            leaky_share: 0.25,
            leak: Interval::new(1e-4, 3e-2),
            arm_half_width_radii: Interval::new(0.15, 0.5),
            arm_straight_share: 0.6,
            wedge_slope: Interval::new(0.1, 0.25),
            specular_strip_share: 0.2,
            specular_strip_half_width_px: Interval::new(2.0, 12.0),
            specular_disk_share: 0.4,
            specular_disk_radius_px: Interval::new(4.0, 20.0),
            specular_leak: Interval::new(1e-3, 0.1),
        }
    }
}

/// Flight tubes, holders and windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShadowRanges {
    /// Share of the counting detectors that see the end of a flight tube.
    pub rim_share: f64,
    /// The same of cameras, which have round rims of their own.
    pub camera_rim_share: f64,
    /// Radius of the rim over half the diagonal of the image.
    pub rim_radius_relative: Interval,
    /// What passes beyond the rim; log.
    pub rim_leak: Interval,
    /// Share with a holder along an edge of the image.
    pub holder_share: f64,
    /// Standard deviation of the depth of the holder, as a share of the image.
    pub holder_depth_relative: f64,
    /// What passes through the holder; log.
    pub holder_leak: Interval,
    /// Share with a window around the beam that is too small for the image.
    pub window_share: f64,
    /// Half the size of the window over the size of the image.
    pub window_half_size_relative: Interval,
    /// Over how much of the image its edge fades; log, relative px.
    pub window_edge_px: Interval,
    /// What passes beside the window; log.
    pub window_leak: Interval,
}

impl Default for ShadowRanges {
    fn default() -> Self {
        Self {
            rim_share: 0.2,
            camera_rim_share: 0.4,
            rim_radius_relative: Interval::new(0.65, 0.97),
            rim_leak: Interval::new(0.005, 0.3),
            holder_share: 0.04,
            holder_depth_relative: 0.07,
            holder_leak: Interval::new(0.01, 0.5),
            window_share: 0.02,
            window_half_size_relative: Interval::new(0.2, 0.6),
            window_edge_px: Interval::new(3.0, 50.0),
            window_leak: Interval::new(1e-3, 0.3),
        }
    }
}

/// The direct beam, before any stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectBeamRanges {
    /// Share of the experiments in which it would reach the detector but for the stop.
    pub share: f64,
    /// Its peak over the brightness of the frame (attenuated to unattenuated); log.
    pub peak: Interval,
}

impl Default for DirectBeamRanges {
    fn default() -> Self {
        Self {
            share: 0.15,
            peak: Interval::new(1.0, 1e5),
        }
    }
}

/// Point spread: a Gaussian core and the wings of a fibre-optic taper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpreadRanges {
    /// Standard deviation of counting detectors: charge shared between pixels.
    pub counter_sigma_px: Interval,
    /// Standard deviation of cameras.
    pub camera_sigma_px: Interval,
    /// Share of the light in the wings of cameras; log.
    pub camera_wing_share: Interval,
    /// Scale of the wings.
    pub camera_wing_px: Interval,
}

impl Default for SpreadRanges {
    fn default() -> Self {
        Self {
            counter_sigma_px: Interval::new(0.15, 0.35),
            camera_sigma_px: Interval::new(0.4, 1.1),
            camera_wing_share: Interval::new(5e-3, 0.1),
            camera_wing_px: Interval::new(0.5, 1.2),
        }
    }
}

/// What a flat-field correction left over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GainRanges {
    /// Relative standard deviation of chips or tiles; log.
    pub tile: Interval,
    /// Relative standard deviation of pixels; log.
    pub pixel: Interval,
    /// Share of the detectors whose wider pixels at chip borders are not corrected for.
    pub border_share: f64,
    /// How much more those pixels count.
    pub border: Interval,
}

impl Default for GainRanges {
    fn default() -> Self {
        Self {
            tile: Interval::new(2e-3, 2e-2),
            pixel: Interval::new(2e-3, 1.5e-2),
            border_share: 0.05,
            border: Interval::new(1.2, 1.9),
        }
    }
}

/// Counting detectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterRanges {
    /// Share of the detectors whose loss at high rates is not corrected for.
    pub rate_loss_share: f64,
    /// Dead time of a pixel, paralysable; log, in seconds.
    pub dead_time_s: Interval,
}

impl Default for CounterRanges {
    fn default() -> Self {
        Self {
            rate_loss_share: 0.2,
            dead_time_s: Interval::new(1e-7, 2.5e-7),
        }
    }
}

/// Cameras: light is counted in photons and written in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraRanges {
    /// Numbers a photon; log.
    pub counts_per_photon: Interval,
    /// The number of a dark pixel; log.
    pub offset_counts: Interval,
    /// Standard deviation of the read-out, in numbers; log.
    pub read_noise_counts: Interval,
    /// Dark current in photons a pixel and second; log.
    pub dark_per_s: Interval,
    /// Share of the cameras whose full pixels overflow along their column.
    pub blooming_share: f64,
}

impl Default for CameraRanges {
    fn default() -> Self {
        Self {
            counts_per_photon: Interval::new(1.0, 8.0),
            offset_counts: Interval::new(10.0, 1500.0),
            read_noise_counts: Interval::new(1.0, 4.0),
            dark_per_s: Interval::new(1e-4, 3e-2),
            blooming_share: 0.4,
        }
    }
}

/// Bad pixels, as shares of all pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefectRanges {
    /// Pixels that count nothing, of counting detectors; log.
    pub dead: Interval,
    /// Share of them that the file marks.
    pub dead_known_share: f64,
    /// Pixels that count without light; log.
    pub hot: Interval,
    /// Share of them that the file of a counting detector marks.
    pub hot_known_share: f64,
    /// How much they count, a second; log.
    pub hot_per_s: Interval,
    /// Pixels that count without light now and then, never marked; log.
    pub noisy: Interval,
    /// Share of the cameras with a dead row or column.
    pub camera_line_share: f64,
}

impl Default for DefectRanges {
    fn default() -> Self {
        Self {
            dead: Interval::new(1e-6, 3e-4),
            dead_known_share: 0.97,
            hot: Interval::new(1e-7, 3e-5),
            hot_known_share: 0.8,
            hot_per_s: Interval::new(1.0, 1e5),
            noisy: Interval::new(1e-7, 1e-5),
            camera_line_share: 0.05,
        }
    }
}

impl InstrumentRanges {
    /// An ideal counting detector: Poisson noise and nothing else, no beamstop.
    ///
    /// ```
    /// use xscatter_sim::InstrumentRanges;
    ///
    /// assert_eq!(InstrumentRanges::ideal().first_invalid(), None);
    /// ```
    pub fn ideal() -> Self {
        let default = Self::default();
        Self {
            stop: StopRanges {
                disk_weight: 0.0,
                disk_with_arm_weight: 0.0,
                linear_weight: 0.0,
                wedge_weight: 0.0,
                none_weight: 1.0,
                astray_share: 0.0,
                specular_strip_share: 0.0,
                specular_disk_share: 0.0,
                ..default.stop
            },
            shadow: ShadowRanges {
                rim_share: 0.0,
                camera_rim_share: 0.0,
                holder_share: 0.0,
                window_share: 0.0,
                ..default.shadow
            },
            direct_beam: DirectBeamRanges {
                share: 0.0,
                ..default.direct_beam
            },
            spread: SpreadRanges {
                counter_sigma_px: NONE,
                camera_sigma_px: NONE,
                camera_wing_share: NONE,
                ..default.spread
            },
            gain: GainRanges {
                tile: NONE,
                pixel: NONE,
                border_share: 0.0,
                ..default.gain
            },
            counter: CounterRanges {
                rate_loss_share: 0.0,
                ..default.counter
            },
            camera: CameraRanges {
                counts_per_photon: Interval::new(1.0, 1.0),
                offset_counts: NONE,
                read_noise_counts: NONE,
                dark_per_s: NONE,
                blooming_share: 0.0,
            },
            defects: DefectRanges {
                dead: NONE,
                hot: NONE,
                noisy: NONE,
                camera_line_share: 0.0,
                ..default.defects
            },
            zingers_per_s: NONE,
            extra: ExtraNoise::default(),
            ..default
        }
    }

    /// The name of the first range or share that cannot be drawn from.
    pub fn first_invalid(&self) -> Option<&'static str> {
        let within = |interval: Interval, low: f64, high: f64| {
            interval.is_ordered() && low <= interval.low && interval.high <= high
        };
        // Log-uniform: above zero, or off.
        let log = |interval: Interval, high: f64| {
            interval == NONE || (interval.low > 0.0 && within(interval, 0.0, high))
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let at_least_zero = |value: f64, high: f64| (0.0..=high).contains(&value);
        let (stop, shadow) = (&self.stop, &self.shadow);
        let weights = stop.weights().map(|(_, weight)| weight);
        [
            (
                "instrument.beam_sigma_px",
                self.beam_sigma_px.low > 0.0 && log(self.beam_sigma_px, 1e3),
            ),
            (
                "instrument.stop weights",
                weights.iter().all(|&weight| at_least_zero(weight, 1e9))
                    && weights.iter().sum::<f64>() > 0.0,
            ),
            (
                "instrument.stop.radius_px",
                stop.radius_px.low > 0.0 && log(stop.radius_px, 1e3),
            ),
            (
                "instrument.stop.offset_radii",
                at_least_zero(stop.offset_radii, 100.0),
            ),
            ("instrument.stop.astray_share", share(stop.astray_share)),
            (
                "instrument.stop.astray_radii",
                within(stop.astray_radii, 0.0, 100.0),
            ),
            ("instrument.stop.edge_px", log(stop.edge_px, 1e3)),
            ("instrument.stop.leaky_share", share(stop.leaky_share)),
            ("instrument.stop.leak", log(stop.leak, 1.0)),
            (
                "instrument.stop.arm_half_width_radii",
                within(stop.arm_half_width_radii, 0.0, 100.0),
            ),
            (
                "instrument.stop.arm_straight_share",
                share(stop.arm_straight_share),
            ),
            (
                "instrument.stop.wedge_slope",
                within(stop.wedge_slope, 1e-3, 100.0),
            ),
            (
                "instrument.stop.specular_strip_share",
                share(stop.specular_strip_share),
            ),
            (
                "instrument.stop.specular_strip_half_width_px",
                log(stop.specular_strip_half_width_px, 1e3),
            ),
            (
                "instrument.stop.specular_disk_share",
                share(stop.specular_disk_share),
            ),
            (
                "instrument.stop.specular_disk_radius_px",
                log(stop.specular_disk_radius_px, 1e3),
            ),
            (
                "instrument.stop.specular_leak",
                log(stop.specular_leak, 1.0),
            ),
            ("instrument.shadow.rim_share", share(shadow.rim_share)),
            (
                "instrument.shadow.camera_rim_share",
                share(shadow.camera_rim_share),
            ),
            (
                "instrument.shadow.rim_radius_relative",
                within(shadow.rim_radius_relative, 0.05, 10.0),
            ),
            ("instrument.shadow.rim_leak", log(shadow.rim_leak, 1.0)),
            ("instrument.shadow.holder_share", share(shadow.holder_share)),
            (
                "instrument.shadow.holder_depth_relative",
                at_least_zero(shadow.holder_depth_relative, 1.0),
            ),
            (
                "instrument.shadow.holder_leak",
                log(shadow.holder_leak, 1.0),
            ),
            ("instrument.shadow.window_share", share(shadow.window_share)),
            (
                "instrument.shadow.window_half_size_relative",
                within(shadow.window_half_size_relative, 0.01, 10.0),
            ),
            (
                "instrument.shadow.window_edge_px",
                log(shadow.window_edge_px, 1e3),
            ),
            (
                "instrument.shadow.window_leak",
                log(shadow.window_leak, 1.0),
            ),
            (
                "instrument.direct_beam.share",
                share(self.direct_beam.share),
            ),
            (
                "instrument.direct_beam.peak",
                log(self.direct_beam.peak, 1e12),
            ),
            (
                "instrument.spread.counter_sigma_px",
                within(self.spread.counter_sigma_px, 0.0, 20.0),
            ),
            (
                "instrument.spread.camera_sigma_px",
                within(self.spread.camera_sigma_px, 0.0, 20.0),
            ),
            (
                "instrument.spread.camera_wing_share",
                log(self.spread.camera_wing_share, 0.9),
            ),
            (
                "instrument.spread.camera_wing_px",
                within(self.spread.camera_wing_px, 0.1, 5.0),
            ),
            ("instrument.gain.tile", log(self.gain.tile, 0.3)),
            ("instrument.gain.pixel", log(self.gain.pixel, 0.3)),
            (
                "instrument.gain.border_share",
                share(self.gain.border_share),
            ),
            (
                "instrument.gain.border",
                within(self.gain.border, 0.1, 10.0),
            ),
            (
                "instrument.counter.rate_loss_share",
                share(self.counter.rate_loss_share),
            ),
            (
                "instrument.counter.dead_time_s",
                log(self.counter.dead_time_s, 1e-3),
            ),
            (
                "instrument.camera.counts_per_photon",
                self.camera.counts_per_photon.low > 0.0 && log(self.camera.counts_per_photon, 1e4),
            ),
            (
                "instrument.camera.offset_counts",
                log(self.camera.offset_counts, 6e4),
            ),
            (
                "instrument.camera.read_noise_counts",
                log(self.camera.read_noise_counts, 1e4),
            ),
            (
                "instrument.camera.dark_per_s",
                log(self.camera.dark_per_s, 1e4),
            ),
            (
                "instrument.camera.blooming_share",
                share(self.camera.blooming_share),
            ),
            ("instrument.defects.dead", log(self.defects.dead, 0.2)),
            (
                "instrument.defects.dead_known_share",
                share(self.defects.dead_known_share),
            ),
            ("instrument.defects.hot", log(self.defects.hot, 0.2)),
            (
                "instrument.defects.hot_known_share",
                share(self.defects.hot_known_share),
            ),
            (
                "instrument.defects.hot_per_s",
                log(self.defects.hot_per_s, 1e9),
            ),
            ("instrument.defects.noisy", log(self.defects.noisy, 0.2)),
            (
                "instrument.defects.camera_line_share",
                share(self.defects.camera_line_share),
            ),
            ("instrument.zingers_per_s", log(self.zingers_per_s, 0.1)),
        ]
        .into_iter()
        .find_map(|(name, valid)| (!valid).then_some(name))
        .or_else(|| self.extra.first_invalid())
    }
}

/// Log-uniform, or 0 where the interval is off.
pub(super) fn log_or_off(interval: Interval, rng: &mut ChaCha8Rng) -> f64 {
    if interval == NONE {
        0.0
    } else {
        interval.log_uniform(rng)
    }
}

/// A number of pixels from a share of all of them.
pub(super) fn several(share: Interval, pixels: usize, rng: &mut ChaCha8Rng) -> usize {
    let expected = log_or_off(share, rng) * pixels as f64;
    (crate::noise::poisson(rng, expected as f32) as usize).min(pixels)
}

/// The stream of one concern below the seed of an instrument or of a frame.
pub(super) fn stream(seed: u64, concern: &str) -> ChaCha8Rng {
    draw::generator(xscatter_core::seed::derive_named(seed, concern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_and_the_ideal_can_be_drawn_from() {
        assert_eq!(InstrumentRanges::default().first_invalid(), None);
        assert_eq!(InstrumentRanges::ideal().first_invalid(), None);
    }

    #[test]
    fn what_cannot_be_drawn_from_is_named() {
        let mut ranges = InstrumentRanges::default();
        ranges.gain.border_share = 1.5;
        assert_eq!(ranges.first_invalid(), Some("instrument.gain.border_share"));
        let mut ranges = InstrumentRanges::default();
        ranges.camera.read_noise_counts = Interval::new(0.0, 3.0);
        assert_eq!(
            ranges.first_invalid(),
            Some("instrument.camera.read_noise_counts")
        );
        let mut ranges = InstrumentRanges::ideal();
        ranges.stop.none_weight = 0.0;
        assert_eq!(ranges.first_invalid(), Some("instrument.stop weights"));
        let mut ranges = InstrumentRanges::default();
        ranges.stop.leak.high = f64::NAN;
        assert_eq!(ranges.first_invalid(), Some("instrument.stop.leak"));
        let mut ranges = InstrumentRanges::default();
        ranges.extra.salt_and_pepper_share = -0.1;
        assert_eq!(
            ranges.first_invalid(),
            Some("instrument.extra.salt_and_pepper_share")
        );
    }

    #[test]
    fn a_user_edits_one_number_in_json() {
        let ranges: InstrumentRanges =
            serde_json::from_str(r#"{"stop": {"none_weight": 5}}"#).unwrap();
        assert_eq!(ranges.stop.none_weight, 5.0);
        assert_eq!(ranges.stop.disk_weight, StopRanges::default().disk_weight);
        assert!(serde_json::from_str::<InstrumentRanges>(r#"{"stops": {}}"#).is_err());
        let text = serde_json::to_string(&InstrumentRanges::default()).unwrap();
        assert_eq!(
            serde_json::from_str::<InstrumentRanges>(&text).unwrap(),
            InstrumentRanges::default()
        );
    }
}
