//! Which scattering vectors a frame covers, where its header says so.
//!
//! Small-angle and wide-angle patterns may look alike; what tells them apart is the scale. Use this
//! beside descriptors of the image. It reads the frame's geometry and no pixel, so it says nothing of
//! the sample, and nothing at all of a frame without a calibration.
//!
//! With `q = 4π sin(θ) / λ` in nm⁻¹, `2θ` the angle between two directions at the sample:
//!
//! | column | value |
//! |---|---|
//! | `q.known` | 1 with a geometry, 0 without |
//! | `q.log_max` | log₁₀ of the largest q among the corners of the image |
//! | `q.log_span` | log₁₀ of the q between opposite corners of the image |
//! | `q.log_per_mm` | log₁₀ of the q that a millimetre spans at the foot of the detector's normal |
//!
//! Without a geometry the logarithms are −6, far below those of any detector, to be read together with
//! `q.known`: no value is `NaN`, so that every family of models can use them. A geometry that cannot be
//! (not finite, pixels without size) is an error of kind
//! [`InvalidArgument`](xscatter_core::ErrorKind::InvalidArgument).

use std::convert::Infallible;
use std::f64::consts::PI;
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};
use xscatter_geometry::PixelMap;

use crate::batch::fill_rows;
use crate::resample::{degenerate, name_frame};

/// The scattering vectors that a frame covers; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{QRange, QRangeConfig};
///
/// let centre = PixelPosition { row: 0.0, column: 0.0 };
/// let geometry = Geometry::transmission(1.0, centre, 1e-3, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let frame = Frame::new(Array2::zeros((60, 80))).with_info(info);
/// let row = QRange::new(QRangeConfig::default())?.extract(&[frame])?;
/// // The far corner is 0.1 m from the beam, 1 m from the sample; λ is 0.1 nm.
/// let q = 4.0 * std::f64::consts::PI / 0.1 * (0.1f64.atan() / 2.0).sin();
/// assert!((row.values()[(0, 1)] - q.log10() as f32).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct QRange {
    columns: [Arc<str>; 4],
}

/// There is nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QRangeConfig {}

impl QRange {
    /// The extractor.
    ///
    /// # Errors
    /// Never: there is nothing to get wrong.
    pub fn new(_config: QRangeConfig) -> Result<Self, Infallible> {
        Ok(Self {
            columns: ["q.known", "q.log_max", "q.log_span", "q.log_per_mm"].map(Into::into),
        })
    }
}

impl FeatureExtractor for QRange {
    fn name(&self) -> &str {
        "q-range"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, row)
    }
}

/// The logarithm that stands for a q that nobody knows.
const UNKNOWN: f32 = -6.0;

fn row(frame: &Frame) -> Result<Vec<f32>> {
    let Some(geometry) = &frame.info.geometry else {
        return Ok(vec![0.0, UNKNOWN, UNKNOWN, UNKNOWN]);
    };
    if frame.as_slice().is_empty() {
        return Err(degenerate(frame, "expected pixels, found none"));
    }
    let map = PixelMap::new(geometry, frame.shape()).map_err(|error| {
        name_frame(
            Error::new(ErrorKind::InvalidArgument, error.to_string()),
            frame,
        )
    })?;
    let (rows, columns) = (frame.shape().0 as f64, frame.shape().1 as f64);
    let corners = [(0.0, 0.0), (0.0, columns), (rows, 0.0), (rows, columns)];
    let max = corners
        .iter()
        .map(|&(row, column)| map.two_theta_rad_at(row, column))
        .fold(0.0, f64::max);
    let (a, b) = (map.position_m(0.0, 0.0), map.position_m(rows, columns));
    let dot: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
    let norm = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let span = (dot / (norm(a) * norm(b))).clamp(-1.0, 1.0).acos();
    let per_mm = (1e-3 / geometry.distance_m.abs()).atan();
    let wavelength_nm = geometry.wavelength_m * 1e9;
    let log_q = |angle: f64| (4.0 * PI / wavelength_nm * (angle / 2.0).sin()).log10() as f32;
    Ok(vec![1.0, log_q(max), log_q(span), log_q(per_mm)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::{FrameInfo, Geometry, PixelPosition};

    fn frame(distance_m: f64) -> Frame {
        let centre = PixelPosition {
            row: 20.0,
            column: 30.0,
        };
        let geometry = Geometry::transmission(distance_m, centre, 172e-6, 1e-10);
        let info = FrameInfo {
            geometry: Some(geometry.into()),
            ..FrameInfo::default()
        };
        Frame::new(Array2::ones((40, 60))).with_info(info)
    }

    #[test]
    fn ten_times_the_distance_is_a_tenth_of_q() {
        let table = QRange::new(QRangeConfig::default())
            .unwrap()
            .extract(&[frame(1.0), frame(10.0)])
            .unwrap();
        let values = table.values();
        for column in [1, 2, 3] {
            assert!((values[(0, column)] - values[(1, column)] - 1.0).abs() < 1e-4);
        }
        // The beam is at the middle: the diagonal spans twice the q of a corner.
        assert!((values[(0, 2)] - values[(0, 1)] - 2f32.log10()).abs() < 1e-4);
    }

    #[test]
    fn a_frame_without_geometry_says_so() {
        let bare = Frame::new(Array2::ones((4, 4)));
        let table = QRange::new(QRangeConfig::default())
            .unwrap()
            .extract(&[bare])
            .unwrap();
        assert_eq!(
            table.values().row(0).to_vec(),
            [0.0, UNKNOWN, UNKNOWN, UNKNOWN]
        );
    }

    #[test]
    fn a_geometry_that_cannot_be_is_an_error() {
        let error = QRange::new(QRangeConfig::default())
            .unwrap()
            .extract(&[frame(f64::NAN)])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn keeps_the_contract() {
        let frames = [frame(0.2), frame(5.0), Frame::new(Array2::ones((9, 7)))];
        xscatter_testkit::check_extractor(&QRange::new(QRangeConfig::default()).unwrap(), &frames)
            .unwrap();
    }
}
