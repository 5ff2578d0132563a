//! Spots of one crystal or a few, on a detector behind them.
//!
//! ```text
//! s(g) = |k + g| − k,  scattered as exp(−s²/2w²)      w² = (mosaic g)² + (1/L)² + (g²/2k ΔE/E)²
//! ```
//!
//! A reflection whose g ends near the Ewald sphere makes a spot at |q| = g in the azimuth of g: the
//! mosaic turns g without changing its length.

use std::f64::consts::{PI, TAU};

use rand_chacha::ChaCha8Rng;

use super::super::View;
use super::{Specimen, draw_width, powder_specimen, width_of};
use crate::crystal::dot;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::pattern::{Part, Pattern, Spot};

/// The most spots on a frame.
const MOST_SPOTS: usize = 500;

/// So many crystals are in the beam at most.
const MOST_CRYSTALS: usize = 12;

/// So many spots, on the image or beside it, are worth an exposure.
const FEWEST_SPOTS: usize = 40;

/// 2√(2 ln 2)
const FWHM_OVER_SIGMA: f64 = 2.354_820_045;

/// A spot before it is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excited {
    pub(super) q_inv_nm: f64,
    pub(super) chi_rad: f64,
    /// |F|² times the share of the excitation.
    pub(super) strength: f64,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let specimen = if chance(rng, 0.35) {
        Specimen::macromolecule(view, rng)
    } else {
        powder_specimen(view, rng)
    };
    let mut config = draw_width(view, rng);
    config.size_nm = log_uniform(rng, 40.0, 2000.0);
    config.strain = config.strain.min(1e-3);
    let width = width_of(config);
    // The mosaic, and the turn during the exposure.
    let mosaic_rad = log_uniform(rng, 5e-4, 0.02);
    let turn_rad = log_uniform(rng, 2e-3, 0.2);
    let mut excited = Vec::new();
    let (wanted, mut crystals) = (whole(rng, 1, 4), 0);
    // Where one crystal shows next to nothing, there are more of them.
    while crystals < wanted || (crystals < MOST_CRYSTALS && excited.len() < FEWEST_SPOTS) {
        crystals += 1;
        let rotation = random_rotation(rng);
        let vectors = specimen.reflections.iter().map(|r| {
            let g = rotation.map(|row| dot(row, r.g_inv_nm));
            (g, r.squared)
        });
        let spread = mosaic_rad.hypot(turn_rad);
        excited.extend(excite(
            view.k_inv_nm,
            vectors,
            spread,
            width.config().size_nm,
        ));
    }
    // The spots that matter, each spread over what makes it wide.
    let mut spots: Vec<(Excited, (f64, f64), f64)> = excited
        .into_iter()
        .filter(|spot| spot.q_inv_nm > view.q_low_inv_nm && spot.q_inv_nm < view.q_max_inv_nm)
        .map(|spot| {
            let q = spot.q_inv_nm;
            let sigma_q = width.fwhm_inv_nm(q) / FWHM_OVER_SIGMA;
            let across = mosaic_rad.hypot(0.7 * view.q_pixel_inv_nm * view.beam_sigma_px / q);
            let height = spot.strength / (q * q * sigma_q * across);
            (spot, (sigma_q, across), height)
        })
        .collect();
    spots.sort_by(|a, b| b.2.total_cmp(&a.2));
    spots.truncate(MOST_SPOTS);
    let brightest = spots.first().map_or(1.0, |spot| spot.2);
    spots.retain(|spot| spot.2 > 1e-4 * brightest);
    let drawn = spots
        .iter()
        .map(|(spot, sigmas, height)| {
            Spot::new((spot.q_inv_nm, spot.chi_rad), *sigmas, height / brightest)
        })
        .collect();
    if let Some(longest) = specimen.reflections.first() {
        pattern.value("d_spacing_nm", TAU / longest.q_inv_nm);
    }
    pattern.value("grain_size_nm", width.config().size_nm);
    pattern.value("mosaic_rad", mosaic_rad);
    pattern.value("grain_count", f64::from(crystals as u32));
    let feature = Feature {
        structure: true,
        azimuth: Azimuth::Grains {
            count: crystals,
            mosaic_rad,
        },
        ..Feature::of(Role::Ring)
    };
    let weight = log_uniform(rng, 1.0, 30.0);
    pattern.push(Part::spots("single-crystal spots", weight, drawn).known_as(feature));
}

