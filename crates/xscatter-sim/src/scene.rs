//! What a frame shows: the four techniques, the ranges from which they are drawn, and the sample.
//!
//! An experiment draws an instrument and a sample; its frames vary brightness, exposure time and the
//! share of every part. Features of SAXS and GISAXS are placed relative to the q range of the
//! instrument, because an experimenter chooses the distance for the sample; those of WAXS and GIWAXS
//! have atomic lengths, so the distance decides what is seen.
//!
//! Angles and energies are uniform, sizes, distances and intensities log-uniform.

mod gisaxs;
mod giwaxs;
mod saxs;
mod waxs;

use std::f64::consts::{FRAC_PI_2, PI};
use std::fmt;
use std::str::FromStr;

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::PixelPosition;

use crate::curve::Curve;
use crate::draw::{self, Interval, chance, log_uniform, normal, uniform, weighted, whole};
use crate::instrument::{Instrument, Pose, Readout};
use crate::pattern::{Direction, Pattern, axis, azimuthal, grains};
use crate::rays::Ray;
use crate::texture::ring_kernel;

/// A scattering technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Technique {
    /// Small angles, in transmission.
    Saxs,
    /// Wide angles, in transmission.
    Waxs,
    /// Small angles, at grazing incidence.
    Gisaxs,
    /// Wide angles, at grazing incidence.
    Giwaxs,
}

impl Technique {
    /// All techniques, in the order in which frames are interleaved.
    pub const ALL: [Self; 4] = [Self::Saxs, Self::Waxs, Self::Gisaxs, Self::Giwaxs];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saxs => "SAXS",
            Self::Waxs => "WAXS",
            Self::Gisaxs => "GISAXS",
            Self::Giwaxs => "GIWAXS",
        }
    }

    /// Whether the beam grazes a surface.
    pub const fn is_grazing(self) -> bool {
        matches!(self, Self::Gisaxs | Self::Giwaxs)
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the four techniques.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected SAXS, WAXS, GISAXS or GIWAXS, got {0:?}")]
pub struct UnknownTechnique(String);

impl FromStr for Technique {
    type Err = UnknownTechnique;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|technique| technique.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownTechnique(name.to_owned()))
    }
}

/// The ranges from which experiments are drawn; each lies within what some instrument may have
/// (energies of 0.1 to 1000 keV, distances of 1 cm to 1 km, incident angles of 0.001 to 10 degrees).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ranges {
    /// Photon energy.
    pub energy_kev: Interval,
    /// From the sample to the detector.
    pub saxs_distance_m: Interval,
    /// From the sample to the detector.
    pub waxs_distance_m: Interval,
    /// From the sample to the detector.
    pub gisaxs_distance_m: Interval,
    /// From the sample to the detector.
    pub giwaxs_distance_m: Interval,
    /// Between beam and surface, of GISAXS and GIWAXS.
    pub incident_angle_deg: Interval,
    /// Exposure time.
    pub exposure_s: Interval,
    /// Photons in the brightest 0.5 % of the pixels.
    pub bright_photons: Interval,
    /// Share of the experiments without sample: air, window or bare substrate.
    pub blank_share: f64,
    /// Share of the experiments whose image is stored turned: upside down or by a quarter.
    pub turned_share: f64,
    /// Share of the experiments with the direct beam at an edge or in a corner of the image.
    pub beam_at_edge_share: f64,
    /// Share of the WAXS experiments with the direct beam off the image; a quarter of it for SAXS.
    pub beam_off_share: f64,
    /// Share of the WAXS and GIWAXS experiments with a tilted detector.
    pub tilted_share: f64,
}

impl Default for Ranges {
    fn default() -> Self {
        Self {
            energy_kev: Interval::new(7.0, 22.0),
            saxs_distance_m: Interval::new(0.8, 8.0),
            waxs_distance_m: Interval::new(0.1, 0.45),
            gisaxs_distance_m: Interval::new(1.0, 6.0),
            giwaxs_distance_m: Interval::new(0.12, 0.4),
            incident_angle_deg: Interval::new(0.1, 0.6),
            exposure_s: Interval::new(0.01, 60.0),
            bright_photons: Interval::new(20.0, 3e4),
            blank_share: 0.04,
            turned_share: 0.25,
            beam_at_edge_share: 0.2,
            beam_off_share: 0.15,
            tilted_share: 0.3,
        }
    }
}

