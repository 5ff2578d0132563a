//! The whole tag tree of a frame: the fine-grained vocabulary that the tag sets were taken from.
//!
//! A tag is written `group.sub: value`, such as `features.main.ring: isotropic`; it stands in the tree
//! if it is present (see [`label`](crate::label)), so unknown and absent are alike here.

use xscatter_core::TagState;

use crate::feature::{Azimuth, Role};
use crate::instrument::StopKind;
use crate::label::Oriented;
use crate::scene::Technique;
use crate::tags::{Count, Tag};
use crate::truth::{ComponentTruth, Truth};

impl Truth {
    /// All tags of the tree that are present, in alphabetical order.
    pub(crate) fn grow_tree(&self) -> Vec<String> {
        let mut tree = vec![
            format!(
                "experiment.measurement.{}",
                match self.technique {
                    Technique::Saxs => "TSAXS",
                    Technique::Waxs => "TWAXS",
                    Technique::Gisaxs => "GISAXS",
                    Technique::Giwaxs => "GIWAXS",
                }
            ),
            format!("instrumental.detector.{}", self.detector),
        ];
        for (tag, name) in [
            (Tag::BeamOff, "instrumental.beamstop.beam off image"),
            (
                Tag::Stop(StopKind::Linear),
                "instrumental.beamstop.linear beamstop",
            ),
            (
                Tag::Stop(StopKind::Circular),
                "instrumental.beamstop.circular beamstop",
            ),
            (
                Tag::Stop(StopKind::Wedge),
                "instrumental.beamstop.wedge beamstop",
            ),
            (Tag::StructureFactor, "image.general.structure factor"),
            (Tag::Strong, "image.general.strong scattering"),
            (Tag::Weak, "image.general.weak scattering"),
            (Tag::HighBackground, "features.other.high background"),
            (Tag::Orders(Count::Many), "features.variations.many rings"),
            (Tag::Polycrystalline, "sample.type.polycrystalline"),
            (Tag::Bcc, "sample.lattice.BCC"),
            (Tag::Fcc, "sample.lattice.FCC"),
            (Tag::Hexagonal, "sample.lattice.hexagonal"),
            (Tag::Lamellar, "sample.lattice.lamellar"),
        ] {
            if self.tag(tag) == TagState::Positive {
                tree.push(name.to_owned());
            }
        }
        if [Tag::Strong, Tag::Weak].map(|tag| self.tag(tag)) == [TagState::Negative; 2] {
            tree.push("image.general.intermediate scattering".into());
        }
        for (holds, name) in [
            (self.image.saturated_pixels > 0, "image.problem.saturation"),
            (self.image.zingers >= 1.0, "image.problem.zingers"),
            (
                self.image.window_obstruction,
                "image.problem.windowed obstruction",
            ),
            (self.image.blocked, "image.problem.blocked"),
            (
                self.experiment.starts_with("AgBh"),
                "substance.instrumental.AgBH",
            ),
        ] {
            if holds {
                tree.push(name.to_owned());
            }
        }
        tree.push(format!("image.measured.{}", self.measured()));
        for component in &self.components {
            self.grow_branch(component, &mut tree);
        }
        tree.sort_unstable();
        tree.dedup();
        tree
    }

