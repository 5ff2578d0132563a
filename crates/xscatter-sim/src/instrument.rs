//! An instrument: where detector and beam are, what stands in the way, and how the detector counts.
//!
//! An experiment draws one instrument and keeps it. What has nothing to do with the technique
//! (detector, beamstop kind, defects, brightness, how the image is stored) is drawn from the same
//! distribution for all four, so that it says nothing about the technique.
//!
//! Counting detectors: gain of tiles and pixels, Poisson, hot pixels, zingers, then the limit of the
//! counter; gaps hold −1 and known bad pixels −2, both masked. Cameras (one sheet of pixels in the
//! catalogue; binned so that no side exceeds 1100 pixels): blur, Poisson, gain, offset, read noise,
//! zingers, saturation at 16 bits, no mask. Saturation comes after Poisson: no count exceeds the limit.

use std::sync::Arc;

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive;
use xscatter_core::{Geometry, Mask, PixelFlags, PixelPosition};
use xscatter_geometry::{Detector, GeometryError, PixelMap, with_beam_centre};

use crate::draw::{self, chance, log_uniform, normal, uniform, whole};
use crate::noise::poisson;
use crate::obstacle::{Obstacle, Outline};
use crate::rays::Rays;

/// The longest side of a camera's image; larger ones are binned.
const CAMERA_SIDE_PX: usize = 1100;

/// The detector as it is read out, with its mask of gaps.
#[derive(Debug, Clone)]
pub(crate) struct Readout {
    pub(crate) detector: &'static Detector,
    pub(crate) shape: (usize, usize),
    pub(crate) pixel_m: (f64, f64),
    gaps: Option<Arc<Mask>>,
}

impl Readout {
    pub(crate) fn new(detector: &'static Detector) -> Self {
        let camera = detector.gap_marker.is_none() && detector.bits <= 16;
        let binning = if camera {
            detector
                .shape
                .0
                .max(detector.shape.1)
                .div_ceil(CAMERA_SIDE_PX)
        } else {
            1
        };
        Self {
            detector,
            shape: (detector.shape.0 / binning, detector.shape.1 / binning),
            pixel_m: (
                detector.pixel1_m * binning as f64,
                detector.pixel2_m * binning as f64,
            ),
            gaps: (!camera).then(|| Arc::new(detector.gap_mask())),
        }
    }

    fn is_camera(&self) -> bool {
        self.gaps.is_none()
    }
}

/// The shape of a beamstop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopKind {
    /// A disk, with or without an arm.
    Circular,
    /// A strip.
    Linear,
    /// A wedge.
    Wedge,
}

/// How a camera turns photons into numbers.
#[derive(Debug, Clone, Copy)]
struct Camera {
    counts_per_photon: f32,
    offset: f32,
    read_noise: f32,
    blur_px: f32,
}

/// What an experiment keeps.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) readout: Readout,
    pub(crate) geometry: Arc<Geometry>,
    pub(crate) rays: Rays,
    pub(crate) k_inv_nm: f64,
    pub(crate) centre: PixelPosition,
    /// Radius of the beamstop in pixels; 0 if there is none.
    pub(crate) stop_px: f64,
    pub(crate) obstacles: Vec<Obstacle>,
    /// Standard deviation of the direct beam on the detector.
    pub(crate) beam_sigma_px: f64,
    camera: Option<Camera>,
    mask: Option<Arc<Mask>>,
    gain_seed: u64,
    tile_gain: f32,
    pixel_gain: f32,
    hot: Vec<(usize, f32)>,
    zingers: f64,
}

/// The pose that the technique asks for, before the nuisance is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pose {
    pub(crate) wavelength_m: f64,
    pub(crate) distance_m: f64,
    pub(crate) rot1_rad: f64,
    pub(crate) rot2_rad: f64,
    pub(crate) rot3_rad: f64,
    pub(crate) incident_angle_rad: Option<f64>,
    pub(crate) centre: PixelPosition,
}

