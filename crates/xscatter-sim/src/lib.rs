#![doc = include_str!("../README.md")]

mod curve;
pub mod diffuse;
mod draw;
mod experiment;
mod feature;
pub mod form_factor;
pub mod grazing;
mod instrument;
mod label;
pub mod lattice;
pub mod noise;
pub mod obstacle;
mod pattern;
pub mod powder;
mod preset;
mod quadrature;
mod rays;
mod scene;
mod simulation;
pub mod structure_factor;
mod tag_tree;
mod tags;
pub mod texture;
mod truth;
mod visibility;

pub use draw::Interval;
pub use feature::{Azimuth, Role};
pub use instrument::StopKind;
pub use label::{LabelRules, tags_of};
pub use preset::{Preset, UnknownPreset};
pub use scene::{Ranges, SceneConfig, TagScene, Technique, TechniqueScene, UnknownTechnique};
pub use simulation::{Component, Origin, SimError, Simulation, SimulationConfig};
pub use tags::{TagSet, UnknownTagSet};
pub use truth::{ComponentTruth, ImageTruth, Truth};
