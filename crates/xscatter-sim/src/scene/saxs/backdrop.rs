//! What is not of the sample: parasitic scattering, air, windows, slits, capillaries.
//!
//! The names are those by which a label knows a problem: "background", "windowed scattering: square",
//! "parasitic slit scattering: horizontal". Directions are those of the laboratory.

use std::f64::consts::FRAC_PI_2;

use rand_chacha::ChaCha8Rng;

use super::{View, branch};
use crate::amorphous::halo;
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::pattern::{Part, Pattern, axis};
use crate::plane::{Plane, smooth_noise};

/// What surroundings may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backdrop {
    /// The same everywhere: fluorescence, dark counts.
    Constant,
    /// Uneven: a smooth random field.
    Structured,
    /// The bright image of a square window.
    SquareWindow,
    /// The bright image of a round window.
    RoundWindow,
    /// A streak of slits.
    HorizontalStreak,
    /// A streak of slits.
    VerticalStreak,
    /// The walls of a capillary: a thin streak across it.
    Capillary,
    /// Rings of a polyimide window.
    WindowRing,
}

impl Backdrop {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Constant,
        Self::Structured,
        Self::SquareWindow,
        Self::RoundWindow,
        Self::HorizontalStreak,
        Self::VerticalStreak,
        Self::Capillary,
        Self::WindowRing,
    ];
}

/// One of the surroundings, 1 at about its largest value.
pub(crate) fn draw_backdrop(kind: Backdrop, view: &View, rng: &mut ChaCha8Rng) -> Part {
    match kind {
        Backdrop::Constant => Part::rings("background", 1.0, Curve::sample(0.0, 1.0, 2, |_| 1.0)),
        Backdrop::Structured => {
            let relative = uniform(rng, 0.05, 0.3) as f32;
            let cell = 0.5 * view.q_pixel_inv_nm * log_uniform(rng, 5.0, 60.0);
            // The exponential of a normal field is never negative.
            let field = smooth_noise(rng, 256)
                .into_iter()
                .map(|noise| (relative * noise).exp())
                .collect();
            Part::table(
                "background: structured",
                1.0,
                Plane::repeating(256, cell, field),
            )
        }
        Backdrop::SquareWindow | Backdrop::RoundWindow => {
            let half = view.q_high_inv_nm * log_uniform(rng, 0.2, 0.9);
            let edge = (half * log_uniform(rng, 0.02, 0.4)).max(2.0 * view.q_pixel_inv_nm);
            let middle = (
                half * uniform(rng, -0.5, 0.5),
                half * uniform(rng, -0.5, 0.5),
            );
            let square = kind == Backdrop::SquareWindow;
            let name = if square {
                "windowed scattering: square"
            } else {
                "windowed scattering: circle"
            };
            Part::window(name, 1.0, middle, (half, edge), square)
        }
        Backdrop::HorizontalStreak => streak(view, rng, 0),
        Backdrop::VerticalStreak => streak(view, rng, 1),
        Backdrop::Capillary => {
            // Capillaries stand upright more often than not.
            let angle = if chance(rng, 0.8) { 0.0 } else { FRAC_PI_2 };
            let start = 3.0 * view.q_pixel_inv_nm;
            let exponent = uniform(rng, 1.2, 2.5);
            let along = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
                (1.0 + q / start).powf(-exponent)
            });
            let width = view.q_pixel_inv_nm * view.beam_sigma_px * uniform(rng, 0.5, 1.0);
            let axis = axis(angle + uniform(rng, -0.03, 0.03));
            Part::line("capillary streak", 1.0, axis, along, (0.0, width))
        }
        Backdrop::WindowRing => {
            // Polyimide: a broad ring at 1.57 nm, another at 0.7 nm, and a foot.
            let foot = uniform(rng, 0.1, 0.6);
            let radial = view.radial(|q| {
                halo(q, 4.0, 0.8)
                    + 0.6 * halo(q, 9.0, 2.5)
                    + foot * diffuse::ornstein_zernike(q, 2.0)
            });
            Part::rings("window ring", 1.0, radial)
        }
    }
}

/// What the beam brings along: parasitic scattering, slit streaks, air.
pub(crate) fn surroundings(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let exponent = uniform(rng, 2.5, 4.2);
    let floor = view.q_pixel_inv_nm * uniform(rng, 2.0, 8.0);
    let radial = view.radial(|q| diffuse::power_law(q, exponent, floor));
    pattern.push(Part::rings(
        "parasitic scattering",
        log_uniform(rng, 0.2, 10.0),
        radial,
    ));
    pattern.push(air(view, rng));
    streaks(view, rng, pattern);
}

fn air(view: &View, rng: &mut ChaCha8Rng) -> Part {
    let length = uniform(rng, 0.3, 3.0) / view.q_high_inv_nm;
    let constant = uniform(rng, 0.2, 1.0);
    let radial = view.radial(|q| constant + diffuse::ornstein_zernike(q, length));
    Part::rings("air", log_uniform(rng, 1e-3, 0.08), radial)
}

/// Streaks through the beam and, less often, other surroundings; the same for every technique.
pub(crate) fn streaks(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let mut other = branch(rng, "other surroundings");
    if view.beam_on_image && chance(rng, 0.25) {
        for direction in 0..whole(rng, 1, 2) {
            pattern.push(streak(view, rng, direction));
        }
    }
    for kind in Backdrop::ALL {
        let (share, low, high) = match kind {
            Backdrop::Constant => (0.08, 3e-3, 0.3),
            Backdrop::Structured => (0.03, 3e-3, 0.2),
            Backdrop::SquareWindow | Backdrop::RoundWindow => (0.02, 3e-3, 0.2),
            Backdrop::Capillary if view.beam_on_image => (0.04, 0.1, 5.0),
            Backdrop::WindowRing if view.q_max_inv_nm > 3.0 => (0.04, 0.01, 0.3),
            _ => continue,
        };
        if chance(&mut other, share) {
            let mut part = draw_backdrop(kind, view, &mut other);
            part.weight *= log_uniform(&mut other, low, high) as f32;
            pattern.push(part);
        }
    }
}

/// A streak through the beam: horizontal for direction 0, else vertical.
fn streak(view: &View, rng: &mut ChaCha8Rng, direction: usize) -> Part {
    let reach = view.q_high_inv_nm * log_uniform(rng, 0.05, 0.6);
    let along = Curve::sample(0.0, view.q_max_inv_nm, 1024, |q| (-q / reach).exp());
    let name = if direction == 0 {
        "parasitic slit scattering: horizontal"
    } else {
        "parasitic slit scattering: vertical"
    };
    Part::line(
        name,
        log_uniform(rng, 0.1, 3.0),
        axis(direction as f64 * FRAC_PI_2 + uniform(rng, -0.05, 0.05)),
        along,
        (
            0.0,
            view.q_pixel_inv_nm * view.beam_sigma_px * uniform(rng, 0.7, 1.5),
        ),
    )
}
