//! From what is true of a frame to its tags: the rules.
//!
//! A tag says what can be seen on the image, not what was drawn. Each rule looks at the
//! signal-to-noise ratios of a [`Truth`] after everything that stands in the way, and has three
//! answers: present, absent, and unknown where even an expert could not tell. A classifier must not be
//! trained or scored on the last.
//!
//! | tag | present if |
//! |---|---|
//! | Ring, Halo | an order with FWHM/q₀ < 0.25, or ≥ 0.25, stands out of its continuum |
//! | Higher orders, Many rings | 2 orders of one component do; 5 orders of all rings together |
//! | BCC | the 7th order of the lattice does: the first six are also those of SC |
//! | FCC | 3 orders of the lattice do |
//! | Diffuse low-q, high-q | the scattering differs from all other smooth components and from a constant |
//! | Structure factor | a ring, a halo or another component with a structure factor can be seen |
//! | Polycrystalline | a ring of a countable number of grains can be seen, and seen to be uneven |
//! | Strong, Weak | so many counts a pixel that come from the sample, weighted by its share |
//! | High background | more than half of the counts in the middle pixel, and many of them |
//! | beamstops | pixels in the shadow, and counts missing there |
//! | Beam Off Image | the direct beam does not meet the image: geometry alone |
//!
//! Unknown as well: low-q diffuse scattering where only a form factor without visible fringes or the
//! flank of a halo is there, and BCC where an SC lattice does not show its seventh order.
//!
//! Thresholds are intervals: below the lower end a tag is absent, above the upper end present.

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{TagState, Tags};

use crate::draw::Interval;
use crate::feature::{Azimuth, Role};
use crate::instrument::StopKind;
use crate::simulation::SimError;
use crate::tags::{Count, Tag, TagSet};
use crate::truth::{ComponentTruth, Truth};

/// From when on a tag holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelRules {
    /// Signal to noise of what can be seen.
    pub visible_snr: Interval,
    /// How many visible orders are higher orders.
    pub higher_orders: usize,
    /// How many visible rings are many.
    pub many_rings: usize,
    /// How many visible orders tell FCC from other lattices.
    pub fcc_orders: usize,
    /// Which order has to be visible to tell BCC from SC, from 1.
    pub bcc_order: usize,
    /// Counts a pixel from the sample, weighted by its share, of strong scattering.
    pub strong_counts: Interval,
    /// The same below which scattering is weak.
    pub weak_counts: Interval,
    /// Share of the surroundings in the middle pixel, of high background.
    pub background_share: Interval,
    /// Counts a pixel of high background.
    pub background_counts: Interval,
    /// Pixels that the shadow of a beamstop takes at least.
    pub shadow_pixels: usize,
    /// How many grains make a polycrystalline ring rather than single large grains or a powder.
    pub polycrystalline_grains: Interval,
}

impl Default for LabelRules {
    fn default() -> Self {
        Self {
            visible_snr: Interval::new(5.0, 15.0),
            higher_orders: 2,
            many_rings: 5,
            fcc_orders: 3,
            bcc_order: 7,
            strong_counts: Interval::new(5.0, 15.0),
            weak_counts: Interval::new(0.1, 0.25),
            background_share: Interval::new(0.45, 0.55),
            background_counts: Interval::new(5.0, 10.0),
            shadow_pixels: 30,
            polycrystalline_grains: Interval::new(10.0, 500.0),
        }
    }
}

impl LabelRules {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses thresholds that cannot be, by the name of the parameter.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        for (name, interval, high) in [
            ("visible_snr", self.visible_snr, 1e6),
            ("strong_counts", self.strong_counts, 1e9),
            ("weak_counts", self.weak_counts, 1e9),
            ("background_share", self.background_share, 1.0),
            ("background_counts", self.background_counts, 1e9),
            ("polycrystalline_grains", self.polycrystalline_grains, 1e9),
        ] {
            interval.check(&format!("labels.{name}"), 0.0, high)?;
        }
        for (name, count) in [
            ("higher_orders", self.higher_orders),
            ("many_rings", self.many_rings),
            ("fcc_orders", self.fcc_orders),
            ("bcc_order", self.bcc_order),
        ] {
            if count == 0 {
                return Err(SimError::parameter(
                    format!("labels.{name}"),
                    "at least 1",
                    count,
                ));
            }
        }
        Ok(())
    }
}

