//! Where on the frame a word was seen: cells within cells, pooled one by one.
//!
//! Level `l` cuts the frame into `2ˡ × 2ˡ` cells; level 0 is the frame. A patch belongs to the cell of its
//! centre, once on each level; a centre on a border belongs to the cell after it.
//!
//! | pyramid | cells of level `l` |
//! |---|---|
//! | image | `2ˡ` rows and `2ˡ` columns of equal size |
//! | polar | `2ˡ` bands of equal width in q, from 0 to `q_max`, and `2ˡ` sectors in χ |
//!
//! *Polar*: I(q) = I(−q) for a sample in transmission at small angles (Friedel), so χ and χ + π are one
//! sector. The first sector is centred on χ = 0, the direction of the fast axis of the detector; with two
//! sectors a horizontal streak is in the one, a vertical one in the other. Without `q_max_inv_nm` the last band
//! ends at the corner of the frame that is farthest in q; with it patches beyond are left out of
//! every level. It needs the geometry of the frame.
//!
//! Source: Lazebnik, Schmid and Ponce 2006, doi:10.1109/CVPR.2006.68.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use xscatter_core::{Frame, Result};
use xscatter_geometry::PixelMap;

use crate::place::pixel_map;

/// The cells that words are counted in; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pyramid {
    /// On the image.
    Image {
        /// How many levels: 1 is the frame as a whole, 3 are levels 0 to 2.
        levels: usize,
    },
    /// In q and χ about the beam centre.
    Polar {
        /// How many levels.
        levels: usize,
        /// Where the outermost band ends; `None`: at the farthest corner of each frame.
        q_max_inv_nm: Option<f64>,
    },
}

impl Default for Pyramid {
    /// Levels 0 to 2 on the image: 21 cells.
    fn default() -> Self {
        Self::Image { levels: 3 }
    }
}

/// Why a pyramid cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PyramidError {
    /// No level, or more cells than anyone could want.
    #[error("expected 1 to 6 levels of a pyramid, got {0}")]
    Levels(usize),
    /// A last band that is none.
    #[error("expected a finite q_max_inv_nm above 0, got {0}")]
    QMax(f64),
}

impl Pyramid {
    pub(crate) fn check(self) -> Result<(), PyramidError> {
        if !(1..=6).contains(&self.levels()) {
            return Err(PyramidError::Levels(self.levels()));
        }
        match self {
            Self::Polar {
                q_max_inv_nm: Some(q),
                ..
            } if !(q > 0.0 && q.is_finite()) => Err(PyramidError::QMax(q)),
            _ => Ok(()),
        }
    }

    /// How many levels.
    pub const fn levels(self) -> usize {
        match self {
            Self::Image { levels } | Self::Polar { levels, .. } => levels,
        }
    }

    /// How many cells on all levels.
    pub fn cells(self) -> usize {
        (0..self.levels()).map(|level| 1 << (2 * level)).sum()
    }

    /// The name of every cell, in order: `l0`, `l1.r0c0`, …; `l1.q0s1` for band 0, sector 1.
    pub fn names(self) -> Vec<String> {
        let (first, second) = match self {
            Self::Image { .. } => ('r', 'c'),
            Self::Polar { .. } => ('q', 's'),
        };
        let mut names = vec!["l0".to_owned()];
        for level in 1..self.levels() {
            let side = 1 << level;
            for i in 0..side {
                names.extend((0..side).map(|j| format!("l{level}.{first}{i}{second}{j}")));
            }
        }
        names
    }

    /// The cells of a frame of which an image of this shape was made.
    pub(crate) fn on(self, frame: &Frame, shape: (usize, usize)) -> Result<Cells> {
        let place = match self {
            Self::Image { .. } => Place::Image,
            Self::Polar { q_max_inv_nm, .. } => {
                let map = pixel_map(frame)?;
                let (rows, columns) = frame.shape();
                let corners = [0.0, rows as f64]
                    .into_iter()
                    .flat_map(|row| [(row, 0.0), (row, columns as f64)]);
                let farthest = corners.map(|(row, column)| map.q_inv_nm_at(row, column));
                let q_max = q_max_inv_nm.unwrap_or_else(|| farthest.fold(0.0, f64::max));
                Place::Polar(Box::new(map), q_max)
            }
        };
        Ok(Cells {
            levels: self.levels(),
            place,
            shape,
            of_frame: frame.shape(),
        })
    }
}

/// The cells of one frame.
#[derive(Debug)]
pub(crate) struct Cells {
    levels: usize,
    place: Place,
    shape: (usize, usize),
    of_frame: (usize, usize),
}

#[derive(Debug)]
enum Place {
    Image,
    Polar(Box<PixelMap>, f64),
}

