#![doc = include_str!("../README.md")]

pub mod amorphous;
pub mod crystal;
mod curve;
pub mod diffuse;
mod draw;
mod feature;
pub mod form_factor;
mod fourier;
pub mod grazing;
mod instrument;
pub mod lattice;
mod mesostructure;
pub mod noise;
pub mod obstacle;
pub mod orientation;
mod pattern;
mod plane;
pub mod powder;
mod quadrature;
mod rays;
pub mod scene;
pub mod source;
mod speckle;
pub mod structure_factor;
pub mod texture;

pub use draw::Interval;
pub use scene::{Ranges, Technique};
pub use source::{FourTechniques, FourTechniquesConfig, SimError, Truth};
