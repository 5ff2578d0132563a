//! Which crystal an experiment has in the beam, and how sharp its reflections are.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::super::View;
use crate::crystal::{Atom, CellConfig, Crystal, Element, Reflection, Substance, UnitCell};
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::powder::{Caglioti, Ring, Width, WidthConfig};

/// Beyond so many reflections a pattern is a continuum.
const MOST_REFLECTIONS: f64 = 3000.0;

/// A crystal and what it diffracts onto the detector.
#[derive(Debug, Clone)]
pub(in crate::scene) struct Specimen {
    pub(in crate::scene) crystal: Crystal,
    /// In the order of q, Friedel mates once.
    pub(in crate::scene) reflections: Vec<Reflection>,
    pub(in crate::scene) rings: Vec<Ring>,
}

impl Specimen {
    pub(in crate::scene) fn new(view: &View, crystal: Crystal) -> Self {
        let fewer = (12.0 * PI * PI * MOST_REFLECTIONS / crystal.cell().volume_nm3()).cbrt();
        let reflections = crystal
            .reflections(view.q_max_inv_nm.min(90.0).min(fewer))
            .expect("the range is limited to fewer reflections");
        let rings = Ring::of(&reflections);
        Self {
            crystal,
            reflections,
            rings,
        }
    }

    pub(in crate::scene) fn known(view: &View, rng: &mut ChaCha8Rng, of: &[Substance]) -> Self {
        Self::new(view, of[whole(rng, 0, of.len() - 1)].crystal())
    }

    /// One of which the detector sees something: an experimenter would have moved it otherwise.
    pub(in crate::scene) fn seen(
        view: &View,
        rng: &mut ChaCha8Rng,
        mut draw: impl FnMut(&mut ChaCha8Rng) -> Self,
    ) -> Self {
        const TRIES: usize = 5;
        let mut specimen = draw(rng);
        for _ in 1..TRIES {
            let visible = view.q_low_inv_nm..0.9 * view.q_high_inv_nm;
            if specimen
                .rings
                .iter()
                .any(|ring| visible.contains(&ring.q_inv_nm))
            {
                break;
            }
            specimen = draw(rng);
        }
        specimen
    }

    /// A cell that nobody has seen, with atoms anywhere in it.
    pub(in crate::scene) fn invented(view: &View, rng: &mut ChaCha8Rng) -> Self {
        let a_nm = log_uniform(rng, 0.3, 1.1);
        let b_nm = if chance(rng, 0.5) {
            a_nm
        } else {
            a_nm * log_uniform(rng, 0.6, 1.6)
        };
        let c_nm = if chance(rng, 0.4) {
            a_nm
        } else {
            a_nm * log_uniform(rng, 0.6, 2.0)
        };
        let mut cell = CellConfig::orthorhombic(a_nm, b_nm, c_nm);
        if chance(rng, 0.2) {
            cell.beta_deg = uniform(rng, 91.0, 115.0);
        }
        Self::new(view, filled(rng, cell, 12))
    }

    /// A cell of nanometres, as proteins have.
    pub(in crate::scene) fn macromolecule(view: &View, rng: &mut ChaCha8Rng) -> Self {
        let a_nm = log_uniform(rng, 2.5, 6.0);
        let cell = CellConfig::orthorhombic(
            a_nm,
            a_nm * log_uniform(rng, 0.8, 1.4),
            a_nm * log_uniform(rng, 0.6, 1.8),
        );
        let crystal = filled(rng, cell, 16);
        let q_max = view.q_max_inv_nm.min(20.0);
        let reflections = crystal
            .reflections(q_max)
            .expect("a cell of at most 600 nm³ has fewer reflections");
        Self {
            rings: Vec::new(),
            crystal,
            reflections,
        }
    }