impl Instrument {
    pub(crate) fn draw(readout: Readout, pose: Pose, seed: u64) -> Result<Self, GeometryError> {
        let mut rng = draw::generator(seed);
        let rng = &mut rng;
        let upright = Geometry {
            distance_m: pose.distance_m,
            poni1_m: 0.0,
            poni2_m: 0.0,
            rot1_rad: pose.rot1_rad,
            rot2_rad: pose.rot2_rad,
            rot3_rad: pose.rot3_rad,
            wavelength_m: pose.wavelength_m,
            pixel1_m: readout.pixel_m.0,
            pixel2_m: readout.pixel_m.1,
            orientation: xscatter_core::Orientation::default(),
            incident_angle_rad: pose.incident_angle_rad,
            tilt_rad: 0.0,
        };
        let geometry = with_beam_centre(&upright, readout.shape, pose.centre)?
            .ok_or(GeometryError::ZeroDistance)?;
        let rays = Rays::new(&PixelMap::new(&geometry, readout.shape)?);
        let mut instrument = Self {
            rays,
            k_inv_nm: std::f64::consts::TAU / (pose.wavelength_m * 1e9),
            centre: pose.centre,
            stop_px: 0.0,
            obstacles: Vec::new(),
            beam_sigma_px: log_uniform(rng, 0.7, 3.0),
            camera: readout.is_camera().then(|| Camera {
                counts_per_photon: log_uniform(rng, 1.0, 8.0) as f32,
                offset: log_uniform(rng, 10.0, 1500.0) as f32,
                read_noise: log_uniform(rng, 1.0, 4.0) as f32,
                blur_px: uniform(rng, 0.4, 1.1) as f32,
            }),
            mask: None,
            gain_seed: derive(seed, 1),
            tile_gain: log_uniform(rng, 2e-3, 2e-2) as f32,
            pixel_gain: log_uniform(rng, 2e-3, 1.5e-2) as f32,
            hot: Vec::new(),
            zingers: log_uniform(rng, 1e-8, 2e-6),
            geometry: Arc::new(geometry),
            readout,
        };
        instrument.draw_beamstop(rng);
        instrument.draw_specular_stop(rng);
        instrument.draw_shadows(rng);
        instrument.draw_defects(rng);
        Ok(instrument)
    }

    /// The size that a small thing has on this image, in pixels, relative to one of 1000.
    pub(crate) fn scale_px(&self) -> f64 {
        let (rows, columns) = self.readout.shape;
        ((rows * columns) as f64).sqrt() / 1000.0
    }

    /// Whether the direct beam meets the image.
    pub(crate) fn beam_on_image(&self) -> bool {
        let (rows, columns) = self.readout.shape;
        (0.0..rows as f64).contains(&self.centre.row)
            && (0.0..columns as f64).contains(&self.centre.column)
    }

    fn draw_beamstop(&mut self, rng: &mut ChaCha8Rng) {
        let scale = self.scale_px();
        let kind = whole(rng, 0, 11);
        let radius = log_uniform(rng, 8.0, 45.0) * scale;
        let angle = uniform(rng, -std::f64::consts::PI, std::f64::consts::PI) as f32;
        let near = |rng: &mut ChaCha8Rng, value: f64| (value + normal(rng, 0.12) * radius) as f32;
        let centre = (near(rng, self.centre.row), near(rng, self.centre.column));
        let edge_px = log_uniform(rng, 0.5, 4.0) as f32;
        let transmission = if chance(rng, 0.25) {
            log_uniform(rng, 1e-4, 3e-2) as f32
        } else {
            0.0
        };
        let arm_half_width = (radius * uniform(rng, 0.15, 0.5)) as f32;
        // The arm of a beamstop mostly runs along an axis of the detector.
        let straight = (angle / std::f32::consts::FRAC_PI_2).round() * std::f32::consts::FRAC_PI_2;
        let angle = if chance(rng, 0.6) {
            straight + normal(rng, 0.03) as f32
        } else {
            angle
        };
        if kind == 11 {
            return; // none
        }
        self.stop_px = radius;
        let mut add = |outline| {
            self.obstacles.push(Obstacle {
                outline,
                edge_px,
                transmission,
            });
        };
        let towards = angle.sin_cos();
        let behind = |distance: f32| {
            (
                centre.0 - distance * towards.0,
                centre.1 - distance * towards.1,
            )
        };
        let arm = |half_width_px| Outline::Arm {
            from: centre,
            towards,
            half_width_px,
        };
        match kind {
            0..=3 => add(Outline::Disk {
                centre,
                radius_px: radius as f32,
            }),
            4..=7 => {
                add(Outline::Disk {
                    centre,
                    radius_px: radius as f32,
                });
                add(arm(arm_half_width));
            }
            8..=9 => add(Outline::Arm {
                from: behind(1.3 * radius as f32),
                towards,
                half_width_px: 0.8 * radius as f32,
            }),
            _ => add(Outline::Wedge {
                tip: behind(2.0 * radius as f32),
                towards,
                slope: uniform(rng, 0.1, 0.25) as f32,
            }),
        }
    }