/// Present above the interval, absent below.
fn above(value: f64, interval: Interval) -> TagState {
    if value >= interval.high {
        TagState::Positive
    } else if value < interval.low {
        TagState::Negative
    } else {
        TagState::Unknown
    }
}

fn not(state: TagState) -> TagState {
    match state {
        TagState::Positive => TagState::Negative,
        TagState::Negative => TagState::Positive,
        TagState::Unknown => TagState::Unknown,
    }
}

/// Present if one of them is.
fn any(states: impl IntoIterator<Item = TagState>) -> TagState {
    states
        .into_iter()
        .fold(TagState::Negative, |one, other| match (one, other) {
            (TagState::Positive, _) | (_, TagState::Positive) => TagState::Positive,
            (TagState::Negative, TagState::Negative) => TagState::Negative,
            _ => TagState::Unknown,
        })
}

/// Present if all of them are.
fn all(states: impl IntoIterator<Item = TagState>) -> TagState {
    not(any(states.into_iter().map(not)))
}

fn known(state: bool) -> TagState {
    if state {
        TagState::Positive
    } else {
        TagState::Negative
    }
}

/// Unknown where it would be present.
fn at_most_unknown(state: TagState) -> TagState {
    match state {
        TagState::Negative => TagState::Negative,
        _ => TagState::Unknown,
    }
}

impl Truth {
    /// The states of the tags of a set, in the order of [`TagSet::names`].
    pub fn tags(&self, set: TagSet) -> Vec<TagState> {
        set.entries()
            .iter()
            .map(|(_, tag)| self.tag(*tag))
            .collect()
    }

    pub(crate) fn tag(&self, tag: Tag) -> TagState {
        let rules = &self.rules;
        let image = &self.image;
        match tag {
            Tag::BeamOff => known(!image.beam_on_image),
            Tag::Stop(kind) => self.stop(kind),
            Tag::DiffuseLow => self.diffuse_low(),
            Tag::DiffuseLowIsotropic => any(self
                .components_with(Role::DiffuseLow)
                .map(|c| all([self.seen_apart(c), known(c.azimuth.is_isotropic())]))),
            Tag::DiffuseHigh => {
                let present = self.components_with(Role::DiffuseHigh);
                self.diffuse(present, image.snr_diffuse_high)
            }
            Tag::Peaks(role) => any(self.components_with(role).map(|c| self.peaks(c))),
            Tag::Isotropic(role) => any(self
                .components_with(role)
                .map(|c| all([self.peaks(c), not(self.uneven(c))]))),
            Tag::Anisotropic(role) => any(self
                .components_with(role)
                .map(|c| all([self.peaks(c), self.uneven(c)]))),
            Tag::Symmetry(role, fold) => self.symmetry(role, fold),
            Tag::Fold(n) => any([Role::Ring, Role::Halo].map(|role| self.symmetry(role, Some(n)))),
            Tag::RingOutOfPlane => any(self.components_with(Role::Ring).map(|c| {
                all([
                    self.peaks(c),
                    self.uneven(c),
                    known(self.oriented(c) == Some(Oriented::OutOfPlane)),
                ])
            })),
            Tag::RingSpotted => any(self.components_with(Role::Ring).map(|c| {
                let few = match c.azimuth {
                    Azimuth::Grains { count, .. } => {
                        (count as f64) < rules.polycrystalline_grains.low
                    }
                    _ => false,
                };
                all([self.peaks(c), self.uneven(c), known(few)])
            })),
            Tag::Orders(Count::Higher) => any(self
                .components_with(Role::Ring)
                .map(|c| self.at_least(rules.higher_orders, &c.snr_orders))),
            Tag::Orders(Count::Many) => {
                let orders: Vec<f64> = self
                    .components_with(Role::Ring)
                    .flat_map(|c| c.snr_orders.iter().copied())
                    .collect();
                self.at_least(rules.many_rings, &orders)
            }
            Tag::Bcc => any([
                self.lattice(BCC, |c| self.shows(c, rules.bcc_order)),
                at_most_unknown(any(self.on_lattice(SC).map(|c| {
                    all([
                        self.at_least(rules.higher_orders, &c.snr_orders),
                        not(self.shows(c, rules.bcc_order)),
                    ])
                }))),
            ]),
            Tag::Fcc => self.lattice(FCC, |c| self.at_least(rules.fcc_orders, &c.snr_orders)),
            Tag::Hexagonal => self.lattice("hexagonal", |c| {
                self.at_least(rules.higher_orders, &c.snr_orders)
            }),
            Tag::Lamellar => self.lattice("lamellar", |c| {
                self.at_least(rules.higher_orders, &c.snr_orders)
            }),
            Tag::HighBackground => all([
                above(image.background_share, rules.background_share),
                above(image.background_counts, rules.background_counts),
            ]),
            Tag::Strong => above(self.sample_counts(), rules.strong_counts),
            Tag::Weak => not(above(self.sample_counts(), rules.weak_counts)),
            Tag::Polycrystalline => any(self.components.iter().map(|c| match c.azimuth {
                Azimuth::Grains { count, .. } => {
                    let band = rules.polycrystalline_grains;
                    let within = (band.low..=band.high).contains(&(count as f64));
                    all([known(within), self.peaks(c), self.uneven(c)])
                }
                _ => TagState::Negative,
            })),
            Tag::StructureFactor => any(self
                .components
                .iter()
                .filter(|c| c.structure)
                .map(|c| self.peaks(c))),
        }
    }

