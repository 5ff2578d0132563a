//! How much a file may make the reader allocate.
//!
//! A header can claim any size. A reader first compares the claim with the size of the file; where
//! the data are compressed, and the file size says little, these limits hold.

use xscatter_core::{Error, ErrorKind, Result};

/// Bounds on what is read; a file beyond them is an [`ErrorKind::LimitExceeded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of one frame; 2²⁸ by default, sixteen times the largest detector of today.
    pub max_pixels: usize,
    /// Frames of one file; 2²⁴ by default.
    pub max_frames: usize,
    /// Bytes of one header; 16 MiB by default.
    pub max_header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 1 << 28,
            max_frames: 1 << 24,
            max_header_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// Checks a shape that a header claims, and that it is that of an image at all.
    pub(crate) fn check_shape(&self, rows: u64, columns: u64) -> Result<(usize, usize)> {
        if rows == 0 || columns == 0 {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("expected an image with pixels, found {rows}x{columns}"),
            ));
        }
        match rows.checked_mul(columns) {
            Some(pixels) if pixels <= self.max_pixels as u64 => {
                Ok((rows as usize, columns as usize))
            }
            _ => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "expected at most {} pixels a frame, the header claims {rows}x{columns}",
                    self.max_pixels
                ),
            )),
        }
    }

    /// Checks a number of frames that a header claims.
    pub(crate) fn check_frames(&self, frames: u64) -> Result<usize> {
        if frames <= self.max_frames as u64 {
            return Ok(frames as usize);
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected at most {} frames, the header claims {frames}",
                self.max_frames
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_size_is_refused_before_anything_is_allocated() {
        let limits = Limits::default();
        let error = limits.check_shape(u64::MAX, 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(
            limits.check_shape(0, 5).unwrap_err().kind(),
            ErrorKind::Malformed
        );
        assert_eq!(limits.check_shape(4, 5).unwrap(), (4, 5));
        assert!(limits.check_frames(u64::MAX).is_err());
    }
}