    /// At grazing incidence: a stop for the reflected beam, or a strip along the surface normal.
    fn draw_specular_stop(&mut self, rng: &mut ChaCha8Rng) {
        let Some(incident_rad) = self.geometry.incident_angle_rad else {
            return;
        };
        let (up, strip) = (self.rays.up(), chance(rng, 0.2));
        let lift = self.geometry.distance_m * (2.0 * incident_rad).tan() / self.readout.pixel_m.0;
        let at = |distance: f64| {
            (
                self.centre.row as f32 + distance as f32 * up.0,
                self.centre.column as f32 + distance as f32 * up.1,
            )
        };
        let scale = self.scale_px();
        let outline = if strip {
            Outline::Arm {
                from: at(-10.0 * scale),
                towards: up,
                half_width_px: (log_uniform(rng, 2.0, 12.0) * scale) as f32,
            }
        } else if chance(rng, 0.4) {
            Outline::Disk {
                centre: at(lift + normal(rng, 3.0) * scale),
                radius_px: (log_uniform(rng, 4.0, 20.0) * scale) as f32,
            }
        } else {
            return;
        };
        self.obstacles.push(Obstacle {
            outline,
            edge_px: log_uniform(rng, 0.5, 3.0) as f32,
            transmission: log_uniform(rng, 1e-3, 0.1) as f32,
        });
    }

    fn draw_shadows(&mut self, rng: &mut ChaCha8Rng) {
        let (rows, columns) = (self.readout.shape.0 as f64, self.readout.shape.1 as f64);
        let rim = if self.camera.is_some() { 0.4 } else { 0.2 };
        if chance(rng, rim) {
            let half_diagonal = 0.5 * rows.hypot(columns);
            let centre = (
                (rows * uniform(rng, 0.42, 0.58)) as f32,
                (columns * uniform(rng, 0.42, 0.58)) as f32,
            );
            self.obstacles.push(Obstacle {
                outline: Outline::Rim {
                    centre,
                    radius_px: (half_diagonal * uniform(rng, 0.65, 0.97)) as f32,
                },
                edge_px: log_uniform(rng, 1.0, 8.0) as f32,
                transmission: log_uniform(rng, 0.005, 0.3) as f32,
            });
        }
        if chance(rng, 0.04) {
            // A holder at the first or the last rows, or columns.
            let (last, row_wise) = (chance(rng, 0.5), chance(rng, 0.6));
            let depth = normal(rng, 0.07) * if row_wise { rows } else { columns };
            let sign = if last { 1.0 } else { -1.0 };
            let (on, towards) = match (row_wise, last) {
                (true, true) => ((rows - depth.abs(), 0.0), (sign, 0.0)),
                (true, false) => ((depth.abs(), 0.0), (sign, 0.0)),
                (false, true) => ((0.0, columns - depth.abs()), (0.0, sign)),
                (false, false) => ((0.0, depth.abs()), (0.0, sign)),
            };
            self.obstacles.push(Obstacle {
                outline: Outline::HalfPlane {
                    on: (on.0 as f32, on.1 as f32),
                    towards,
                },
                edge_px: log_uniform(rng, 1.0, 20.0) as f32,
                transmission: log_uniform(rng, 0.01, 0.5) as f32,
            });
        }
    }

