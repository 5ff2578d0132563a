//! Where the detector stands, as plain data in SI units.
//!
//! The parameters are those of a PONI file (pyFAI): the *point of normal incidence* is the foot of
//! the perpendicular from the sample to the detector plane, which is the beam centre only when no
//! rotation is set. Maps from pixels to q and χ live in the crate `xscatter-geometry`.

/// A place on the detector in pixels; the centre of pixel `(i, j)` is `(i + 0.5, j + 0.5)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PixelPosition {
    /// Along axis 0, slow (y).
    pub row: f64,
    /// Along axis 1, fast (x).
    pub column: f64,
}

/// How the image is stored relative to the detector, in the numbering of EXIF and pyFAI; the image
/// is seen from the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Orientation {
    /// 1: both axes reversed.
    TopLeft,
    /// 2: the slow axis reversed; what DECTRIS writes.
    TopRight,
    /// 3: as stored; the default of pyFAI.
    #[default]
    BottomRight,
    /// 4: the fast axis reversed.
    BottomLeft,
}

impl Orientation {
    /// The number that PONI files use, 1 to 4.
    pub const fn number(self) -> u8 {
        match self {
            Self::TopLeft => 1,
            Self::TopRight => 2,
            Self::BottomRight => 3,
            Self::BottomLeft => 4,
        }
    }

    /// From the number that PONI files use; 0 (unspecified) is the default, 3.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::TopLeft),
            2 => Some(Self::TopRight),
            0 | 3 => Some(Self::BottomRight),
            4 => Some(Self::BottomLeft),
            _ => None,
        }
    }
}

/// The pose of a flat detector, the wavelength and, for reflection geometry, the sample's tilt.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Geometry {
    /// From the sample to the detector plane along its normal.
    pub distance_m: f64,
    /// Point of normal incidence along axis 0 (slow, y).
    pub poni1_m: f64,
    /// Point of normal incidence along axis 1 (fast, x).
    pub poni2_m: f64,
    /// Rotation about axis 1, left-handed.
    pub rot1_rad: f64,
    /// Rotation about axis 2, left-handed.
    pub rot2_rad: f64,
    /// Rotation about the beam, right-handed.
    pub rot3_rad: f64,
    /// Of the incident beam.
    pub wavelength_m: f64,
    /// Pixel pitch along axis 0 (slow, y).
    pub pixel1_m: f64,
    /// Pixel pitch along axis 1 (fast, x).
    pub pixel2_m: f64,
    /// How the image is stored.
    pub orientation: Orientation,
    /// Between the beam and the sample's surface; `None` in transmission.
    pub incident_angle_rad: Option<f64>,
    /// Rotation of the sample's surface about the beam.
    pub tilt_rad: f64,
}

impl Geometry {
    /// An untilted detector in transmission with the beam on `centre`.
    pub fn transmission(
        distance_m: f64,
        centre: PixelPosition,
        pixel_m: f64,
        wavelength_m: f64,
    ) -> Self {
        Self {
            distance_m,
            poni1_m: centre.row * pixel_m,
            poni2_m: centre.column * pixel_m,
            rot1_rad: 0.0,
            rot2_rad: 0.0,
            rot3_rad: 0.0,
            wavelength_m,
            pixel1_m: pixel_m,
            pixel2_m: pixel_m,
            orientation: Orientation::default(),
            incident_angle_rad: None,
            tilt_rad: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_numbers_round_trip() {
        for number in 1..=4 {
            assert_eq!(Orientation::from_number(number).unwrap().number(), number);
        }
        assert_eq!(Orientation::from_number(0), Some(Orientation::BottomRight));
        assert_eq!(Orientation::from_number(5), None);
    }
}
