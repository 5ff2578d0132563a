#![doc = include_str!("../README.md")]

pub mod beam;
pub mod calibrant;
pub mod detector;
pub mod fit2d;
pub mod grazing;
pub mod pixel_map;
pub mod poni;
pub mod units;

pub use beam::{beam_centre_px, with_beam_centre};
pub use calibrant::Calibrant;
pub use detector::Detector;
pub use fit2d::Fit2d;
pub use grazing::{GrazingMap, SampleOrientation};
pub use pixel_map::{GeometryError, PixelMap};
pub use poni::Poni;
pub use units::RadialUnit;
