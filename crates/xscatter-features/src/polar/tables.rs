//! Tables of cells, made once for the frames of a pose.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use xscatter_core::{Error, ErrorKind, Frame, Geometry, Result};
use xscatter_geometry::PixelMap;

use super::{CellSums, PolarTable, QAxisError};
use crate::place::pixel_map;
use crate::resample::{Grid, Resampled, name_frame};

/// Tables that an extractor made and keeps, for frames of the same pose and shape.
#[derive(Debug)]
pub(crate) struct Tables<T>(Arc<Mutex<Vec<Kept<T>>>>);

#[derive(Debug)]
struct Kept<T> {
    geometry: Arc<Geometry>,
    shape: (usize, usize),
    table: Arc<OnceLock<Result<Arc<T>, QAxisError>>>,
}

/// How many tables are kept.
const KEPT: usize = 2;

impl<T> Tables<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// The table for a frame; `make` runs at most once for each pose and shape that is still kept.
    ///
    /// `make` must not wait for other threads: they may be waiting for it.
    pub(crate) fn of(
        &self,
        frame: &Frame,
        make: impl FnOnce(&PixelMap) -> Result<T, QAxisError>,
    ) -> Result<Arc<T>> {
        // Also refuses what is no geometry, and a frame without one.
        let map = pixel_map(frame)?;
        let table = self.slot(&map);
        let made = table.get_or_init(|| make(&map).map(Arc::new));
        made.clone().map_err(|error| {
            name_frame(
                Error::new(ErrorKind::DegenerateData, error.to_string()),
                frame,
            )
        })
    }

    fn slot(&self, map: &PixelMap) -> Arc<OnceLock<Result<Arc<T>, QAxisError>>> {
        // A thread that panicked left a valid list behind.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |kept: &Kept<T>| *kept.geometry == *map.geometry() && kept.shape == map.shape();
        let slot = match kept.iter().position(same) {
            Some(place) => kept.remove(place),
            None => Kept {
                geometry: Arc::new(map.geometry().clone()),
                shape: map.shape(),
                table: Arc::default(),
            },
        };
        let table = slot.table.clone();
        kept.insert(0, slot);
        kept.truncate(KEPT);
        table
    }
}

impl Tables<PolarTable> {
    /// The table for a frame, and the frame's sums on it.
    pub(crate) fn cells(
        &self,
        frame: &Frame,
        make: impl FnOnce(&PixelMap) -> Result<PolarTable, QAxisError>,
    ) -> Result<(Arc<PolarTable>, CellSums)> {
        let image = Resampled::of(frame, Grid::Native)?;
        let table = self.of(frame, make)?;
        let cells = table.sums_measured(&image, frame)?;
        Ok((table, cells))
    }
}

impl<T> Clone for Tables<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polar::QAxis;
    use ndarray::Array2;
    use xscatter_core::{FrameInfo, PixelPosition};

    #[test]
    fn a_table_is_made_once_a_pose_and_shape() {
        let frame = |shape, distance_m| {
            let centre = PixelPosition {
                row: 3.0,
                column: 3.0,
            };
            let geometry = Geometry::transmission(distance_m, centre, 1e-4, 1e-10);
            Frame::new(Array2::zeros(shape)).with_info(FrameInfo {
                geometry: Some(geometry.into()),
                ..Default::default()
            })
        };
        let tables = Tables::new();
        let made = std::cell::Cell::new(0);
        let table_of = |frame: &Frame| {
            let make = |map: &PixelMap| {
                made.set(made.get() + 1);
                PolarTable::new(map, &QAxis::linear(2), 1)
            };
            tables.of(frame, make).unwrap()
        };
        for _ in 0..3 {
            assert_eq!(table_of(&frame((6, 7), 1.0)).shape(), (6, 7));
            assert_eq!(table_of(&frame((7, 6), 1.0)).shape(), (7, 6));
        }
        assert_eq!(made.get(), 2);
        table_of(&frame((6, 7), 2.0));
        table_of(&frame((6, 7), 1.0));
        assert_eq!(made.get(), 4);
    }
}
