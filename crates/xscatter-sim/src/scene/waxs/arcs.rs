//! Rings with an azimuth each, in as few parts as their widths allow.
//!
//! A part with an azimuth for each of its orders costs one look-up a pixel however many rings it has,
//! but changes from one azimuth to the next halfway between two rings. Rings that are closer than
//! [`APART`] widths therefore go into different parts, which add up.

use super::super::View;
use crate::curve::Curve;
use crate::feature::{Azimuth, Feature};
use crate::pattern::Part;
use crate::powder::{Ring, Width};

/// Entries of a table of rings.
const ENTRIES: usize = 8192;

/// Where the tail of a textured ring ends, as a share of its peak.
const TAIL: f64 = 2e-4;

/// How many full widths at half maximum two rings of one part are apart.
const APART: f64 = 10.0;

/// A ring and how bright it is in each direction.
#[derive(Debug, Clone)]
pub(in crate::scene) struct Arc {
    /// Its strength is that of the whole ring.
    pub(in crate::scene) ring: Ring,
    /// With mean 1.
    pub(in crate::scene) azimuth: Curve,
    /// What it is to a label; read off where it says isotropic.
    pub(in crate::scene) kind: Azimuth,
}

/// All rings as a radial table, 1 at the largest value on the image.
pub(in crate::scene) fn radial(view: &View, rings: &[Ring], width: &Width) -> Curve {
    normalised(view, width.table(rings, 1.05 * view.q_max_inv_nm, ENTRIES)).0
}

/// The same without the far tails: between rings there is nothing to modulate. With the factor.
fn cut(view: &View, rings: &[Ring], width: &Width) -> (Curve, f64) {
    let end = 1.05 * view.q_max_inv_nm;
    let table = width.table(rings, end, ENTRIES);
    let dark = TAIL * f64::from(table.max());
    let cut = Curve::sample(0.0, end, ENTRIES, |q| {
        (f64::from(table.at(q as f32)) - dark).max(0.0)
    });
    normalised(view, cut)
}

fn normalised(view: &View, curve: Curve) -> (Curve, f64) {
    let largest = f64::from(curve.max_between(view.q_low_inv_nm, view.q_max_inv_nm));
    if largest > 0.0 {
        (curve.scaled(1.0 / largest), largest)
    } else {
        (curve, 0.0)
    }
}

/// Parts of this name for arcs in the order of q; `unit` is the intensity that has weight 1.
pub(in crate::scene) fn parts(
    view: &View,
    name: &'static str,
    arcs: Vec<Arc>,
    width: &Width,
    unit: f64,
) -> Vec<Part> {
    let mut groups: Vec<Vec<Arc>> = Vec::new();
    for arc in arcs {
        let q = arc.ring.q_inv_nm;
        let free = groups.iter_mut().find(|group| {
            group.last().is_none_or(|last| {
                let fwhm = width
                    .fwhm_inv_nm(q)
                    .max(width.fwhm_inv_nm(last.ring.q_inv_nm));
                q - last.ring.q_inv_nm > APART * fwhm
            })
        });
        match free {
            Some(group) => group.push(arc),
            None => groups.push(vec![arc]),
        }
    }
    groups
        .into_iter()
        .filter_map(|group| part(view, name, group, width, unit))
        .collect()
}

fn part(
    view: &View,
    name: &'static str,
    group: Vec<Arc>,
    width: &Width,
    unit: f64,
) -> Option<Part> {
    let rings: Vec<Ring> = group.iter().map(|arc| arc.ring).collect();
    let (radial, largest) = cut(view, &rings, width);
    let weight = largest / unit;
    // Also where there is nothing to compare with.
    if weight.is_nan() || weight < 1e-5 {
        return None;
    }
    let orders: Vec<f64> = rings.iter().map(|ring| ring.q_inv_nm).collect();
    let fwhm = width.fwhm_inv_nm(orders[0]);
    let strongest = (0..rings.len())
        .max_by(|&a, &b| {
            let peak = |index: usize| rings[index].intensity(orders[index], width);
            peak(a).total_cmp(&peak(b))
        })
        .unwrap_or(0);
    let (q, kind) = (orders[strongest], group[strongest].kind);
    let feature = Feature::peaks(orders, fwhm, kind);
    let curves = group.into_iter().map(|arc| arc.azimuth).collect();
    let part = Part::rings(name, weight, radial)
        .known_as(feature.clone())
        .textured_by_order(curves);
    if kind != Azimuth::Isotropic {
        return Some(part);
    }
    let azimuth = part.two_fold_at(q);
    Some(part.known_as(Feature { azimuth, ..feature }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::view;
    use super::super::width_of;
    use super::*;
    use crate::pattern::{Direction, azimuthal};
    use crate::powder::WidthConfig;

    fn arc(q_inv_nm: f64, towards_rad: f64) -> Arc {
        Arc {
            ring: Ring {
                q_inv_nm,
                multiplicity: 2,
                strength: q_inv_nm * q_inv_nm,
            },
            azimuth: azimuthal(1025, |chi| 1.0 + (2.0 * (chi - towards_rad)).cos()),
            kind: Azimuth::Isotropic,
        }
    }

    #[test]
    fn near_rings_add_up_and_far_ones_share_a_part() {
        let width = width_of(WidthConfig {
            size_nm: 20.0,
            ..Default::default()
        });
        let rings = [
            arc(10.0, 0.0),
            arc(10.5, 1.0),
            arc(20.0, 0.5),
            arc(20.4, 0.2),
        ];
        let top = rings[0].ring.intensity(10.0, &width);
        let parts = parts(&view(), "arcs", rings.to_vec(), &width, top);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].feature.orders_inv_nm, [10.0, 20.0]);
        for (q, chi) in [(10.0_f64, 0.3_f64), (10.2, -0.8), (20.1, 2.0), (20.4, 0.2)] {
            let towards = Direction::of(chi.cos() as f32, chi.sin() as f32);
            let found: f32 = parts.iter().map(|part| part.at(q as f32, towards)).sum();
            let expected: f64 = rings
                .iter()
                .map(|arc| arc.ring.intensity(q, &width) * f64::from(arc.azimuth.at(chi as f32)))
                .sum();
            assert!(
                (f64::from(found) - expected / top).abs() < 2e-3,
                "{q} {chi}"
            );
        }
    }

    #[test]
    fn what_is_not_on_the_image_makes_no_part() {
        let width = width_of(WidthConfig::default());
        assert!(parts(&view(), "arcs", vec![arc(80.0, 0.0)], &width, 1.0).is_empty());
        assert!(parts(&view(), "arcs", vec![arc(10.0, 0.0)], &width, f64::NAN).is_empty());
    }
}
