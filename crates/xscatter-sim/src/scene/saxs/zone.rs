//! Where the orders of an aligned crystal lie about the beam.
//!
//! A crystal with a rotation axis of its lattice along the beam shows the reflections of that zone,
//! and different orders in different directions: of hexagonally packed cylinders the second order
//! lies between the spots of the first.
//!
//! ```text
//! hexagonal [001]   χ(hk) = atan2(√¾ k, h + k/2)          six-fold
//! cubic     [001]   χ(hk0) = atan2(k, h)                  four-fold
//! cubic     [111]   h + k + l = 0, χ = atan2((h + k − 2l)/√6, (h − k)/√2)   six-fold
//! ```
//!
//! Some microseconds an order.

use std::f64::consts::TAU;

use crate::lattice::Lattice;

/// The directions, within 2π/n, of the reflections with N = `squared` in the zone of the n-fold axis.
///
/// `None` if the lattice has no such axis whose zone holds its first order; empty where an order has
/// no reflection in the zone.
pub(super) fn directions_rad(lattice: Lattice, n: u32, squared: u32) -> Option<Vec<f64>> {
    let reach = f64::from(squared).sqrt().ceil() as i32 + 1;
    let indices = -reach..=reach;
    let mut found = Vec::new();
    let period = TAU / f64::from(n);
    let mut add = |x: f64, y: f64| {
        let angle = y.atan2(x).rem_euclid(period);
        let same = |known: &f64| {
            let off = (known - angle).abs();
            off.min(period - off) < 1e-6
        };
        if !found.iter().any(same) {
            found.push(angle);
        }
    };
    match (lattice, n) {
        (Lattice::Hexagonal, 6) => {
            for h in indices.clone() {
                for k in indices.clone() {
                    if i64::from(h * h + h * k + k * k) == i64::from(squared) {
                        add(
                            f64::from(h) + 0.5 * f64::from(k),
                            0.75_f64.sqrt() * f64::from(k),
                        );
                    }
                }
            }
        }
        (Lattice::SimpleCubic | Lattice::BodyCentred, 4) => {
            for h in indices.clone() {
                for k in indices.clone() {
                    if i64::from(h * h + k * k) == i64::from(squared) {
                        add(f64::from(h), f64::from(k));
                    }
                }
            }
        }
        (Lattice::BodyCentred, 6) => {
            for h in indices.clone() {
                for k in indices.clone() {
                    let l = -h - k;
                    if i64::from(h * h + k * k + l * l) == i64::from(squared) {
                        add(
                            f64::from(h - k) / 2.0_f64.sqrt(),
                            f64::from(h + k - 2 * l) / 6.0_f64.sqrt(),
                        );
                    }
                }
            }
        }
        _ => return None,
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degrees(lattice: Lattice, n: u32, squared: u32) -> Vec<f64> {
        let mut angles: Vec<f64> = directions_rad(lattice, n, squared)
            .unwrap()
            .into_iter()
            .map(|angle| (angle.to_degrees() * 10.0).round() / 10.0)
            .collect();
        angles.sort_by(f64::total_cmp);
        angles
    }

    #[test]
    fn the_second_order_of_cylinders_lies_between_the_first() {
        assert_eq!(degrees(Lattice::Hexagonal, 6, 1), [0.0]);
        assert_eq!(degrees(Lattice::Hexagonal, 6, 3), [30.0]);
        assert_eq!(degrees(Lattice::Hexagonal, 6, 4), [0.0]);
        assert_eq!(degrees(Lattice::Hexagonal, 6, 7), [19.1, 40.9]);
    }

    #[test]
    fn cubic_zones() {
        assert_eq!(degrees(Lattice::SimpleCubic, 4, 1), [0.0]);
        assert_eq!(degrees(Lattice::SimpleCubic, 4, 2), [45.0]);
        assert_eq!(degrees(Lattice::SimpleCubic, 4, 5), [26.6, 63.4]);
        // (111) is not seen along [001].
        assert!(degrees(Lattice::SimpleCubic, 4, 3).is_empty());
        // Along [111] of BCC: (110) and, between, (211).
        let (first, third) = (
            degrees(Lattice::BodyCentred, 6, 2),
            degrees(Lattice::BodyCentred, 6, 6),
        );
        assert_eq!((first.len(), third.len()), (1, 1));
        assert!(((first[0] - third[0]).abs() - 30.0).abs() < 0.2);
        assert_eq!(directions_rad(Lattice::FaceCentred, 4, 3), None);
    }
}
