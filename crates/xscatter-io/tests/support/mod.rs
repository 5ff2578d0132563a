//! Tiny files by other programs, which a golden file carries.

use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

/// Files that belong together; the first is the one to open.
#[derive(Deserialize)]
pub(crate) struct Foreign {
    #[allow(dead_code, reason = "not every test names it")]
    pub(crate) name: String,
    #[allow(dead_code, reason = "not every test compares it")]
    pub(crate) frames: usize,
    #[allow(dead_code, reason = "not every test compares it")]
    pub(crate) dtype: String,
    pub(crate) files: Vec<Packed>,
}

#[derive(Deserialize)]
pub(crate) struct Packed {
    pub(crate) name: String,
    zlib_base64: String,
}

impl Packed {
    pub(crate) fn content(&self) -> Vec<u8> {
        unzipped(&self.zlib_base64)
    }
}

/// The content of a file that a golden file carries as text.
pub(crate) fn unzipped(text: &str) -> Vec<u8> {
    let packed = BASE64.decode(text).unwrap();
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..])
        .read_to_end(&mut content)
        .unwrap();
    content
}

/// Writes the files into a folder.
pub(crate) fn unpack(case: &Foreign, folder: &Path) {
    for file in &case.files {
        std::fs::write(folder.join(&file.name), file.content()).unwrap();
    }
}
