//! An instrument: where detector and beam are, what stands in the way, and how the detector counts.
//!
//! An experiment draws one instrument from [`InstrumentRanges`] and keeps it. What has nothing to do
//! with the technique (detector, beamstop, defects, gains) is drawn from the same distribution for all
//! four, so that it says nothing about the technique; only a surface has a reflected beam to stop.
//! Every concern draws from a stream of its own, named after it: another draw in one leaves the others
//! as they were.
//!
//! From the physics to the file, in this order:
//!
//! 1. photons: the expectation is scaled to a brightness, the direct beam is added;
//! 2. linear ([`Instrument::linear`], of the whole or of one component): the transmission of stops and
//!    shadows, the point spread of the sensor (which lights the edge of a shadow again, so it comes
//!    after the stop), the gains of chips and pixels;
//! 3. [`Instrument::detect`]: rate loss, Poisson, for cameras also gain, blooming, offset and read
//!    noise; then hot pixels and zingers; then saturation. No count exceeds the limit. Gaps hold −1 and
//!    known bad pixels −2, both masked. Cameras have no mask.

mod beam;
mod camera;
mod counter;
mod defects;
mod extra;
mod gain;
mod nuisance;
mod ranges;
mod readout;
mod severity;
mod shadow;
mod spread;
mod stop;
mod zinger;

use std::sync::{Arc, OnceLock};

use ndarray::Array2;
use xscatter_core::{Geometry, Mask, PixelPosition};
use xscatter_geometry::{GeometryError, PixelMap, with_beam_centre};

pub use extra::ExtraNoise;
pub use nuisance::Nuisance;
pub use ranges::{
    CameraRanges, CounterRanges, DefectRanges, DirectBeamRanges, GainRanges, InstrumentRanges,
    ShadowRanges, SpreadRanges, StopRanges,
};
pub use readout::{Conceptual, DetectorChoice, ReadoutError};
pub use severity::{PoseNuisance, Severity, SeverityError};
pub use stop::StopKind;

pub(crate) use readout::Readout;

use crate::noise::by_rows;
use crate::obstacle::Obstacle;
use crate::rays::Rays;
use beam::DirectBeam;
use camera::Camera;
use counter::{Counter, saturate};
use defects::Defects;
use gain::Gain;
use ranges::{log_or_off, stream};
use shadow::Shadows;
use spread::Spread;
use stop::Stop;
use zinger::Spurious;