    /// The rings that can stand out between both ends of the image, in the order of q.
    pub(in crate::scene) fn strong(&self, view: &View, width: &Width, most: usize) -> Vec<usize> {
        let mut strong: Vec<(usize, f64)> = self
            .rings
            .iter()
            .enumerate()
            .filter(|(_, ring)| {
                ring.q_inv_nm > view.q_low_inv_nm && ring.q_inv_nm < view.q_max_inv_nm
            })
            .map(|(index, ring)| (index, ring.intensity(ring.q_inv_nm, width)))
            .collect();
        strong.sort_by(|a, b| b.1.total_cmp(&a.1));
        let least = strong.first().map_or(0.0, |first| 0.003 * first.1);
        strong.truncate(most);
        let mut indices: Vec<usize> = strong
            .into_iter()
            .filter(|&(_, peak)| peak > least)
            .map(|(index, _)| index)
            .collect();
        indices.sort_unstable();
        indices
    }

    /// Those of the strong rings that one can tell from each other, in the order of q.
    pub(in crate::scene) fn orders(&self, view: &View, width: &Width, most: usize) -> Vec<f64> {
        let mut strong: Vec<&Ring> = self
            .strong(view, width, most)
            .into_iter()
            .map(|index| &self.rings[index])
            .collect();
        let peak = |ring: &Ring| ring.intensity(ring.q_inv_nm, width);
        strong.sort_by(|a, b| peak(b).total_cmp(&peak(a)));
        let mut orders: Vec<f64> = Vec::new();
        for ring in strong {
            let q = ring.q_inv_nm;
            // Nearer than this a weaker ring is a shoulder.
            let apart = 0.8 * width.fwhm_inv_nm(q);
            if orders.iter().all(|order| (order - q).abs() > apart) {
                orders.push(q);
            }
        }
        orders.sort_by(f64::total_cmp);
        orders
    }

    /// The reflections of a ring.
    pub(in crate::scene) fn of_ring(&self, ring: &Ring) -> &[Reflection] {
        let near = 1e-8 * ring.q_inv_nm;
        let from = self
            .reflections
            .partition_point(|r| r.q_inv_nm < ring.q_inv_nm - near);
        let to = self
            .reflections
            .partition_point(|r| r.q_inv_nm <= ring.q_inv_nm + near);
        &self.reflections[from..to]
    }
}

/// One or two elements, scattered over the cell.
fn filled(rng: &mut ChaCha8Rng, cell: CellConfig, most: usize) -> Crystal {
    let elements: Vec<Element> = Element::all().collect();
    let kinds = [(); 2].map(|()| elements[whole(rng, 0, elements.len() - 1)]);
    let b_nm2 = log_uniform(rng, 0.003, 0.05);
    let atoms = (0..whole(rng, 1, most))
        .map(|index| Atom {
            element: kinds[index % 2],
            fraction: [(); 3].map(|()| uniform(rng, 0.0, 1.0)),
            occupancy: 1.0,
            b_nm2,
        })
        .collect();
    let cell = UnitCell::new(cell).expect("axes and angles are drawn from possible ones");
    Crystal::new(cell, atoms).expect("every atom is in range")
}

/// How sharp: crystallites, strain, the pixels and the energies of the beam.
pub(in crate::scene) fn draw_width(view: &View, rng: &mut ChaCha8Rng) -> WidthConfig {
    let size_nm = log_uniform(rng, 4.0, 300.0);
    let strain = log_uniform(rng, 3e-4, 1e-2);
    let pixels = uniform(rng, 1.5, 4.0);
    let lorentzian_share = uniform(rng, 0.0, 1.0);
    let band = log_uniform(rng, 1e-4, 2e-3);
    WidthConfig {
        size_nm,
        strain,
        disorder_nm: 0.0,
        instrument: Caglioti {
            u_rad2: 4.0 * band * band,
            v_rad2: 0.0,
            w_rad2: (pixels * view.pixel_rad).powi(2),
        },
        k_inv_nm: view.k_inv_nm,
        lorentzian_share,
    }
}

/// A width of these parts.
pub(in crate::scene) fn width_of(config: WidthConfig) -> Width {
    Width::new(config).expect("sizes are drawn above zero and everything else from zero on")
}
