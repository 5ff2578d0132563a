//! What is true of a simulated frame: where it comes from, what is on it and how well it can be seen.
//!
//! A truth holds numbers, not decisions: the signal-to-noise ratio of every component and of every
//! order of a ring, on the expected counts after everything that stands in the way. Tags follow from
//! the numbers by [`LabelRules`], so thresholds can be moved without another simulation.
//! A truth is one line of JSON, and can be read back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::{Experiment, Exposed, Ingredient};
use crate::feature::{Azimuth, Role};
use crate::instrument::StopKind;
use crate::label::LabelRules;
use crate::scene::Technique;
use crate::sequence::Event;
use crate::simulation::Origin;
use crate::visibility::{ComponentVisibility, Visibility};

/// What is true of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Which frame of the simulation.
    pub frame: usize,
    /// The technique.
    pub technique: Technique,
    /// The experiment: frames of one experiment share instrument and sample.
    pub experiment: String,
    /// The detector.
    pub detector: String,
    /// What a user may want to know as a number; names end with their unit.
    ///
    /// Of the sample what it has (`q_star_inv_nm`, `d_spacing_nm`, `radius_nm`, …), and of every frame
    /// `beam_row_px`, `beam_column_px`, `distance_m`, `wavelength_m`, `exposure_s` and, at grazing
    /// incidence, `incident_angle_rad`; of a frame of a series `progress` and `beam_intensity`.
    pub values: BTreeMap<String, f64>,
    /// What the frame is made of.
    pub components: Vec<ComponentTruth>,
    /// What concerns the whole image.
    pub image: ImageTruth,
    /// The tags of the whole tree that hold, as `features.main.ring: isotropic`, in alphabetical order.
    pub tree: Vec<String>,
    /// What happens in the series that the frame belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// By which rules tags are decided.
    #[serde(default, skip_serializing_if = "LabelRules::is_default")]
    pub rules: LabelRules,
}

/// What is true of one component of a frame.
///
/// The signal-to-noise ratios are those of somebody who knows all the rest (`snr`), or only the shapes
/// of the rest (`snr_apart`); see the module `visibility` in the source for formulas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentTruth {
    /// What it is called.
    pub name: String,
    /// Its kind.
    pub role: Role,
    /// Whether it has a structure factor other than 1.
    #[serde(default, skip_serializing_if = "is_false")]
    pub structure: bool,
    /// The name of its lattice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lattice: Option<String>,
    /// Where its orders lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders_inv_nm: Vec<f64>,
    /// Full width at half maximum of the first order over its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fwhm_over_q: Option<f64>,
    /// How its brightness depends on the direction.
    #[serde(default, skip_serializing_if = "Azimuth::is_isotropic")]
    pub azimuth: Azimuth,
    /// Expected counts a valid pixel.
    pub mean_counts: f64,
    /// Signal to noise where all the rest is known.
    pub snr: f64,
    /// Signal to noise where only the shapes of the rest are known.
    pub snr_apart: f64,
    /// That of each order against its local continuum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub snr_orders: Vec<f64>,
    /// That of what depends on the direction.
    pub snr_azimuth: f64,
    /// That of what rises again with q after it fell.
    pub snr_fringes: f64,
}

/// What concerns a whole image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with a name"
)]
pub struct ImageTruth {
    /// Pixels that the mask lets through.
    pub valid_pixels: usize,
    /// Expected counts a valid pixel.
    pub mean_counts: f64,
    /// Those that do not come from the sample.
    pub background_counts: f64,
    /// The median over the pixels of the share that does not come from the sample.
    pub background_share: f64,
    /// Signal to noise of all that comes from the sample.
    pub snr_sample: f64,
    /// Signal to noise of all low-q diffuse scattering, apart from the rest.
    pub snr_diffuse_low: f64,
    /// Signal to noise of all high-q diffuse scattering, apart from the rest.
    pub snr_diffuse_high: f64,
    /// Whether the direct beam meets the image.
    pub beam_on_image: bool,
    /// Whether up in the laboratory runs along the columns of the image, either way; else it lies.
    pub upright: bool,
    /// The kind of the beamstop.
    pub stop: StopKind,
    /// Pixels in its shadow.
    pub shadow_pixels: usize,
    /// Signal to noise of the shadow: of the counts that are missing there.
    pub snr_shadow: f64,
    /// Valid pixels that expect more than the detector can count.
    pub saturated_pixels: usize,
    /// How many zingers to expect.
    pub zingers: f64,
    /// Whether a window between sample and detector is too small for the image.
    pub window_obstruction: bool,
    /// Whether a holder or the end of a tube shades the image.
    pub blocked: bool,
}

