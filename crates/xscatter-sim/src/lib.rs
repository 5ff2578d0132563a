#![doc = include_str!("../README.md")]

pub mod amorphous;
mod around;
pub mod crystal;
mod curve;
pub mod diffuse;
mod direction;
mod draw;
mod experiment;
mod feature;
pub mod form_factor;
mod fourier;
pub mod grazing;
mod instrument;
mod label;
pub mod lattice;
mod mesostructure;
pub mod noise;
pub mod obstacle;
pub mod orientation;
mod pattern;
mod plane;
pub mod powder;
mod preset;
mod quadrature;
mod rays;
mod scene;
mod sequence;
mod simulation;
mod speckle;
mod spot;
pub mod structure_factor;
mod tag_tree;
mod tags;
pub mod texture;
mod truth;
mod visibility;

pub use draw::Interval;
pub use feature::{Azimuth, Role};
pub use instrument::{
    CameraRanges, Conceptual, CounterRanges, DefectRanges, DetectorChoice, DirectBeamRanges,
    ExtraNoise, GainRanges, InstrumentRanges, Nuisance, PoseNuisance, ReadoutError, Severity,
    SeverityError, ShadowRanges, SpreadRanges, StopKind, StopRanges,
};
pub use label::{LabelRules, tags_of};
pub use preset::{Preset, UnknownPreset};
pub use scene::{
    Calibrant, CalibrantScene, CentreRanges, KindWeights, LatticeRanges, LatticeWeights,
    ParticleRanges, Ranges, SampleScene, SceneConfig, TagScene, Technique, TechniqueScene,
    UnknownTechnique,
};
pub use sequence::{Event, SequenceKind, SequenceScene};
pub use simulation::{Component, Origin, SimError, Simulation, SimulationConfig};
pub use tags::{TagSet, UnknownTagSet};
pub use truth::{ComponentTruth, ImageTruth, Truth};