impl Cells {
    /// The cell of each level of a place on the image, in pixels; `None` beyond the outermost band.
    pub(crate) fn of(
        &self,
        [row, column]: [f64; 2],
    ) -> Option<impl Iterator<Item = usize> + use<>> {
        let row = row / self.shape.0 as f64;
        let column = column / self.shape.1 as f64;
        let (first, second, centred) = match &self.place {
            Place::Image => (row, column, false),
            Place::Polar(map, q_max) => {
                let (row, column) = (
                    row * self.of_frame.0 as f64,
                    column * self.of_frame.1 as f64,
                );
                let band = map.q_inv_nm_at(row, column) / q_max;
                if band >= 1.0 {
                    return None;
                }
                (band, map.chi_rad_at(row, column).rem_euclid(PI) / PI, true)
            }
        };
        let mut start = 0;
        Some((0..self.levels).map(move |level| {
            let side = 1usize << level;
            let cell = |part: f64| ((part * side as f64) as usize).min(side - 1);
            let second = if centred {
                // Sectors are centred on their directions, and the last one goes on at the first.
                (second * side as f64).round() as usize % side
            } else {
                cell(second)
            };
            let cell = start + cell(first) * side + second;
            start += side * side;
            cell
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::{ErrorKind, FrameInfo, Geometry, PixelPosition};

    fn frame() -> Frame {
        let centre = PixelPosition {
            row: 50.0,
            column: 60.0,
        };
        Frame::new(Array2::ones((100, 120))).with_info(FrameInfo {
            geometry: Some(Geometry::transmission(5.0, centre, 172e-6, 1e-10).into()),
            ..Default::default()
        })
    }

    fn cells(pyramid: Pyramid, place: [f64; 2]) -> Option<Vec<usize>> {
        let cells = pyramid.on(&frame(), (100, 120)).unwrap();
        cells.of(place).map(Iterator::collect)
    }

    #[test]
    fn names_and_cells_are_in_the_same_order() {
        let image = Pyramid::Image { levels: 3 };
        assert_eq!((image.cells(), image.names().len()), (21, 21));
        let at = cells(image, [80.0, 20.0]).unwrap();
        let names = image.names();
        let named: Vec<&str> = at.iter().map(|&cell| names[cell].as_str()).collect();
        assert_eq!(named, ["l0", "l1.r1c0", "l2.r3c0"]);
        let polar = Pyramid::Polar {
            levels: 2,
            q_max_inv_nm: None,
        };
        assert_eq!(
            polar.names()[1..],
            ["l1.q0s0", "l1.q0s1", "l1.q1s0", "l1.q1s1"]
        );
    }

    #[test]
    fn opposite_places_share_a_cell_and_axes_are_amid_sectors() {
        let polar = Pyramid::Polar {
            levels: 3,
            q_max_inv_nm: None,
        };
        for (row, column) in [(3.0, 11.0), (-20.0, 8.0), (0.0, 30.0), (29.0, 0.5)] {
            let one = cells(polar, [50.0 + row, 60.0 + column]);
            assert_eq!(one, cells(polar, [50.0 - row, 60.0 - column]));
        }
        let names = polar.names();
        for (offset, sector) in [
            ((1.0, 20.0), "s0"),
            ((-1.0, 20.0), "s0"),
            ((20.0, 20.0), "s1"),
            ((20.0, 1.0), "s2"),
            ((20.0, -1.0), "s2"),
            ((20.0, -20.0), "s3"),
        ] {
            let cell = cells(polar, [50.0 + offset.0, 60.0 + offset.1]).unwrap()[2];
            assert!(names[cell].ends_with(sector), "{offset:?}: {}", names[cell]);
        }
    }

    #[test]
    fn places_beyond_the_last_band_have_no_cell() {
        let map = PixelMap::new(frame().info.geometry.as_ref().unwrap(), (100, 120)).unwrap();
        let polar = Pyramid::Polar {
            levels: 2,
            q_max_inv_nm: Some(map.q_inv_nm_at(50.0, 100.0)),
        };
        assert!(cells(polar, [50.0, 99.0]).is_some());
        assert!(cells(polar, [50.0, 101.0]).is_none());
    }

    #[test]
    fn a_polar_pyramid_needs_a_geometry() {
        let polar = Pyramid::Polar {
            levels: 2,
            q_max_inv_nm: None,
        };
        let error = polar
            .on(&Frame::new(Array2::ones((4, 4))), (4, 4))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingMetadata);
        assert_eq!(error.place(), Some("frame 0"));
    }

    #[test]
    fn senseless_pyramids_are_refused() {
        assert!(Pyramid::Image { levels: 0 }.check().is_err());
        assert!(Pyramid::Image { levels: 7 }.check().is_err());
        let polar = |q| Pyramid::Polar {
            levels: 2,
            q_max_inv_nm: Some(q),
        };
        assert!(polar(-1.0).check().is_err() && polar(f64::NAN).check().is_err());
        assert!(polar(2.0).check().is_ok());
    }
}
