//! How far a disc about the beam reaches.

use serde::{Deserialize, Serialize};

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
    /// The radius about a centre (pixel centres at one half) in pixels; 0 or less where there is no disc.
    pub(crate) fn radius_px(self, centre: [f64; 2], shape: (usize, usize)) -> f64 {
        let [row, column] = centre;
        let (rows, columns) = (shape.0 as f64, shape.1 as f64);
        let far = |place: f64, size: f64| place.abs().max((size - place).abs());
        match self {
            Self::NearestEdge => row.min(rows - row).min(column).min(columns - column),
            Self::FarthestEdge => far(row, rows).max(far(column, columns)),
            Self::FarthestCorner => far(row, rows).hypot(far(column, columns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_corners_are_as_far_as_they_are() {
        let shape = (30, 40);
        assert_eq!(Reach::NearestEdge.radius_px([10.0, 12.0], shape), 10.0);
        assert_eq!(Reach::FarthestEdge.radius_px([10.0, 12.0], shape), 28.0);
        assert_eq!(Reach::FarthestCorner.radius_px([0.0, 0.0], shape), 50.0);
        assert_eq!(Reach::NearestEdge.radius_px([-4.0, 12.0], shape), -4.0);
        assert_eq!(Reach::FarthestEdge.radius_px([-4.0, 12.0], shape), 34.0);
    }
}
