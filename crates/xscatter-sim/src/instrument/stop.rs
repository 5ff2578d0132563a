//! Beamstops, and the stop of the beam that a surface reflects.
//!
//! A disk with or without an arm, a strip from an edge of the image to past the beam, a wedge, or
//! none; some leak, some miss the beam. Stops are drawn in pixels around the beam, whatever the
//! technique; only a surface has a reflected beam to stop.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::PixelPosition;

use super::ranges::{StopRanges, log_or_off, stream};
use crate::draw::{chance, normal, uniform, weighted};
use crate::obstacle::{Obstacle, Outline};

/// The kind of a beamstop, as a tag names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopKind {
    /// No beamstop.
    #[default]
    None,
    /// A disk, with or without an arm.
    Circular,
    /// A strip from an edge of the image to past the beam.
    Linear,
    /// A wedge.
    Wedge,
}

/// A beamstop on the image.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    pub(crate) kind: StopKind,
    pub(super) arm: bool,
    /// How far it reaches from the beam; 0 if there is none.
    pub(super) radius_px: f64,
    /// How far its middle is from the beam.
    pub(super) offset_px: f64,
    pub(super) leak: f64,
    pub(super) obstacles: Vec<Obstacle>,
}

/// What is drawn by weight: the four kinds, and whether a disk shows its arm.
type Drawn = (StopKind, bool);

impl StopRanges {
    pub(super) fn weights(&self) -> [(Drawn, f64); 5] {
        [
            ((StopKind::Circular, false), self.disk_weight),
            ((StopKind::Circular, true), self.disk_with_arm_weight),
            ((StopKind::Linear, false), self.linear_weight),
            ((StopKind::Wedge, false), self.wedge_weight),
            ((StopKind::None, false), self.none_weight),
        ]
    }
}

impl Stop {
    /// A stop for a beam at `beam` on an image whose side is `scale` thousand pixels.
    pub(super) fn draw(ranges: &StopRanges, beam: PixelPosition, scale: f64, seed: u64) -> Self {
        let rng = &mut stream(seed, "stop");
        let (kind, arm) = weighted(rng, &ranges.weights());
        let radius = log_or_off(ranges.radius_px, rng) * scale;
        let angle = uniform(rng, -std::f64::consts::PI, std::f64::consts::PI);
        let offset = |rng: &mut ChaCha8Rng| normal(rng, ranges.offset_radii) * radius;
        let (mut down, mut right) = (offset(rng), offset(rng));
        // An edge as wide as the stop would leave nothing of it on a small image.
        let edge_px = log_or_off(ranges.edge_px, rng).min(radius) as f32;
        let leaky = chance(rng, ranges.leaky_share);
        let leak = log_or_off(ranges.leak, rng);
        let leak = if leaky { leak } else { 0.0 };
        let arm_half_width = (radius * ranges.arm_half_width_radii.uniform(rng)) as f32;
        // The arm of a beamstop mostly runs along an axis of the detector.
        let quarter = std::f64::consts::FRAC_PI_2;
        let straight = (angle / quarter).round() * quarter + normal(rng, 0.03);
        let angle = if chance(rng, ranges.arm_straight_share) {
            straight
        } else {
            angle
        };
        let slope = ranges.wedge_slope.uniform(rng) as f32;
        let astray = &mut stream(seed, "stop astray");
        if chance(astray, ranges.astray_share) {
            let (sine, cosine) =
                uniform(astray, -std::f64::consts::PI, std::f64::consts::PI).sin_cos();
            let distance = ranges.astray_radii.uniform(astray) * radius;
            (down, right) = (distance * sine, distance * cosine);
        }
        if kind == StopKind::None {
            return Self::default();
        }

        let centre = ((beam.row + down) as f32, (beam.column + right) as f32);
        let towards = (angle.sin() as f32, angle.cos() as f32);
        let behind = |distance: f32| {
            (
                centre.0 - distance * towards.0,
                centre.1 - distance * towards.1,
            )
        };
        let radius_px = radius as f32;
        let disk = Outline::Disk { centre, radius_px };
        let outlines = match kind {
            StopKind::Circular if arm => vec![
                disk,
                Outline::Arm {
                    from: centre,
                    towards,
                    half_width_px: arm_half_width,
                },
            ],
            StopKind::Linear => vec![Outline::Arm {
                from: behind(1.3 * radius_px),
                towards,
                half_width_px: 0.8 * radius_px,
            }],
            StopKind::Wedge => vec![Outline::Wedge {
                // Wide enough where the beam is.
                tip: behind(radius_px * (0.6 / slope).max(2.0)),
                towards,
                slope,
            }],
            StopKind::Circular | StopKind::None => vec![disk],
        };
        let transmission = leak as f32;
        Self {
            kind,
            arm,
            radius_px: radius,
            offset_px: down.hypot(right),
            leak,
            obstacles: outlines
                .into_iter()
                .map(|outline| Obstacle {
                    outline,
                    edge_px,
                    transmission,
                })
                .collect(),
        }
    }
}

