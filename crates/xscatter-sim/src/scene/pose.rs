//! Where beam and detector are: the ranges from which an experiment is drawn, and the pose itself.
//!
//! Angles and energies are uniform, distances and brightness log-uniform.

use std::f64::consts::FRAC_PI_2;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::PixelPosition;

use super::Technique;
use crate::draw::{self, Interval, chance, normal, uniform, weighted, whole};
use crate::instrument::{Pose, PoseNuisance, Readout};
use crate::simulation::SimError;

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
    /// Where the direct beam meets the image in transmission; drawn by the shares below if not given.
    pub beam_centre: Option<CentreRanges>,
    /// Share of the experiments without sample: air, window or bare substrate.
    pub blank_share: f64,
    /// Share of the experiments whose image is stored turned: a good third of them upside down, the
    /// others by a quarter either way.
    pub turned_share: f64,
    /// Share of the experiments with the direct beam at an edge or in a corner of the image.
    pub beam_at_edge_share: f64,
    /// Share of the WAXS experiments with the direct beam off the image; a quarter of it for SAXS.
    pub beam_off_share: f64,
    /// Share of the WAXS and GIWAXS experiments with a tilted detector.
    pub tilted_share: f64,
}

/// A place as a share of the rows and of the columns of an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreRanges {
    /// 0 at the first row, 1 past the last.
    pub row: Interval,
    /// 0 at the first column, 1 past the last.
    pub column: Interval,
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
            beam_centre: None,
            blank_share: 0.04,
            turned_share: 0.55,
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
        if let Some(centre) = self.beam_centre {
            // Further off, no pixel of any detector sees what scatters at small angles.
            for (name, interval) in [("row", centre.row), ("column", centre.column)] {
                interval.check(&format!("ranges.beam_centre.{name}"), -2.0, 3.0)?;
            }
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
    let turned = ranges.turned_share / 11.0;
    let quarter = weighted(
        rng,
        &[
            (2.0, 1.0 - 11.0 * turned),
            (0.0, 4.0 * turned),
            (1.0, 3.5 * turned),
            (3.0, 3.5 * turned),
        ],
    );
    let rot3_rad = quarter * FRAC_PI_2 + normal(rng, 0.008);
    let wide = matches!(technique, Technique::Waxs | Technique::Giwaxs);
    let (rot1_rad, rot2_rad) = if wide && chance(rng, ranges.tilted_share) {
        (uniform(rng, -0.4, 0.4), uniform(rng, -0.4, 0.4))
    } else {
        (normal(rng, 0.003), normal(rng, 0.003))
    };
    let share = if technique.is_grazing() {
        grazing_centre(technique, ranges, quarter, rng)
    } else if let Some(centre) = ranges.beam_centre {
        (centre.row.uniform(rng), centre.column.uniform(rng))
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

/// What a robustness study does to a pose.
pub(crate) fn disturb(
    pose: &Pose,
    nuisance: &PoseNuisance,
    shape: (usize, usize),
    seed: u64,
) -> Pose {
    let mut rng = draw::generator(seed);
    let rng = &mut rng;
    let either_way = |rng: &mut ChaCha8Rng, most: f64| uniform(rng, -most, most);
    let mut disturbed = *pose;
    disturbed.rot3_rad += either_way(rng, nuisance.rotation_rad);
    disturbed.rot1_rad += either_way(rng, nuisance.tilt_rad);
    disturbed.rot2_rad += either_way(rng, nuisance.tilt_rad);
    if chance(rng, nuisance.beam_off_share) {
        // Past the nearer edge, by up to a fifth of the image.
        let by = uniform(rng, 0.02, 0.2);
        let past = |place: f64, pixels: usize| {
            let pixels = pixels as f64;
            if place < 0.5 * pixels {
                -by * pixels
            } else {
                (1.0 + by) * pixels
            }
        };
        if chance(rng, 0.5) {
            disturbed.centre.row = past(pose.centre.row, shape.0);
        } else {
            disturbed.centre.column = past(pose.centre.column, shape.1);
        }
    }
    disturbed
}
