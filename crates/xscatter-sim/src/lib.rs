#![doc = include_str!("../README.md")]

mod curve;
pub mod diffuse;
mod draw;
mod feature;
pub mod form_factor;
pub mod grazing;
mod instrument;
pub mod lattice;
pub mod noise;
pub mod obstacle;
mod pattern;
pub mod powder;
mod quadrature;
mod rays;
pub mod scene;
pub mod source;
pub mod structure_factor;
pub mod texture;

pub use draw::Interval;
pub use instrument::{
    CameraRanges, Conceptual, CounterRanges, DefectRanges, DetectorChoice, DirectBeamRanges,
    ExtraNoise, GainRanges, InstrumentRanges, Nuisance, PoseNuisance, ReadoutError, Severity,
    SeverityError, ShadowRanges, SpreadRanges, StopKind, StopRanges,
};
pub use scene::{Ranges, Technique};
pub use source::{FourTechniques, FourTechniquesConfig, SimError, Truth};