    /// Counts a pixel that come from the sample, weighted by its share of the pixel: SNR²/pixels.
    pub fn sample_counts(&self) -> f64 {
        self.image.snr_sample.powi(2) / self.image.valid_pixels.max(1) as f64
    }

    fn stop(&self, kind: StopKind) -> TagState {
        let image = &self.image;
        if image.stop != kind || image.shadow_pixels < self.rules.shadow_pixels {
            return TagState::Negative;
        }
        above(image.snr_shadow, self.rules.visible_snr)
    }

    fn seen_apart(&self, component: &ComponentTruth) -> TagState {
        self.diffuse([component], component.snr_apart)
    }

    /// Present if it can be told from the rest; unknown if only somebody who knows the rest sees it.
    fn diffuse<'a>(
        &self,
        components: impl IntoIterator<Item = &'a ComponentTruth>,
        snr_apart: f64,
    ) -> TagState {
        let alone = components.into_iter().map(|c| c.snr).fold(0.0, f64::max);
        any([
            above(snr_apart, self.rules.visible_snr),
            at_most_unknown(above(alone, self.rules.visible_snr)),
        ])
    }

    fn diffuse_low(&self) -> TagState {
        let present = self.components_with(Role::DiffuseLow);
        let own = self.diffuse(present, self.image.snr_diffuse_low);
        let like_it = self.components.iter().map(|c| match self.role_of(c) {
            // A form factor without fringes is Guinier's law.
            Role::FormFactor => all([
                above(c.snr, self.rules.visible_snr),
                not(above(c.snr_fringes, self.rules.visible_snr)),
            ]),
            Role::Halo => all([above(c.snr, self.rules.visible_snr), not(self.peaks(c))]),
            _ => TagState::Negative,
        });
        any([own, at_most_unknown(any(like_it))])
    }

    /// Whether a peak of the component, or the component if it has none, stands out.
    pub(crate) fn peaks(&self, component: &ComponentTruth) -> TagState {
        let strongest = component
            .snr_orders
            .iter()
            .copied()
            .reduce(f64::max)
            .unwrap_or(component.snr_apart);
        above(strongest, self.rules.visible_snr)
    }

    /// Whether a component can be seen to depend on the direction.
    pub(crate) fn uneven(&self, component: &ComponentTruth) -> TagState {
        if component.azimuth.is_isotropic() {
            return TagState::Negative;
        }
        above(component.snr_azimuth, self.rules.visible_snr)
    }

    pub(crate) fn at_least(&self, count: usize, snr: &[f64]) -> TagState {
        let beyond = |threshold: f64| snr.iter().filter(|snr| **snr >= threshold).count();
        if beyond(self.rules.visible_snr.high) >= count {
            TagState::Positive
        } else if beyond(self.rules.visible_snr.low) >= count {
            TagState::Unknown
        } else {
            TagState::Negative
        }
    }

    /// Whether one order, counted from 1, stands out.
    fn shows(&self, component: &ComponentTruth, order: usize) -> TagState {
        let snr = component.snr_orders.get(order - 1).copied();
        above(snr.unwrap_or(0.0), self.rules.visible_snr)
    }

    fn on_lattice(&self, name: &str) -> impl Iterator<Item = &ComponentTruth> {
        self.components
            .iter()
            .filter(move |c| c.lattice.as_deref() == Some(name))
    }

    /// Whether a lattice shows enough to be told from others; unknown if it shows anything.
    fn lattice(&self, name: &str, is_told: impl Fn(&ComponentTruth) -> TagState) -> TagState {
        any(self
            .on_lattice(name)
            .map(|c| any([is_told(c), at_most_unknown(self.peaks(c))])))
    }

    fn symmetry(&self, role: Role, fold: Option<u32>) -> TagState {
        any(self.components_with(role).map(|c| match c.azimuth {
            Azimuth::Fold { n, .. } if fold.is_none_or(|fold| fold == n) => {
                all([self.peaks(c), self.uneven(c)])
            }
            _ => TagState::Negative,
        }))
    }
}

