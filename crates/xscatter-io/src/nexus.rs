//! HDF5.

use std::path::Path;

use xscatter_core::{Error, ErrorKind, Frame, Result};

use crate::blob::Blob;
use crate::limits::Limits;
use crate::open::Opened;
use crate::write::WriteOptions;

pub(crate) fn sniff(head: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
    // A user block of 512 bytes, or of 512 times a power of two, may stand before the signature.
    [0, 512, 1024, 2048]
        .iter()
        .any(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

pub(crate) fn open(_: &Blob, _: &Limits) -> Result<Opened> {
    Err(Error::new(ErrorKind::Unsupported, "HDF5 is not read yet"))
}

pub(crate) fn write(_: &Path, _: &[Frame], _: &WriteOptions) -> Result<()> {
    Err(Error::new(
        ErrorKind::Unsupported,
        "HDF5 is not written yet",
    ))
}