impl Truth {
    pub(crate) fn of(
        frame: usize,
        origin: Origin,
        experiment: &Experiment,
        exposed: &Exposed,
        rules: &LabelRules,
    ) -> Self {
        let seen = Visibility::of(experiment, exposed);
        let instrument = &experiment.instrument;
        let geometry = &instrument.geometry;
        let nuisance = instrument.nuisance();
        let mut values: BTreeMap<String, f64> = exposed
            .known
            .values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        for (name, value) in [
            ("beam_row_px", Some(instrument.centre.row)),
            ("beam_column_px", Some(instrument.centre.column)),
            ("distance_m", Some(geometry.distance_m)),
            ("wavelength_m", Some(geometry.wavelength_m)),
            ("exposure_s", Some(exposed.exposure_s)),
            ("incident_angle_rad", geometry.incident_angle_rad),
        ] {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        }
        let mut truth = Self {
            frame,
            technique: origin.technique,
            experiment: origin.experiment,
            detector: origin.detector,
            values,
            components: exposed
                .known
                .components
                .iter()
                .zip(&seen.components)
                .map(|(ingredient, seen)| ComponentTruth::of(ingredient, seen))
                .collect(),
            image: ImageTruth {
                valid_pixels: seen.valid_pixels,
                mean_counts: rounded(seen.mean_counts),
                background_counts: rounded(seen.background_counts),
                background_share: seen.background_share,
                snr_sample: rounded(seen.snr_sample),
                snr_diffuse_low: rounded(seen.snr_diffuse[0]),
                snr_diffuse_high: rounded(seen.snr_diffuse[1]),
                beam_on_image: instrument.beam_on_image(),
                upright: instrument.rays.up().0.abs() >= instrument.rays.up().1.abs(),
                stop: seen.stop,
                shadow_pixels: seen.shadow_pixels,
                snr_shadow: rounded(seen.snr_shadow),
                saturated_pixels: seen.saturated_pixels,
                zingers: rounded(
                    nuisance.zingers_per_s
                        * exposed.exposure_s
                        * (nuisance.rows * nuisance.columns) as f64,
                ),
                window_obstruction: nuisance.window,
                blocked: nuisance.rim || nuisance.holder,
            },
            tree: Vec::new(),
            events: experiment.events().to_vec(),
            rules: rules.clone(),
        };
        truth.tree = truth.grow_tree();
        truth
    }

    /// The components of one kind.
    pub(crate) fn components_with(&self, role: Role) -> impl Iterator<Item = &ComponentTruth> {
        self.components
            .iter()
            .filter(move |component| self.role_of(component) == role)
    }

    /// The kind of a component as it is seen: a broad first order with three or more further orders,
    /// all of the same width, belongs to rings.
    pub(crate) fn role_of(&self, component: &ComponentTruth) -> Role {
        let threshold = self.rules.visible_snr.high;
        let visible = component.snr_orders.iter().filter(|snr| **snr >= threshold);
        if component.role == Role::Halo
            && component.orders_inv_nm.len() > MOST_HALOS
            && visible.count() >= MOST_HALOS
        {
            Role::Ring
        } else {
            component.role
        }
    }
}

/// How many peaks an amorphous substance has at most.
const MOST_HALOS: usize = 3;

impl ComponentTruth {
    fn of(ingredient: &Ingredient, seen: &ComponentVisibility) -> Self {
        let features = &ingredient.features;
        let first = &features[0];
        let mut orders: Vec<f64> = features
            .iter()
            .flat_map(|feature| feature.orders_inv_nm.iter().map(|&q| rounded(q)))
            .collect();
        orders.sort_by(f64::total_cmp);
        let with_orders = features
            .iter()
            .find(|feature| !feature.orders_inv_nm.is_empty());
        Self {
            name: ingredient.name.to_owned(),
            role: first.role,
            structure: features.iter().any(|feature| feature.structure),
            lattice: first.lattice.map(str::to_owned),
            orders_inv_nm: orders,
            fwhm_over_q: with_orders
                .map(|feature| rounded(feature.fwhm_inv_nm / feature.orders_inv_nm[0])),
            azimuth: features
                .iter()
                .map(|feature| feature.azimuth)
                .find(|azimuth| *azimuth != Azimuth::Isotropic)
                .unwrap_or_default(),
            mean_counts: rounded(seen.mean_counts),
            snr: rounded(seen.snr),
            snr_apart: rounded(seen.snr_apart),
            snr_orders: seen.snr_orders.iter().map(|&snr| rounded(snr)).collect(),
            snr_azimuth: rounded(seen.snr_azimuth),
            snr_fringes: rounded(seen.snr_fringes),
        }
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// To four digits: a truth is a line that people read, and no threshold is finer.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10.0_f64.powi(3 - value.abs().log10().floor() as i32);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        assert_eq!(rounded(123_456.0), 123_500.0);
        assert_eq!(rounded(-0.001_234_56), -0.001_235);
        assert_eq!(rounded(0.0), 0.0);
    }
}