/// Which reflections are near the Ewald sphere of a beam along the first axis; both Friedel mates.
pub(super) fn excite(
    k_inv_nm: f64,
    vectors: impl Iterator<Item = ([f64; 3], f64)>,
    spread_rad: f64,
    size_nm: f64,
) -> Vec<Excited> {
    let mut excited = Vec::new();
    for (g, squared) in vectors {
        let length_squared = dot(g, g);
        let length = length_squared.sqrt();
        let curvature = 0.5 * length_squared / k_inv_nm;
        let width = (spread_rad * length)
            .hypot(1.0 / size_nm)
            .hypot(1e-4 * curvature);
        for side in [1.0, -1.0] {
            // |k + g| − k, but for terms of higher order.
            let off = (side * g[0] + curvature) / width;
            if off.abs() < 4.0 {
                excited.push(Excited {
                    q_inv_nm: length,
                    chi_rad: (side * g[2]).atan2(side * g[1]),
                    strength: squared * (-0.5 * off * off).exp() / width,
                });
            }
        }
    }
    excited
}

/// A rotation, all equally likely: a quaternion on the sphere after Shoemake 1992.
fn random_rotation(rng: &mut ChaCha8Rng) -> [[f64; 3]; 3] {
    let share = uniform(rng, 0.0, 1.0);
    let (a, b) = (uniform(rng, -PI, PI), uniform(rng, -PI, PI));
    let (x, y) = (
        (1.0 - share).sqrt() * a.sin(),
        (1.0 - share).sqrt() * a.cos(),
    );
    let (z, w) = (share.sqrt() * b.sin(), share.sqrt() * b.cos());
    [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - z * w),
            2.0 * (x * z + y * w),
        ],
        [
            2.0 * (x * y + z * w),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - x * w),
        ],
        [
            2.0 * (x * z - y * w),
            2.0 * (y * z + x * w),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    #[test]
    fn rotations_keep_lengths_and_point_everywhere() {
        let mut rng = generator(4);
        let mut mean = [0.0; 3];
        for _ in 0..2000 {
            let rows = random_rotation(&mut rng);
            for (index, row) in rows.iter().enumerate() {
                assert!((dot(*row, *row) - 1.0).abs() < 1e-12);
                assert!(dot(*row, rows[(index + 1) % 3]).abs() < 1e-12);
                mean[index] += row[0] / 2000.0;
            }
        }
        assert!(
            mean.iter().all(|component| component.abs() < 0.06),
            "{mean:?}"
        );
    }

    /// The spots lie on the Ewald sphere: with q̂ of the azimuth and the Bragg angle, q·n is g·n.
    #[test]
    fn excited_spots_meet_the_ewald_condition() {
        let k = 60.0;
        // On the sphere: g = k (u − beam) of a ray u.
        let (two_theta, chi) = (0.4_f64, 1.1_f64);
        let g = [
            k * (two_theta.cos() - 1.0),
            k * two_theta.sin() * chi.cos(),
            k * two_theta.sin() * chi.sin(),
        ];
        let found = excite(k, std::iter::once((g, 9.0)), 1e-3, 1e4);
        assert_eq!(found.len(), 1);
        assert!((found[0].chi_rad - chi).abs() < 1e-12);
        assert!((found[0].q_inv_nm - 2.0 * k * (0.5 * two_theta).sin()).abs() < 1e-9);
        // Away from it there is none.
        let off = [g[0] + 0.5, g[1], g[2]];
        assert!(excite(k, std::iter::once((off, 9.0)), 1e-3, 1e4).is_empty());
    }

    /// Averaged over all orientations, a reflection is as strong as its ring: the excitation has the
    /// same integral whatever the mosaic.
    #[test]
    fn the_mean_over_orientations_does_not_depend_on_the_mosaic() {
        let mut rng = generator(12);
        let g0 = [14.0, 3.0, -6.0];
        let totals = [0.01, 0.04].map(|spread| {
            (0..60_000)
                .map(|_| {
                    let g = random_rotation(&mut rng).map(|row| dot(row, g0));
                    excite(60.0, std::iter::once((g, 1.0)), spread, 1e4)
                        .iter()
                        .map(|spot| spot.strength)
                        .sum::<f64>()
                })
                .sum::<f64>()
        });
        assert!((totals[0] / totals[1] - 1.0).abs() < 0.06, "{totals:?}");
    }
}