/// At grazing incidence: a stop for the reflected beam, or a strip along the surface normal.
///
/// `at` is a place so many pixels above the beam along the normal, `lift_px` that of the reflected
/// beam.
pub(super) fn draw_specular(
    ranges: &StopRanges,
    lift_px: f64,
    up: (f32, f32),
    at: impl Fn(f64) -> (f32, f32),
    scale: f64,
    seed: u64,
) -> Option<Obstacle> {
    let rng = &mut stream(seed, "specular stop");
    let strip = chance(rng, ranges.specular_strip_share);
    let disk = chance(rng, ranges.specular_disk_share);
    let half_width = log_or_off(ranges.specular_strip_half_width_px, rng) * scale;
    let radius = log_or_off(ranges.specular_disk_radius_px, rng) * scale;
    let missed = normal(rng, 3.0) * scale;
    let outline = if strip {
        Outline::Arm {
            from: at(-10.0 * scale),
            towards: up,
            half_width_px: half_width as f32,
        }
    } else if disk {
        Outline::Disk {
            centre: at(lift_px + missed),
            radius_px: radius as f32,
        }
    } else {
        return None;
    };
    Some(Obstacle {
        outline,
        edge_px: log_or_off(ranges.edge_px, rng) as f32,
        transmission: log_or_off(ranges.specular_leak, rng) as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAM: PixelPosition = PixelPosition {
        row: 120.0,
        column: 90.0,
    };

    fn drawn(ranges: &StopRanges) -> Vec<Stop> {
        (0..2400)
            .map(|seed| Stop::draw(ranges, BEAM, 0.256, seed))
            .collect()
    }

    #[test]
    fn kinds_come_by_their_weights() {
        let stops = drawn(&StopRanges::default());
        let count = |kind| stops.iter().filter(|stop| stop.kind == kind).count() as f64;
        for (kind, expected) in [
            (StopKind::Circular, 1600.0),
            (StopKind::Linear, 400.0),
            (StopKind::Wedge, 200.0),
            (StopKind::None, 200.0),
        ] {
            let found = count(kind);
            assert!(
                (found - expected).abs() < 4.0 * f64::sqrt(expected),
                "{kind:?}: {found}"
            );
        }
    }

    #[test]
    fn a_stop_covers_the_beam_unless_it_is_astray_or_none() {
        let ranges = StopRanges {
            astray_share: 0.0,
            leaky_share: 0.0,
            ..StopRanges::default()
        };
        let passed = |stop: &Stop| -> f32 {
            stop.obstacles
                .iter()
                .map(|o| o.transmitted(BEAM.row as f32, BEAM.column as f32))
                .product()
        };
        for stop in drawn(&ranges) {
            let dark = passed(&stop) < 0.5;
            assert_eq!(dark, stop.kind != StopKind::None, "{stop:?}");
        }
        let astray = StopRanges {
            astray_share: 1.0,
            astray_radii: crate::Interval::new(2.5, 3.0),
            linear_weight: 0.0,
            wedge_weight: 0.0,
            disk_with_arm_weight: 0.0,
            edge_px: crate::Interval::new(0.5, 1.0),
            ..ranges
        };
        assert!(drawn(&astray).iter().all(|stop| passed(stop) > 0.99));
    }

    /// Adding a draw to one concern must not change the others.
    #[test]
    fn a_stop_astray_is_otherwise_the_same_stop() {
        let straight = drawn(&StopRanges {
            astray_share: 0.0,
            ..StopRanges::default()
        });
        let astray = drawn(&StopRanges {
            astray_share: 1.0,
            ..StopRanges::default()
        });
        assert!(straight.iter().zip(&astray).all(|(a, b)| {
            (a.kind, a.arm, a.radius_px, a.leak) == (b.kind, b.arm, b.radius_px, b.leak)
        }));
    }
}