    fn draw_defects(&mut self, rng: &mut ChaCha8Rng) {
        let pixels = self.readout.shape.0 * self.readout.shape.1;
        let several = |rng: &mut ChaCha8Rng, low: f64, high: f64| {
            let expected = log_uniform(rng, low, high) * pixels as f64;
            poisson(rng, expected as f32) as usize
        };
        let hot = several(rng, 1e-7, 3e-5);
        self.hot = (0..hot)
            .map(|_| (whole(rng, 0, pixels - 1), log_uniform(rng, 1.0, 1e5) as f32))
            .collect();
        let Some(gaps) = &self.readout.gaps else {
            return;
        };
        let dead = several(rng, 1e-6, 3e-4);
        let mut mask = Mask::clone(gaps);
        let columns = self.readout.shape.1;
        for _ in 0..dead {
            let pixel = whole(rng, 0, pixels - 1);
            mask.insert(pixel / columns, pixel % columns, PixelFlags::BAD);
        }
        // Most hot pixels are known; a few are not.
        for &(pixel, _) in &self.hot {
            if chance(rng, 0.8) {
                mask.insert(pixel / columns, pixel % columns, PixelFlags::BAD);
            }
        }
        self.mask = Some(Arc::new(mask));
    }

    /// The kind of the beamstop, if there is one; its obstacles are the first.
    pub(crate) fn stop(&self) -> Option<StopKind> {
        if self.stop_px <= 0.0 {
            return None;
        }
        self.obstacles.first().map(|first| match first.outline {
            Outline::Wedge { .. } => StopKind::Wedge,
            Outline::Arm { .. } => StopKind::Linear,
            _ => StopKind::Circular,
        })
    }

