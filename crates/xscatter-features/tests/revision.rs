//! The numbers of every extractor, so that [`REVISION`] is raised when they change.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor as _, Frame, FrameInfo, Geometry, Mask, PixelPosition};
use xscatter_features::FeatureConfig;
use xscatter_features::cache::REVISION;

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    revision: u32,
    rows: BTreeMap<String, Fingerprint>,
}

/// What is left of a row: enough to see that it changed.
#[derive(Debug, Serialize, Deserialize)]
struct Fingerprint {
    columns: usize,
    missing: usize,
    sum: f64,
}

impl Fingerprint {
    fn of(row: &[f32]) -> Self {
        let present = row.iter().enumerate().filter(|(_, value)| !value.is_nan());
        // Every value counts within (−1, 1), those of neighbouring columns differently.
        let bounded = present.map(|(column, &value)| {
            let value = f64::from(value);
            value / (1.0 + value.abs()) * (1.0 + (column % 7) as f64)
        });
        Self {
            columns: row.len(),
            missing: row.iter().filter(|value| value.is_nan()).count(),
            sum: bounded.sum(),
        }
    }

    /// Rounding differs with the vectors of the processor.
    fn agrees(&self, other: &Self) -> bool {
        let allowed = 1e-4 * self.columns as f64;
        self.columns == other.columns
            && self.missing == other.missing
            && (self.sum - other.sum).abs() < allowed
    }
}

/// A halo, two rings, grain and gaps.
fn frame() -> Frame {
    let shape = (211, 187);
    let counts = Array2::from_shape_fn(shape, |(row, column)| {
        let (y, x) = (row as f64 + 0.5 - 100.25, column as f64 + 0.5 - 90.5);
        let radius = y.hypot(x);
        let ring = |at: f64, width: f64| (-((radius - at) / width).powi(2)).exp();
        let uneven = 1.0 + 0.6 * (2.0 * y.atan2(x)).cos();
        let mean = 3.0
            + 4000.0 * ring(0.0, 9.0)
            + 300.0 * ring(40.0, 2.5) * uneven
            + 120.0 * ring(80.0, 3.0);
        let grain = ((row * 37 + column * 61 + row * column * 11) % 23) as f64 / 22.0 - 0.5;
        (mean + grain * mean.sqrt()).round().max(0.0) as f32
    });
    let bad = Array2::from_shape_fn(shape, |(row, column)| {
        (120..125).contains(&row) || (row < 110 && (88..93).contains(&column))
    });
    let centre = PixelPosition {
        row: 100.25,
        column: 90.5,
    };
    Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
        .with_info(FrameInfo {
            geometry: Some(Geometry::transmission(0.5, centre, 172e-6, 1e-10).into()),
            ..Default::default()
        })
}

#[test]
fn numbers_that_change_raise_the_revision() {
    let frames = [frame()];
    let rows = FeatureConfig::all().into_iter().map(|config| {
        let table = config
            .build()
            .and_then(|extractor| extractor.extract(&frames));
        let table = table.expect("a sound frame");
        let row: Vec<f32> = table.values().iter().copied().collect();
        (config.name().to_owned(), Fingerprint::of(&row))
    });
    let found = Known {
        revision: REVISION,
        rows: rows.collect(),
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/revision.json");
    let text = std::fs::read_to_string(path).expect("the file stands beside this one");
    let known: Known = serde_json::from_str(&text).expect("it has this form");
    let changed: Vec<&String> = found
        .rows
        .iter()
        .filter(|(name, row)| known.rows.get(*name).is_none_or(|known| !row.agrees(known)))
        .map(|(name, _)| name)
        .collect();
    let same = known.revision == found.revision && known.rows.len() == found.rows.len();
    assert!(
        same && changed.is_empty(),
        "the numbers of {changed:?} are not those of revision {}: raise REVISION in src/cache.rs (if an \
         extractor that was released has changed) and let {path} hold\n{}",
        known.revision,
        serde_json::to_string_pretty(&found).expect("plain numbers")
    );
}