/// The lattices as parts name them.
pub(crate) const SC: &str = "simple cubic";
pub(crate) const BCC: &str = "body-centred cubic";
pub(crate) const FCC: &str = "face-centred cubic";

/// Where the maxima of a two-fold component lie on the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oriented {
    OutOfPlane,
    InPlane,
    Other,
}

impl Truth {
    /// Within 15 degrees of the vertical or of the horizontal of the image, or neither; `None` if it
    /// is not two-fold.
    pub(crate) fn oriented(&self, component: &ComponentTruth) -> Option<Oriented> {
        let Azimuth::Fold { n: 2, chi0_rad, .. } = component.azimuth else {
            return None;
        };
        let upright = if self.image.upright {
            chi0_rad.sin().abs()
        } else {
            chi0_rad.cos().abs()
        };
        Some(if upright > 75.0_f64.to_radians().sin() {
            Oriented::OutOfPlane
        } else if upright < 15.0_f64.to_radians().sin() {
            Oriented::InPlane
        } else {
            Oriented::Other
        })
    }
}

/// The tags of many frames as a target for learning.
///
/// # Panics
/// Never: every truth has all tags of a set.
pub fn tags_of(truths: &[Truth], set: TagSet) -> Tags {
    let names = set.names();
    let states: Vec<TagState> = truths.iter().flat_map(|truth| truth.tags(set)).collect();
    let states = Array2::from_shape_vec((truths.len(), names.len()), states)
        .expect("as many states as names for each truth");
    Tags::new(names.into_iter().map(Into::into).collect(), states)
        .expect("as many columns as names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use TagState::{Negative, Positive, Unknown};

    #[test]
    fn what_nobody_knows_stays_unknown_unless_it_does_not_matter() {
        assert_eq!(any([Negative, Unknown]), Unknown);
        assert_eq!(any([Positive, Unknown]), Positive);
        assert_eq!(all([Negative, Unknown]), Negative);
        assert_eq!(all([Positive, Unknown]), Unknown);
        assert_eq!(any([]), Negative);
        assert_eq!(above(7.0, Interval::new(5.0, 15.0)), Unknown);
    }
}