    /// What the frame is a measurement of.
    fn measured(&self) -> &'static str {
        let of_sample = |c: &&ComponentTruth| c.role != Role::Surroundings;
        let beam =
            |c: &&ComponentTruth| c.name == "direct beam" && c.snr >= self.rules.visible_snr.high;
        let mut sample = self.components.iter().filter(of_sample);
        if sample.clone().any(|c| c.name.starts_with("calibrant")) {
            "standard"
        } else if sample.next().is_some() {
            "sample"
        } else if self.components.iter().any(|c| beam(&c)) {
            "direct"
        } else {
            "dark"
        }
    }

    fn grow_branch(&self, component: &ComponentTruth, tree: &mut Vec<String>) {
        // What surrounds the sample is a problem even where it is as flat as any background.
        if component.role == Role::Surroundings {
            if component.snr >= self.rules.visible_snr.high {
                grow_problem(component, tree);
            }
            return;
        }
        if self.peaks(component) != TagState::Positive {
            return;
        }
        let uneven = self.uneven(component) == TagState::Positive;
        match self.role_of(component) {
            Role::Ring => self.grow_ring(component, uneven, tree),
            Role::Halo => self.grow_texture("halo", component, uneven, tree),
            Role::DiffuseLow | Role::DiffuseHigh => {
                let name = if component.role == Role::DiffuseLow {
                    "diffuse low-q"
                } else {
                    "diffuse high-q"
                };
                let shape = if uneven { "anisotropic" } else { "isotropic" };
                tree.push(format!("features.main.{name}: {shape}"));
            }
            Role::FormFactor => {
                tree.push("image.general.form factor".into());
                if component.name.contains("sphere")
                    && component.snr_fringes >= self.rules.visible_snr.high
                {
                    tree.push("image.general.form factor: sphere".into());
                }
            }
            Role::Surroundings => {}
        }
        for (start, tag) in [
            ("mesostructure", "sample.type.mesostructure"),
            ("speckle", "features.other.coherent speckle"),
            ("coherent", "features.other.coherent speckle"),
            (
                "mesostructure: simple cubic",
                "sample.special.meso lattice SC",
            ),
        ] {
            if component.name.starts_with(start) {
                tree.push(tag.to_owned());
            }
        }
        if component.name.starts_with("mesostructure")
            && matches!(component.azimuth, Azimuth::Grains { count: 1, .. })
        {
            tree.push("sample.type.single crystal".into());
        }
    }

    fn grow_ring(&self, component: &ComponentTruth, uneven: bool, tree: &mut Vec<String>) {
        self.grow_texture("ring", component, uneven, tree);
        let visible = component
            .snr_orders
            .iter()
            .filter(|snr| **snr >= self.rules.visible_snr.high)
            .count();
        if visible >= self.rules.higher_orders {
            tree.push(format!("features.variations.higher orders: {visible}"));
        }
        if let Some(width) = component.fwhm_over_q {
            // The generator's limits of 0.025 and 0.1 are of the standard deviation.
            let width = width / 2.3548;
            let shape = shape_of(width < 0.025, width > 0.1);
            tree.push(format!("features.variations.ring: width: {shape}"));
        }
        if uneven && let Azimuth::Fold { eta, .. } = component.azimuth {
            let shape = shape_of(eta > 0.75, eta < 0.3);
            tree.push(format!(
                "features.variations.ring: orientation distribution: {shape}"
            ));
        }
        if component.name.starts_with("distorted") || component.name.starts_with("oval") {
            tree.push("features.variations.oval ring".into());
        }
    }

    /// How a ring or a halo depends on the direction.
    fn grow_texture(
        &self,
        name: &str,
        component: &ComponentTruth,
        uneven: bool,
        tree: &mut Vec<String>,
    ) {
        let mut main = |value: &str| tree.push(format!("features.main.{name}: {value}"));
        if !uneven {
            main("isotropic");
            return;
        }
        match component.azimuth {
            Azimuth::Isotropic => {}
            Azimuth::Fold { n, .. } => {
                main("anisotropic");
                match self.oriented(component) {
                    Some(Oriented::OutOfPlane) => main("oriented OOP"),
                    Some(Oriented::InPlane) => main("oriented IP"),
                    Some(Oriented::Other) => main("oriented other"),
                    None => {}
                }
                tree.push(format!("features.variations.symmetry {name}: {n}"));
                if matches!(n, 2 | 4 | 6) {
                    tree.push(format!("sample.lattice.symmetry: {n}"));
                }
            }
            Azimuth::Grains { count, .. } => {
                if (count as f64) < self.rules.polycrystalline_grains.low {
                    main("spotted");
                    tree.push("sample.type.large grains".into());
                } else {
                    main("textured");
                }
            }
        }
    }
}

fn shape_of(sharp: bool, broad: bool) -> &'static str {
    if sharp {
        "sharp"
    } else if broad {
        "broad"
    } else {
        "intermediate"
    }
}

/// What does not come from the sample.
fn grow_problem(component: &ComponentTruth, tree: &mut Vec<String>) {
    let name = component.name.as_str();
    if name.starts_with("windowed scattering") || name.starts_with("parasitic slit scattering") {
        tree.push(format!("image.problem.{name}"));
        if let Some((kind, _)) = name.split_once(':') {
            tree.push(format!("image.problem.{kind}"));
        }
    }
    if name.starts_with("background") {
        tree.push("features.other.background".into());
    }
}
