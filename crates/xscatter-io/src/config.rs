//! How files are read.

use crate::limits::Limits;
use crate::raw_binary::RawLayout;

/// What a caller may choose about reading; [`open`](crate::open()) takes the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadConfig {
    /// Bounds on what a file may make the reader allocate.
    pub limits: Limits,
    /// Which bits of a NeXus `pixel_mask` make a pixel invalid; bits 0 to 8 by default.
    ///
    /// Bit 0 is a gap, bits 1 to 7 are kinds of bad pixels, bit 8 is a mask of the user. Bit 31 (a
    /// virtual pixel, interpolated by the detector) flags a pixel as healed unless it is listed here.
    /// The NeXus note rejects `0x00FF`, cctbx any bit.
    pub pixel_mask_bits: u32,
    /// The layout of headerless files: with it every file is read so, whatever it begins with.
    pub raw: Option<RawLayout>,
    /// The dataset of an HDF5 file to read instead of the one that is found to be the image; of any
    /// name and with two or more axes, of which the last two are rows and columns.
    pub dataset: Option<String>,
}

impl Default for ReadConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            pixel_mask_bits: 0x1ff,
            raw: None,
            dataset: None,
        }
    }
}
