//! What an instrument was, in plain numbers: for the truth beside a frame, and for the test that
//! nothing of it tells what the sample was.

use serde::{Deserialize, Serialize};

use super::stop::StopKind;

/// The facts of an instrument.
#[allow(
    clippy::struct_excessive_bools,
    reason = "a list of facts, some of which are yes or no"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nuisance {
    /// The name of the detector.
    pub detector: String,
    /// The detector whose gaps a conceptual one has.
    pub gaps_like: Option<String>,
    /// Whether it is a camera.
    pub camera: bool,
    /// Rows of the image.
    pub rows: usize,
    /// Columns of the image.
    pub columns: usize,
    /// Pixel pitch along a column.
    pub pixel_m: f64,
    /// The largest count of a pixel.
    pub max_count: u32,
    /// Share of the pixels without sensor.
    pub gap_share: f64,
    /// The direct beam, in pixels.
    pub centre_row_px: f64,
    /// The direct beam, in pixels.
    pub centre_column_px: f64,
    /// Whether the direct beam meets the image.
    pub beam_on_image: bool,
    /// Standard deviation of the direct beam.
    pub beam_sigma_px: f64,
    /// Peak of the direct beam before the stop, over the brightness of the frame; 0 without.
    pub direct_beam_peak: f64,
    /// The kind of the beamstop.
    pub stop: StopKind,
    /// Whether a round one shows its arm.
    pub stop_arm: bool,
    /// Its radius; 0 without.
    pub stop_radius_px: f64,
    /// How far it is off the beam.
    pub stop_offset_px: f64,
    /// What it lets through.
    pub stop_leak: f64,
    /// Whether the reflected beam is stopped.
    pub specular_stop: bool,
    /// Whether the end of a tube or the rim of a camera is seen.
    pub rim: bool,
    /// Whether a holder is seen.
    pub holder: bool,
    /// Whether a window is too small.
    pub window: bool,
    /// Standard deviation of the point spread.
    pub spread_sigma_px: f64,
    /// Share of the light in its wings.
    pub spread_wing_share: f64,
    /// Scale of the wings.
    pub spread_wing_px: f64,
    /// Relative standard deviation of chips.
    pub tile_gain: f64,
    /// Relative standard deviation of pixels.
    pub pixel_gain: f64,
    /// How much more a pixel between two chips counts.
    pub border_gain: f64,
    /// Dead time that is not corrected for; 0 otherwise and for cameras.
    pub dead_time_s: f64,
    /// Numbers a photon.
    pub counts_per_photon: f64,
    /// The number of a dark pixel.
    pub offset_counts: f64,
    /// Standard deviation of the read-out, in numbers.
    pub read_noise_counts: f64,
    /// Whether full pixels overflow along their column.
    pub blooming: bool,
    /// Zingers a pixel and second.
    pub zingers_per_s: f64,
    /// Dead pixels, known or not.
    pub dead_pixels: usize,
    /// Hot pixels, known or not.
    pub hot_pixels: usize,
    /// Noisy pixels.
    pub noisy_pixels: usize,
}

impl Nuisance {
    /// All facts but the names as numbers, each with its name; yes is 1.
    pub fn numbers(&self) -> Vec<(&'static str, f64)> {
        let flag = |value: bool| f64::from(u8::from(value));
        let is = |kind: StopKind| flag(self.stop == kind);
        vec![
            ("camera", flag(self.camera)),
            ("rows", self.rows as f64),
            ("columns", self.columns as f64),
            ("pixel_m", self.pixel_m),
            ("max_count", self.max_count.into()),
            ("gap_share", self.gap_share),
            ("centre_row_px", self.centre_row_px),
            ("centre_column_px", self.centre_column_px),
            ("beam_on_image", flag(self.beam_on_image)),
            ("beam_sigma_px", self.beam_sigma_px),
            ("direct_beam_peak", self.direct_beam_peak),
            ("stop_circular", is(StopKind::Circular)),
            ("stop_linear", is(StopKind::Linear)),
            ("stop_wedge", is(StopKind::Wedge)),
            ("stop_arm", flag(self.stop_arm)),
            ("stop_radius_px", self.stop_radius_px),
            ("stop_offset_px", self.stop_offset_px),
            ("stop_leak", self.stop_leak),
            ("specular_stop", flag(self.specular_stop)),
            ("rim", flag(self.rim)),
            ("holder", flag(self.holder)),
            ("window", flag(self.window)),
            ("spread_sigma_px", self.spread_sigma_px),
            ("spread_wing_share", self.spread_wing_share),
            ("spread_wing_px", self.spread_wing_px),
            ("tile_gain", self.tile_gain),
            ("pixel_gain", self.pixel_gain),
            ("border_gain", self.border_gain),
            ("dead_time_s", self.dead_time_s),
            ("counts_per_photon", self.counts_per_photon),
            ("offset_counts", self.offset_counts),
            ("read_noise_counts", self.read_noise_counts),
            ("blooming", flag(self.blooming)),
            ("zingers_per_s", self.zingers_per_s),
            ("dead_pixels", self.dead_pixels as f64),
            ("hot_pixels", self.hot_pixels as f64),
            ("noisy_pixels", self.noisy_pixels as f64),
        ]
    }
}