/// How a pixel turns light into a number.
#[derive(Debug)]
enum Kind {
    Counter(Counter),
    Camera(Camera),
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
    /// Standard deviation of the direct beam on the detector.
    pub(crate) beam_sigma_px: f64,
    stop: Stop,
    specular: Option<Obstacle>,
    shadows: Shadows,
    direct_beam: Option<DirectBeam>,
    spread: Spread,
    gain: Gain,
    kind: Kind,
    defects: Defects,
    zingers_per_s: f64,
    extra: ExtraNoise,
    mask: Option<Arc<Mask>>,
    /// Made when first asked for: [`transmission`](Self::transmission).
    transmission: OnceLock<Array2<f32>>,
    /// Made when first asked for: the gain of every pixel, if they differ.
    gains: OnceLock<Option<Array2<f32>>>,
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
    pub(crate) fn draw(
        readout: Readout,
        pose: Pose,
        ranges: &InstrumentRanges,
        seed: u64,
    ) -> Result<Self, GeometryError> {
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
        let shape = readout.shape;
        let geometry =
            with_beam_centre(&upright, shape, pose.centre)?.ok_or(GeometryError::ZeroDistance)?;
        let rays = Rays::new(&PixelMap::new(&geometry, shape)?);
        let (camera, scale) = (readout.is_camera(), scale_px(shape));

        let stop = Stop::draw(&ranges.stop, pose.centre, scale, seed);
        let specular = pose.incident_angle_rad.and_then(|incident_rad| {
            let up = rays.up();
            let lift_px = geometry.distance_m * (2.0 * incident_rad).tan() / readout.pixel_m.0;
            let at = |distance: f64| {
                (
                    pose.centre.row as f32 + distance as f32 * up.0,
                    pose.centre.column as f32 + distance as f32 * up.1,
                )
            };
            stop::draw_specular(&ranges.stop, lift_px, up, at, scale, seed)
        });
        let beam_sigma_px = log_or_off(ranges.beam_sigma_px, &mut stream(seed, "beam"));
        let defects = Defects::draw(&ranges.defects, shape, camera, seed);
        let mask = readout.gaps.as_ref().map(|gaps| {
            let mut mask = Arc::clone(gaps);
            if !defects.known.is_empty() {
                defects.flag(Arc::make_mut(&mut mask));
            }
            mask
        });
        Ok(Self {
            rays,
            k_inv_nm: std::f64::consts::TAU / (pose.wavelength_m * 1e9),
            centre: pose.centre,
            stop_px: stop.radius_px,
            beam_sigma_px,
            stop,
            specular,
            shadows: Shadows::draw(&ranges.shadow, shape, camera, pose.centre, seed),
            direct_beam: DirectBeam::draw(&ranges.direct_beam, beam_sigma_px, seed),
            spread: Spread::draw(&ranges.spread, camera, seed),
            gain: Gain::draw(&ranges.gain, seed),
            kind: if camera {
                Kind::Camera(Camera::draw(&ranges.camera, seed))
            } else {
                Kind::Counter(Counter::draw(&ranges.counter, seed))
            },
            defects,
            zingers_per_s: log_or_off(ranges.zingers_per_s, &mut stream(seed, "zingers")),
            extra: ranges.extra,
            mask,
            transmission: OnceLock::new(),
            gains: OnceLock::new(),
            geometry: Arc::new(geometry),
            readout,
        })
    }

    /// Whether the direct beam meets the image.
    pub(crate) fn beam_on_image(&self) -> bool {
        let (rows, columns) = self.readout.shape;
        (0.0..rows as f64).contains(&self.centre.row)
            && (0.0..columns as f64).contains(&self.centre.column)
    }

    /// The kind of the beamstop.
    pub(crate) fn stop_kind(&self) -> StopKind {
        self.stop.kind
    }

    /// The pixels in the shadow of the beamstop, in row-major order: those of which it takes more than
    /// half. Whether the shadow shows is a matter of what would be there without it.
    pub(crate) fn stop_pixels(&self) -> Vec<usize> {
        let passed = self.passing(self.stop.obstacles.iter());
        passed
            .iter()
            .enumerate()
            .filter_map(|(pixel, &passed)| (passed < 0.5).then_some(pixel))
            .collect()
    }

    /// What reaches each pixel past stops and shadows, 0 to 1; made once.
    pub(crate) fn transmission(&self) -> &Array2<f32> {
        // On one thread: a pool that waits for a cell which it fills itself may wait for ever.
        self.transmission.get_or_init(|| {
            self.passing(
                self.stop
                    .obstacles
                    .iter()
                    .chain(&self.specular)
                    .chain(self.shadows.iter()),
            )
        })
    }