impl Ranges {
    /// The name of the first range that cannot be drawn from or is beyond what any instrument has.
    pub(crate) fn first_invalid(&self) -> Option<&'static str> {
        let within = |interval: Interval, low: f64, high: f64| {
            interval.is_ordered() && low <= interval.low && interval.high <= high
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        [
            ("energy_kev", within(self.energy_kev, 0.1, 1e3)),
            ("saxs_distance_m", within(self.saxs_distance_m, 1e-2, 1e3)),
            ("waxs_distance_m", within(self.waxs_distance_m, 1e-2, 1e3)),
            (
                "gisaxs_distance_m",
                within(self.gisaxs_distance_m, 1e-2, 1e3),
            ),
            (
                "giwaxs_distance_m",
                within(self.giwaxs_distance_m, 1e-2, 1e3),
            ),
            (
                "incident_angle_deg",
                within(self.incident_angle_deg, 1e-3, 10.0),
            ),
            ("exposure_s", within(self.exposure_s, 1e-9, 1e6)),
            ("bright_photons", within(self.bright_photons, 1e-3, 1e9)),
            ("blank_share", share(self.blank_share)),
            ("turned_share", share(self.turned_share)),
            ("beam_at_edge_share", share(self.beam_at_edge_share)),
            ("beam_off_share", share(self.beam_off_share)),
            ("tilted_share", share(self.tilted_share)),
        ]
        .into_iter()
        .find_map(|(name, valid)| (!valid).then_some(name))
    }
}

/// Entries of a radial table.
const ENTRIES: usize = 4096;

/// The q range of an instrument is read off so many rays in each direction.
const GRID: usize = 40;

/// What the sample models need to know of the instrument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) k_inv_nm: f64,
    /// The smallest q on the image past the beamstop.
    pub(crate) q_low_inv_nm: f64,
    /// The q below which 90 % of the pixels are.
    pub(crate) q_high_inv_nm: f64,
    /// The largest q on the image.
    pub(crate) q_max_inv_nm: f64,
    /// The q of one pixel near the beam.
    pub(crate) q_pixel_inv_nm: f64,
    /// The angle of one pixel near the beam.
    pub(crate) pixel_rad: f64,
    pub(crate) beam_sigma_px: f64,
    pub(crate) beam_on_image: bool,
    pub(crate) incident_angle_rad: f64,
    pub(crate) blank: bool,
}

impl View {
    fn new(instrument: &Instrument, blank: bool) -> Self {
        let (rows, columns) = instrument.readout.shape;
        let mut q: Vec<f64> = (0..GRID * GRID)
            .map(|cell| {
                let place = |part: usize, pixels: usize| part * (pixels - 1) / (GRID - 1);
                let ray = instrument
                    .rays
                    .to(place(cell / GRID, rows), place(cell % GRID, columns));
                instrument.k_inv_nm * f64::from(ray.q_over_k())
            })
            .collect();
        q.sort_by(f64::total_cmp);
        let pixel_rad = instrument.readout.pixel_m.0 / instrument.geometry.distance_m;
        let q_pixel = instrument.k_inv_nm * pixel_rad;
        let stop = (1.2 * instrument.stop_px).max(3.0) * q_pixel;
        Self {
            k_inv_nm: instrument.k_inv_nm,
            q_low_inv_nm: q[0].max(stop),
            q_high_inv_nm: q[GRID * GRID * 9 / 10].max(1.5 * stop),
            q_max_inv_nm: q[GRID * GRID - 1].max(2.0 * stop),
            q_pixel_inv_nm: q_pixel,
            pixel_rad,
            beam_sigma_px: instrument.beam_sigma_px,
            beam_on_image: instrument.beam_on_image(),
            incident_angle_rad: instrument.geometry.incident_angle_rad.unwrap_or(0.0),
            blank,
        }
    }

    /// Tabulates a radial function over the whole image, 1 at its largest visible value.
    pub(crate) fn radial(&self, f: impl Fn(f64) -> f64) -> Curve {
        let curve = Curve::sample(0.0, self.q_max_inv_nm * 1.05, ENTRIES, f);
        let largest = curve
            .max_between(self.q_low_inv_nm, self.q_high_inv_nm)
            .max(1e-12);
        curve.scaled(1.0 / f64::from(largest))
    }
}

/// The azimuthal part of a ring of this relative width: isotropic, textured or, where it is sharp,
/// of single grains. `isotropic` is the share of the first.
pub(crate) fn draw_texture(
    rng: &mut ChaCha8Rng,
    isotropic: f64,
    relative_width: f64,
) -> Option<Curve> {
    if chance(rng, isotropic) {
        return None;
    }
    if relative_width > 0.06 || chance(rng, 0.55) {
        let fold = weighted(rng, &[(2.0, 0.6), (4.0, 0.2), (6.0, 0.2)]);
        let (eta, chi0) = (uniform(rng, 0.15, 0.93), uniform(rng, -PI, PI));
        Some(azimuthal(1025, |chi| ring_kernel(chi, chi0, fold, eta)))
    } else {
        let count = log_uniform(rng, 3.0, 1500.0) as usize;
        let mosaic = log_uniform(rng, 0.008, 0.08);
        Some(grains(rng, count, mosaic))
    }
}

