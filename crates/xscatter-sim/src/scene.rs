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
mod tags;
mod waxs;

use std::f64::consts::{FRAC_PI_2, PI};
use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::PixelPosition;

use crate::curve::Curve;
use crate::draw::{self, Interval, chance, log_uniform, normal, uniform, weighted, whole};
use crate::feature::{Azimuth, Feature};
use crate::instrument::{Instrument, Pose, Readout};
use crate::pattern::{Direction, Pattern, axis, azimuthal, grains};
use crate::rays::Ray;
use crate::simulation::SimError;
use crate::texture::ring_kernel;

pub use tags::TagScene;

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
    /// Refuses what no instrument has, by the name of the parameter.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        for (name, interval, low, high) in [
            ("energy_kev", self.energy_kev, 0.1, 1e3),
            ("saxs_distance_m", self.saxs_distance_m, 1e-2, 1e3),
            ("waxs_distance_m", self.waxs_distance_m, 1e-2, 1e3),
            ("gisaxs_distance_m", self.gisaxs_distance_m, 1e-2, 1e3),
            ("giwaxs_distance_m", self.giwaxs_distance_m, 1e-2, 1e3),
            ("incident_angle_deg", self.incident_angle_deg, 1e-3, 10.0),
            ("exposure_s", self.exposure_s, 1e-9, 1e6),
            ("bright_photons", self.bright_photons, 1e-3, 1e9),
        ] {
            interval.check(&format!("ranges.{name}"), low, high)?;
        }
        for (name, share) in [
            ("blank_share", self.blank_share),
            ("turned_share", self.turned_share),
            ("beam_at_edge_share", self.beam_at_edge_share),
            ("beam_off_share", self.beam_off_share),
            ("tilted_share", self.tilted_share),
        ] {
            Interval::new(share, share).check(&format!("ranges.{name}"), 0.0, 1.0)?;
        }
        Ok(())
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
#[derive(Debug, Clone)]
pub(crate) enum Sample {
    /// What was drawn together, and what else is in the beam.
    Transmission(Vec<Pattern>),
    Surface(Box<gisaxs::Film>),
}

/// How one frame differs from the others of its experiment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleVariation {
    /// Thermal expansion, swelling: all q shrink by this factor.
    stretch: f32,
    /// Cosine and sine of the sample's rotation about the beam.
    turn: (f32, f32),
}

impl SampleVariation {
    /// What a feature becomes in this frame.
    pub(crate) fn apply(self, feature: &mut Feature) {
        let stretch = f64::from(self.stretch);
        for q in &mut feature.orders_inv_nm {
            *q /= stretch;
        }
        feature.fwhm_inv_nm /= stretch;
        if let Azimuth::Fold { chi0_rad, .. } = &mut feature.azimuth {
            *chi0_rad -= f64::from(self.turn.1.atan2(self.turn.0));
        }
    }

    /// What a quantity of the sample becomes in this frame, by the unit that its name ends with.
    fn value(self, name: &str, value: f64) -> f64 {
        let stretch = f64::from(self.stretch);
        if name.ends_with("_inv_nm") {
            value / stretch
        } else if name.ends_with("_nm") {
            value * stretch
        } else if name == "orientation_rad" {
            value - f64::from(self.turn.1.atan2(self.turn.0))
        } else {
            value
        }
    }
}

impl Sample {
    /// A sample of one of the four techniques.
    pub(crate) fn draw(technique: Technique, view: &View, seed: u64) -> Self {
        let mut rng = draw::generator(seed);
        match technique {
            Technique::Saxs => Self::Transmission(vec![saxs::draw(view, &mut rng)]),
            Technique::Waxs => Self::Transmission(vec![waxs::draw(view, &mut rng)]),
            Technique::Gisaxs => Self::Surface(Box::new(gisaxs::draw(view, &mut rng))),
            Technique::Giwaxs => Self::Surface(Box::new(giwaxs::draw(view, &mut rng))),
        }
    }

    /// Every part in the order of [`each_at`](Self::each_at): the draw that it comes from, its name,
    /// and what it is to a label.
    pub(crate) fn parts(&self) -> Vec<(usize, &'static str, Feature)> {
        match self {
            Self::Transmission(patterns) => patterns
                .iter()
                .enumerate()
                .flat_map(|(draw, pattern)| {
                    pattern
                        .parts
                        .iter()
                        .map(move |part| (draw, part.name, part.feature.clone()))
                })
                .collect(),
            Self::Surface(film) => film
                .parts()
                .into_iter()
                .map(|(name, feature)| (0, name, feature))
                .collect(),
        }
    }