    /// What reaches a pixel past the beamstop alone.
    pub(crate) fn past_stop(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row as f32 + 0.5, column as f32 + 0.5);
        let of_stop = match self.stop() {
            None => 0,
            Some(StopKind::Circular) => {
                1 + usize::from(matches!(
                    self.obstacles.get(1).map(|arm| arm.outline),
                    Some(Outline::Arm { .. })
                ))
            }
            Some(_) => 1,
        };
        self.obstacles[..of_stop]
            .iter()
            .map(|obstacle| obstacle.transmitted(row, column))
            .product()
    }

    /// The mask of a frame before it is counted.
    pub(crate) fn mask(&self) -> Option<&Mask> {
        self.mask.as_deref()
    }

    /// Standard deviation of what the electronics add, in photons.
    pub(crate) fn read_noise_photons(&self) -> f32 {
        self.camera
            .map_or(0.0, |camera| camera.read_noise / camera.counts_per_photon)
    }

    /// What reaches a pixel past all obstacles.
    pub(crate) fn transmitted(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row as f32 + 0.5, column as f32 + 0.5);
        self.obstacles
            .iter()
            .map(|obstacle| obstacle.transmitted(row, column))
            .product()
    }

    /// The brightness of an expectation: its 99.5 % quantile over a regular sample of valid pixels.
    pub(crate) fn brightness(&self, expectation: &Array2<f32>) -> f32 {
        let flags = self.mask.as_ref().map(|mask| mask.as_slice());
        let mut values: Vec<f32> = expectation
            .iter()
            .enumerate()
            .step_by(37)
            .filter(|(index, _)| flags.is_none_or(|flags| flags[*index].is_valid()))
            .map(|(_, &value)| value)
            .collect();
        if values.is_empty() {
            return 0.0;
        }
        let rank = values.len() - 1 - values.len() / 200;
        *values.select_nth_unstable_by(rank, f32::total_cmp).1
    }

    /// Counts from the expected photons of each pixel, and the mask of the frame.
    pub(crate) fn detect(
        &self,
        expectation: Array2<f32>,
        exposure_s: f64,
        rng: &mut ChaCha8Rng,
    ) -> (Array2<f32>, Option<Arc<Mask>>) {
        match self.camera {
            Some(camera) => (self.photograph(expectation, camera, exposure_s, rng), None),
            None => self.count(expectation, exposure_s, rng),
        }
    }

    fn count(
        &self,
        mut counts: Array2<f32>,
        exposure_s: f64,
        rng: &mut ChaCha8Rng,
    ) -> (Array2<f32>, Option<Arc<Mask>>) {
        let limit = self.readout.detector.max_count as f32;
        let columns = self.readout.shape.1;
        let flags = self.mask.as_ref().map(|mask| mask.as_slice());
        let mut gains = Gains::new(self, columns);
        let mut overflow = Vec::new();
        for (index, count) in counts.iter_mut().enumerate() {
            let gain = gains.next(index);
            let flag = flags.map_or(PixelFlags::VALID, |flags| flags[index]);
            *count = if flag.contains(PixelFlags::GAP) {
                -1.0
            } else if flag.is_valid() {
                poisson(rng, *count * gain)
            } else {
                -2.0
            };
            if *count >= limit {
                *count = limit;
                overflow.push(index);
            }
        }
        self.add_spurious(&mut counts, exposure_s, 1.0, limit, rng);
        let mut mask = self.mask.clone();
        if !overflow.is_empty() {
            let shape = self.readout.shape;
            let flagged = mask.get_or_insert_with(|| Arc::new(Mask::all_valid(shape)));
            let flagged = Arc::make_mut(flagged);
            for index in overflow {
                flagged.insert(index / columns, index % columns, PixelFlags::OVERFLOW);
            }
        }
        (counts, mask)
    }

    fn photograph(
        &self,
        expectation: Array2<f32>,
        camera: Camera,
        exposure_s: f64,
        rng: &mut ChaCha8Rng,
    ) -> Array2<f32> {
        let limit = self.readout.detector.max_count as f32;
        let columns = self.readout.shape.1;
        let mut counts = blurred(&expectation, camera.blur_px);
        let mut gains = Gains::new(self, columns);
        for (index, count) in counts.iter_mut().enumerate() {
            let photons = poisson(rng, *count * gains.next(index));
            let read = draw::normal_f32(rng) * camera.read_noise;
            let value = photons * camera.counts_per_photon + camera.offset + read;
            *count = value.round().clamp(0.0, limit);
        }
        self.add_spurious(
            &mut counts,
            exposure_s,
            camera.counts_per_photon,
            limit,
            rng,
        );
        counts
    }

    /// Hot pixels and zingers; bad pixels and gaps keep their marker.
    fn add_spurious(
        &self,
        counts: &mut Array2<f32>,
        exposure_s: f64,
        counts_per_photon: f32,
        limit: f32,
        rng: &mut ChaCha8Rng,
    ) {
        let columns = self.readout.shape.1;
        let mut add = |pixel: usize, value: f32| {
            let count = &mut counts[(pixel / columns, pixel % columns)];
            if *count >= 0.0 {
                *count = (*count + value.round()).min(limit);
            }
        };
        for &(pixel, rate) in &self.hot {
            let mean = (rate as f64 * exposure_s).min(1e6) as f32;
            add(pixel, poisson(rng, mean) * counts_per_photon);
        }
        let pixels = self.readout.shape.0 * columns;
        let hits = poisson(
            rng,
            (self.zingers * pixels as f64 * exposure_s.min(60.0)) as f32,
        ) as usize;
        for _ in 0..hits {
            let start = whole(rng, 0, pixels - 1);
            let track = if counts_per_photon == 1.0 {
                1
            } else {
                whole(rng, 1, 4)
            };
            let value = log_uniform(rng, 3.0, 3e3) as f32;
            for step in 0..track {
                if start + step < pixels {
                    add(start + step, value * counts_per_photon);
                }
            }
        }
    }
}