    fn passing<'a>(&self, obstacles: impl Iterator<Item = &'a Obstacle>) -> Array2<f32> {
        let mut passed = Array2::from_elem(self.readout.shape, 1.0);
        let columns = self.readout.shape.1;
        let pixels = passed.as_slice_mut().expect("a new image is row-major");
        for obstacle in obstacles {
            for (row, line) in pixels.chunks_exact_mut(columns).enumerate() {
                obstacle.shade_row(row, line);
            }
        }
        passed
    }

    /// The brightness of an expectation that [`linear`](Self::linear) has not seen: the 99.5 % quantile
    /// of what passes stops and shadows, over a regular sample of valid pixels; the largest if that is
    /// zero.
    pub(crate) fn brightness(&self, raw: &Array2<f32>) -> f32 {
        let (raw, passed) = (pixels(raw), pixels(self.transmission()));
        self.quantile(|index| raw[index] * passed[index])
    }

    fn quantile(&self, at: impl Fn(usize) -> f32) -> f32 {
        let (rows, columns) = self.readout.shape;
        let mut values: Vec<f32> = (0..rows * columns)
            .step_by(37)
            .filter(|&index| self.is_valid(index))
            .map(at)
            .collect();
        if values.is_empty() {
            return 0.0;
        }
        let rank = values.len() - 1 - values.len() / 200;
        let quantile = *values.select_nth_unstable_by(rank, f32::total_cmp).1;
        if quantile > 0.0 {
            quantile
        } else {
            values.iter().copied().fold(0.0, f32::max)
        }
    }

    fn is_valid(&self, index: usize) -> bool {
        self.mask
            .as_ref()
            .is_none_or(|mask| mask.as_slice()[index].is_valid())
    }

    /// The factor that turns an expectation in arbitrary units, which [`linear`](Self::linear) has not
    /// seen, into photons, so that its brightness is `bright_photons` or its sum over the valid pixels
    /// what the ranges allow; 0 if it is dark.
    pub(crate) fn photons_per_unit(&self, raw: &Array2<f32>, bright_photons: f64) -> f32 {
        let brightness = self.brightness(raw);
        if brightness <= 0.0 {
            return 0.0;
        }
        let factor = bright_photons / f64::from(brightness);
        let most = self.extra.total_counts.map_or(f64::MAX, |total| {
            let sum: f64 = pixels(raw)
                .iter()
                .zip(pixels(self.transmission()))
                .enumerate()
                .filter(|(index, _)| self.is_valid(*index))
                .map(|(_, (value, passed))| f64::from(value * passed))
                .sum();
            total / sum
        });
        factor.min(most) as f32
    }

    /// Adds the direct beam, if it reaches the detector, to an expectation in photons of this
    /// brightness; a component of its own, before [`linear`](Self::linear).
    pub(crate) fn add_direct_beam(&self, photons: &mut Array2<f32>, bright_photons: f32) {
        if let Some(beam) = self.direct_beam {
            let peak = beam.peak_photons(bright_photons, self.extra.total_counts);
            beam.add(photons, self.centre, peak);
        }
    }

    /// Everything linear between the physics and the counting: transmission, point spread, gains. The
    /// same of a whole and of a component, so components can be judged as they are seen.
    pub(crate) fn linear(&self, expectation: &mut Array2<f32>) {
        multiply(expectation, self.transmission());
        self.spread.apply(expectation);
        let gains = self
            .gains
            .get_or_init(|| self.gain.map(&self.readout.chips));
        if let Some(gains) = gains {
            multiply(expectation, gains);
        }
    }

    /// Counts from the expected photons of each pixel as [`linear`](Self::linear) leaves them, and the
    /// mask of the frame.
    pub(crate) fn detect(
        &self,
        expectation: Array2<f32>,
        exposure_s: f64,
        seed: u64,
    ) -> (Array2<f32>, Option<Arc<Mask>>) {
        let brightness = if self.extra.is_none() {
            0.0
        } else {
            let seen = pixels(&expectation);
            self.quantile(|index| seen[index])
        };
        let limit = self.readout.detector.max_count as f32;
        let mut counts = expectation;
        let image = &mut counts;
        let (counts_per_photon, silent, tracks) = match &self.kind {
            Kind::Counter(counter) => {
                counter.count(image, self.mask.as_deref(), exposure_s, seed);
                (1.0, 0.0, false)
            }
            Kind::Camera(camera) => {
                camera.photograph(image, limit, exposure_s, seed);
                (camera.counts_per_photon, camera.offset.round(), true)
            }
        };
        let spurious = Spurious {
            per_s: self.zingers_per_s,
            counts_per_photon,
            limit,
            tracks,
        };
        spurious.add(image, &self.defects, exposure_s, silent, seed);
        let bright = brightness * counts_per_photon;
        self.extra.add(image, bright, seed);
        let limit = self.extra.limit(limit, bright + silent);
        let mask = match &self.kind {
            Kind::Counter(_) => saturate(image, self.mask.as_ref(), limit),
            Kind::Camera(_) => {
                image.mapv_inplace(|count| count.min(limit));
                None
            }
        };
        (counts, mask)
    }

    /// Standard deviation of the read-out in the unit of expectations, photons; 0 for counters.
    pub(crate) fn read_noise_counts(&self) -> f64 {
        match &self.kind {
            Kind::Counter(_) => 0.0,
            Kind::Camera(camera) => f64::from(camera.read_noise / camera.counts_per_photon),
        }
    }

    /// The mask of a frame that is nowhere saturated; `None` for cameras.
    pub(crate) fn mask(&self) -> Option<&Mask> {
        self.mask.as_deref()
    }

    /// What this instrument is.
    pub(crate) fn nuisance(&self) -> Nuisance {
        let (dead_time_s, camera) = match &self.kind {
            Kind::Counter(counter) => (counter.dead_time_s, None),
            Kind::Camera(camera) => (0.0, Some(camera)),
        };
        let of_camera =
            |f: fn(&Camera) -> f32, otherwise: f64| camera.map_or(otherwise, |c| f(c).into());
        Nuisance {
            detector: self.readout.name.clone(),
            gaps_like: self.readout.gaps_like.map(str::to_owned),
            camera: camera.is_some(),
            rows: self.readout.shape.0,
            columns: self.readout.shape.1,
            pixel_m: self.readout.pixel_m.0,
            max_count: self.readout.detector.max_count,
            gap_share: self.readout.gap_share(),
            centre_row_px: self.centre.row,
            centre_column_px: self.centre.column,
            beam_on_image: self.beam_on_image(),
            beam_sigma_px: self.beam_sigma_px,
            direct_beam_peak: self.direct_beam.map_or(0.0, |beam| beam.peak),
            stop: self.stop.kind,
            stop_arm: self.stop.arm,
            stop_radius_px: self.stop.radius_px,
            stop_offset_px: self.stop.offset_px,
            stop_leak: self.stop.leak,
            specular_stop: self.specular.is_some(),
            rim: self.shadows.rim.is_some(),
            holder: self.shadows.holder.is_some(),
            window: self.shadows.window.is_some(),
            spread_sigma_px: self.spread.sigma_px,
            spread_wing_share: self.spread.wing_share,
            spread_wing_px: self.spread.wing_px,
            tile_gain: self.gain.tile,
            pixel_gain: self.gain.pixel,
            border_gain: self.gain.border,
            dead_time_s,
            counts_per_photon: of_camera(|camera| camera.counts_per_photon, 1.0),
            offset_counts: of_camera(|camera| camera.offset, 0.0),
            read_noise_counts: of_camera(|camera| camera.read_noise, 0.0),
            blooming: camera.is_some_and(|camera| camera.blooming),
            zingers_per_s: self.zingers_per_s,
            dead_pixels: self.defects.dead,
            hot_pixels: self.defects.hot.len(),
            noisy_pixels: self.defects.noisy.len(),
        }
    }
}

/// The size that a small thing has on an image, in pixels, relative to one of 1000 × 1000.
fn scale_px((rows, columns): (usize, usize)) -> f64 {
    ((rows * columns) as f64).sqrt() / 1000.0
}

/// The pixels of an image in row-major order.
fn pixels(image: &Array2<f32>) -> &[f32] {
    image.as_slice().expect("images are kept row-major")
}

fn multiply(image: &mut Array2<f32>, by: &Array2<f32>) {
    let columns = by.ncols();
    let factors = pixels(by);
    by_rows(image, |row, line| {
        let factors = &factors[row * columns..][..columns];
        for (value, factor) in line.iter_mut().zip(factors) {
            *value *= factor;
        }
    });
}

#[cfg(test)]
mod tests;