    /// Quantities that are true of the sample in a frame; the first of each name.
    pub(crate) fn values_of(&self, variation: SampleVariation) -> Vec<(&'static str, f64)> {
        let drawn: Vec<(&'static str, f64)> = match self {
            Self::Transmission(patterns) => patterns
                .iter()
                .flat_map(|pattern| pattern.values.iter().copied())
                .collect(),
            Self::Surface(film) => film.layer.values.clone(),
        };
        let mut values: Vec<(&'static str, f64)> = Vec::new();
        for (name, value) in drawn {
            if values.iter().all(|(known, _)| *known != name) {
                values.push((name, variation.value(name, value)));
            }
        }
        values
    }

    /// Another frame of the same sample.
    pub(crate) fn varied(&self, rng: &mut ChaCha8Rng) -> (Self, SampleVariation) {
        let mut sample = self.clone();
        match &mut sample {
            Self::Transmission(patterns) => {
                for pattern in patterns {
                    pattern.vary(rng, 0.15);
                }
            }
            Self::Surface(film) => film.vary(rng),
        }
        let variation = SampleVariation {
            stretch: (1.0 + normal(rng, 0.01)) as f32,
            turn: axis(match self {
                Self::Transmission(_) => normal(rng, 0.08),
                Self::Surface(_) => 0.0,
            }),
        };
        (sample, variation)
    }

    /// The intensity of every part towards a pixel, in arbitrary units.
    pub(crate) fn each_at(
        &self,
        ray: Ray,
        k_inv_nm: f32,
        variation: SampleVariation,
        values: &mut [f32],
    ) {
        match self {
            Self::Transmission(patterns) => {
                let (x, y) = (ray.t2, ray.t1);
                let (cosine, sine) = variation.turn;
                let towards = Direction::of(x * cosine - y * sine, x * sine + y * cosine);
                let q = k_inv_nm * ray.q_over_k() * variation.stretch;
                let parts = patterns.iter().flat_map(|pattern| &pattern.parts);
                for (value, part) in values.iter_mut().zip(parts) {
                    *value = part.at(q, towards);
                }
            }
            Self::Surface(film) => film.each_at(ray, variation.stretch, values),
        }
    }
}

impl Ray {
    /// What a detector sees of an intensity in this direction: solid angle and polarisation.
    pub(crate) fn seen(self) -> f32 {
        self.solid_angle * polarisation(self)
    }
}

/// What the frames of a simulation show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SceneConfig {
    /// Samples of the four techniques, in turns.
    Techniques(TechniqueScene),
    /// Small-angle patterns in transmission that carry many tags.
    Tags(TagScene),
}

/// Samples of the four techniques, in turns: frame i shows number i mod n of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TechniqueScene {
    /// The techniques, each once.
    pub techniques: Vec<Technique>,
}

impl Default for TechniqueScene {
    fn default() -> Self {
        Self {
            techniques: Technique::ALL.to_vec(),
        }
    }
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self::Techniques(TechniqueScene::default())
    }
}

impl SceneConfig {
    /// Refuses an impossible scene, by the name of the parameter.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        match self {
            Self::Techniques(scene) => {
                let mut sorted = scene.techniques.clone();
                sorted.sort_unstable();
                sorted.dedup();
                if sorted.is_empty() || sorted.len() != scene.techniques.len() {
                    return Err(SimError::parameter(
                        "scene.techniques",
                        "at least one technique, each once",
                        format!("{:?}", scene.techniques),
                    ));
                }
                Ok(())
            }
            Self::Tags(scene) => scene.check(),
        }
    }

    /// How many kinds of experiments take turns.
    pub(crate) fn branches(&self) -> usize {
        match self {
            Self::Techniques(scene) => scene.techniques.len(),
            Self::Tags(_) => 1,
        }
    }

    pub(crate) fn branch_name(&self, branch: usize) -> &'static str {
        match self {
            Self::Techniques(scene) => scene.techniques[branch].name(),
            Self::Tags(_) => "tags",
        }
    }

    pub(crate) fn technique(&self, branch: usize) -> Technique {
        match self {
            Self::Techniques(scene) => scene.techniques[branch],
            Self::Tags(_) => Technique::Saxs,
        }
    }

    pub(crate) fn sample(
        &self,
        branch: usize,
        instrument: &Instrument,
        blank: bool,
        seed: u64,
    ) -> Sample {
        let view = View::new(instrument, blank);
        match self {
            Self::Techniques(_) => Sample::draw(self.technique(branch), &view, seed),
            Self::Tags(scene) => scene.sample(&view, seed),
        }
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
