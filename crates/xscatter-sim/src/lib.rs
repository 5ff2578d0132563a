#![doc = include_str!("../README.md")]

mod around;
mod curve;
pub mod diffuse;
mod direction;
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
mod pattern;
mod plane;
pub mod powder;
mod quadrature;
mod rays;
pub mod scene;
pub mod source;
mod speckle;
mod spot;
pub mod structure_factor;
pub mod texture;

pub use draw::Interval;
pub use scene::{Ranges, Technique};
pub use source::{FourTechniques, FourTechniquesConfig, SimError, Truth};