/// What scatters: a sum of parts for the pixels of one instrument.
#[derive(Debug)]
pub(crate) enum Sample {
    Transmission(Pattern),
    Surface(Box<gisaxs::Film>),
}

/// How one frame differs from the others of its experiment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variation {
    /// Thermal expansion, swelling: all q shrink by this factor.
    stretch: f32,
    /// Cosine and sine of the sample's rotation about the beam.
    turn: (f32, f32),
}

impl Sample {
    pub(crate) fn draw(
        technique: Technique,
        instrument: &Instrument,
        blank: bool,
        seed: u64,
    ) -> Self {
        let view = View::new(instrument, blank);
        let mut rng = draw::generator(seed);
        match technique {
            Technique::Saxs => Self::Transmission(saxs::draw(&view, &mut rng)),
            Technique::Waxs => Self::Transmission(waxs::draw(&view, &mut rng)),
            Technique::Gisaxs => Self::Surface(Box::new(gisaxs::draw(&view, &mut rng))),
            Technique::Giwaxs => Self::Surface(Box::new(giwaxs::draw(&view, &mut rng))),
        }
    }

    /// The names of the parts, without repetition.
    pub(crate) fn components(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = match self {
            Self::Transmission(pattern) => pattern.names().collect(),
            Self::Surface(film) => film.names(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Another frame of the same sample.
    pub(crate) fn vary(&mut self, rng: &mut ChaCha8Rng) -> Variation {
        match self {
            Self::Transmission(pattern) => pattern.vary(rng, 0.15),
            Self::Surface(film) => film.vary(rng),
        }
        Variation {
            stretch: (1.0 + normal(rng, 0.01)) as f32,
            turn: axis(match self {
                Self::Transmission(_) => normal(rng, 0.08),
                Self::Surface(_) => 0.0,
            }),
        }
    }

    /// The expected intensity of every pixel before the instrument, in arbitrary units.
    pub(crate) fn expectation(&self, instrument: &Instrument, variation: Variation) -> Array2<f32> {
        let k = instrument.k_inv_nm as f32;
        let transmission = instrument.transmission();
        Array2::from_shape_fn(instrument.readout.shape, |(row, column)| {
            // What nothing of reaches the detector need not be computed.
            if transmission[(row, column)] <= 0.0 {
                return 0.0;
            }
            let ray = instrument.rays.to(row, column);
            let value = match self {
                Self::Transmission(pattern) => {
                    let (x, y) = (ray.t2, ray.t1);
                    let (cosine, sine) = variation.turn;
                    let towards = Direction::of(x * cosine - y * sine, x * sine + y * cosine);
                    pattern.at(k * ray.q_over_k() * variation.stretch, towards)
                }
                Self::Surface(film) => film.at(ray, variation.stretch),
            };
            value * ray.solid_angle * polarisation(ray)
        })
    }
}

/// The polarisation factor of a beam that is polarised to 98 % along `t2`.
fn polarisation(ray: Ray) -> f32 {
    const DEGREE: f32 = 0.98;
    // |electric field across the ray|²: 1 − t2² for the horizontal part, 1 − t1² for the vertical.
    1.0 - 0.5 * ((1.0 + DEGREE) * ray.t2 * ray.t2 + (1.0 - DEGREE) * ray.t1 * ray.t1)
}

/// Where the beam and the detector are in an experiment of this technique.
pub(crate) fn draw_pose(
    technique: Technique,
    ranges: &Ranges,
    readout: &Readout,
    seed: u64,
) -> Pose {
    let mut rng = draw::generator(seed);
    let rng = &mut rng;
    let distance = match technique {
        Technique::Saxs => ranges.saxs_distance_m,
        Technique::Waxs => ranges.waxs_distance_m,
        Technique::Gisaxs => ranges.gisaxs_distance_m,
        Technique::Giwaxs => ranges.giwaxs_distance_m,
    };
    let wavelength_m = 12.398_42e-10 / ranges.energy_kev.uniform(rng);
    // How the camera is mounted: by quarter turns, never quite straight.
    let quarter = weighted(rng, &[(2.0, 0.45), (0.0, 0.2), (1.0, 0.175), (3.0, 0.175)]);
    let rot3_rad = quarter * FRAC_PI_2 + normal(rng, 0.008);
    let wide = matches!(technique, Technique::Waxs | Technique::Giwaxs);
    let (rot1_rad, rot2_rad) = if wide && chance(rng, ranges.tilted_share) {
        (uniform(rng, -0.4, 0.4), uniform(rng, -0.4, 0.4))
    } else {
        (normal(rng, 0.003), normal(rng, 0.003))
    };
    let share = if technique.is_grazing() {
        grazing_centre(technique, ranges, quarter, rng)
    } else {
        transmission_centre(technique, ranges, rng)
    };
    Pose {
        wavelength_m,
        distance_m: distance.log_uniform(rng),
        rot1_rad,
        rot2_rad,
        rot3_rad,
        incident_angle_rad: technique
            .is_grazing()
            .then(|| ranges.incident_angle_deg.log_uniform(rng).to_radians()),
        centre: PixelPosition {
            row: share.0 * readout.shape.0 as f64,
            column: share.1 * readout.shape.1 as f64,
        },
    }
}

/// The beam as a share of rows and columns: in the middle, anywhere, at an edge or beyond it.
fn transmission_centre(technique: Technique, ranges: &Ranges, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let off = match technique {
        Technique::Saxs => 0.25 * ranges.beam_off_share,
        _ => ranges.beam_off_share,
    };
    let place = if chance(rng, off) {
        3
    } else if chance(rng, ranges.beam_at_edge_share) {
        2
    } else {
        whole(rng, 0, 1)
    };
    let far = |rng: &mut ChaCha8Rng, low: f64, high: f64| {
        let inside = uniform(rng, low, high);
        if chance(rng, 0.5) {
            inside
        } else {
            1.0 - inside
        }
    };
    match place {
        0 => (0.5 + normal(rng, 0.05), 0.5 + normal(rng, 0.05)),
        1 => (uniform(rng, 0.15, 0.85), uniform(rng, 0.15, 0.85)),
        _ => {
            let edge = if place == 2 {
                far(rng, -0.02, 0.1)
            } else {
                far(rng, -0.8, -0.04)
            };
            let other = if chance(rng, 0.3) {
                far(rng, -0.02, 0.1)
            } else {
                uniform(rng, 0.1, 0.9)
            };
            if whole(rng, 0, 1) == 0 {
                (edge, other)
            } else {
                (other, edge)
            }
        }
    }
}

/// The direct beam as a share of rows and columns: low along the surface normal, anywhere across.
fn grazing_centre(
    technique: Technique,
    ranges: &Ranges,
    quarter: f64,
    rng: &mut ChaCha8Rng,
) -> (f64, f64) {
    let corner = technique == Technique::Giwaxs && chance(rng, ranges.beam_at_edge_share);
    let across = match (technique, corner) {
        (_, true) => {
            let edge = uniform(rng, -0.08, 0.12);
            if chance(rng, 0.5) { edge } else { 1.0 - edge }
        }
        (Technique::Gisaxs, _) => uniform(rng, 0.1, 0.9),
        _ => uniform(rng, 0.2, 0.8),
    };
    let low = match technique {
        Technique::Gisaxs => uniform(rng, 0.04, 0.4),
        _ => uniform(rng, -0.01, 0.2),
    };
    // The normal is t1 in the laboratory; the quarter turn says where that is on the image.
    match quarter as i32 {
        0 => (low, across),
        1 => (across, 1.0 - low),
        2 => (1.0 - low, across),
        _ => (across, low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for technique in Technique::ALL {
            assert_eq!(technique.to_string().parse(), Ok(technique));
        }
        assert_eq!("giwaxs".parse(), Ok(Technique::Giwaxs));
        assert_eq!(
            "XRD".parse::<Technique>().unwrap_err().to_string(),
            "expected SAXS, WAXS, GISAXS or GIWAXS, got \"XRD\""
        );
    }

    #[test]
    fn polarisation_is_that_of_a_horizontal_beam() {
        let ray = |t1: f32, t2: f32| Ray {
            t1,
            t2,
            shortfall: 1.0 - (1.0 - t1 * t1 - t2 * t2).sqrt(),
            solid_angle: 1.0,
        };
        // [1 + cos² 2θ − p cos 2χ (1 − cos² 2θ)]/2
        assert!((polarisation(ray(0.0, 0.6)) - (1.0 + 0.64 - 0.98 * 0.36) / 2.0).abs() < 1e-6);
        assert!((polarisation(ray(0.6, 0.0)) - (1.0 + 0.64 + 0.98 * 0.36) / 2.0).abs() < 1e-6);
    }
}