/// Gains of tiles and pixels in row-major order, a hash of the pixel.
struct Gains {
    seed: u64,
    columns: usize,
    tile: usize,
    tile_gain: f32,
    pixel_gain: f32,
    column: usize,
    row: usize,
    current_tile: f32,
}

impl Gains {
    fn new(instrument: &Instrument, columns: usize) -> Self {
        Self {
            seed: instrument.gain_seed,
            columns,
            tile: if instrument.readout.pixel_m.0 > 1e-4 {
                61
            } else {
                256
            },
            tile_gain: instrument.tile_gain,
            pixel_gain: instrument.pixel_gain,
            column: 0,
            row: 0,
            current_tile: 1.0,
        }
    }

    fn next(&mut self, index: usize) -> f32 {
        if self.column.is_multiple_of(self.tile) {
            let tile = (self.row / self.tile) << 16 | (self.column / self.tile);
            self.current_tile = 1.0 + self.tile_gain * spread(derive(self.seed, tile as u64));
        }
        let pixel = spread(derive(self.seed ^ 0xA5A5, index as u64));
        self.column += 1;
        if self.column == self.columns {
            self.column = 0;
            self.row += 1;
        }
        self.current_tile * (1.0 + self.pixel_gain * pixel)
    }
}

/// The sum of two uniform numbers, with mean 0 and variance 1.
fn spread(hash: u64) -> f32 {
    let half = |bits: u64| (bits & 0xFFFF) as f32 / 65_535.0 - 0.5;
    (half(hash) + half(hash >> 16)) * 6.0_f32.sqrt()
}

/// Convolved with a Gaussian of this standard deviation, two pixels each way; the rim repeats.
fn blurred(image: &Array2<f32>, sigma_px: f32) -> Array2<f32> {
    let weight = |k: f32| (-0.5 * (k / sigma_px).powi(2)).exp();
    let taps = [weight(0.0), weight(1.0), weight(2.0)];
    let norm = taps[0] + 2.0 * (taps[1] + taps[2]);
    let taps = taps.map(|tap| tap / norm);
    let (rows, columns) = image.dim();
    let mut wide = Array2::zeros((rows, columns));
    for (source, mut line) in image.rows().into_iter().zip(wide.rows_mut()) {
        for (column, value) in line.iter_mut().enumerate() {
            *value = smoothed(taps, column, columns, |k| source[k]);
        }
    }
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        smoothed(taps, row, rows, |k| wide[(k, column)])
    })
}

fn smoothed(taps: [f32; 3], i: usize, n: usize, at: impl Fn(usize) -> f32) -> f32 {
    let before = |k: usize| at(i.saturating_sub(k));
    let after = |k: usize| at((i + k).min(n - 1));
    taps[0] * at(i) + taps[1] * (before(1) + after(1)) + taps[2] * (before(2) + after(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_binned_and_a_counter_is_not() {
        let perkin = Readout::new(Detector::by_name("Perkin").unwrap());
        assert_eq!(perkin.shape, (1024, 1024));
        assert!((perkin.pixel_m.0 - 400e-6).abs() < 1e-12 && perkin.is_camera());
        let pilatus = Readout::new(Detector::by_name("Pilatus 300k").unwrap());
        assert_eq!(pilatus.shape, (619, 487));
        assert!(!pilatus.is_camera());
    }

    #[test]
    fn blurring_keeps_the_sum_of_a_spot() {
        let mut image = Array2::zeros((11, 11));
        image[(5, 5)] = 10.0;
        let blurred = blurred(&image, 0.8);
        assert!((blurred.sum() - 10.0).abs() < 1e-4);
        assert!(blurred[(5, 5)] < 5.0 && blurred[(5, 6)] > 0.5);
    }

    #[test]
    fn gains_have_mean_one_and_the_stated_spread() {
        let n = 20_000;
        let values: Vec<f64> = (0..n).map(|i| spread(derive(5, i)) as f64).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04);
    }
}
