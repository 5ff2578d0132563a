//! How far a disc about the beam reaches.

use serde::{Deserialize, Serialize};
use xscatter_core::{Frame, PixelPosition, Result};

use crate::measured::Undefined;
use crate::place::beam_centre;
use crate::resample::Resampled;

/// The radius of a disc about the beam centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To the nearest edge of the image: the largest disc that lies in it.
    NearestEdge,
    /// To the farthest of the four edges; parts of the disc may lie off the image.
    #[default]
    FarthestEdge,
    /// To the farthest corner: all of the image.
    FarthestCorner,
}

impl Reach {
    /// The radius about a centre in pixels; 0 or less where there is no disc.
    pub(crate) fn radius_px(self, centre: PixelPosition, shape: (usize, usize)) -> f64 {
        let PixelPosition { row, column } = centre;
        let (rows, columns) = (shape.0 as f64, shape.1 as f64);
        let far = |place: f64, size: f64| place.abs().max((size - place).abs());
        match self {
            Self::NearestEdge => row.min(rows - row).min(column).min(columns - column),
            Self::FarthestEdge => far(row, rows).max(far(column, columns)),
            Self::FarthestCorner => far(row, rows).hypot(far(column, columns)),
        }
    }
}

/// Refuses discs without pixels and those that no pixel is small against.
pub(crate) fn check_radius(radius_px: f64) -> std::result::Result<(), Undefined> {
    if (1.0..1e12).contains(&radius_px) {
        return Ok(());
    }
    let reason = format!("expected a disc of 1 pixel or more about the beam, found {radius_px}");
    Err(Undefined::new(reason))
}

/// The beam centre of a frame in pixels of its image on a grid.
pub(crate) fn beam_on_grid(frame: &Frame, image: &Resampled) -> Result<PixelPosition> {
    let beam = beam_centre(frame)?;
    let ((rows, columns), whole) = (image.shape(), frame.shape());
    Ok(PixelPosition {
        row: beam.row * rows as f64 / whole.0 as f64,
        column: beam.column * columns as f64 / whole.1 as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_corners_are_as_far_as_they_are() {
        let at = |row, column| PixelPosition { row, column };
        let shape = (30, 40);
        assert_eq!(Reach::NearestEdge.radius_px(at(10.0, 12.0), shape), 10.0);
        assert_eq!(Reach::FarthestEdge.radius_px(at(10.0, 12.0), shape), 28.0);
        assert_eq!(Reach::FarthestCorner.radius_px(at(0.0, 0.0), shape), 50.0);
        assert_eq!(Reach::NearestEdge.radius_px(at(-4.0, 12.0), shape), -4.0);
        assert_eq!(Reach::FarthestEdge.radius_px(at(-4.0, 12.0), shape), 34.0);
    }
}
