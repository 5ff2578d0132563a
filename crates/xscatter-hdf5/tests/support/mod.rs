//! The files of the golden values.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

/// Files that belong together; the first is the one to open.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) files: Vec<Packed>,
    #[allow(dead_code, reason = "not every test compares it")]
    pub(crate) objects: Vec<Entry>,
    #[allow(dead_code, reason = "not every test compares it")]
    pub(crate) links: Vec<Name>,
}

#[derive(Deserialize)]
pub(crate) struct Packed {
    pub(crate) name: String,
    zlib_base64: String,
}

/// What h5py reads at a path.
#[derive(Deserialize)]
#[allow(dead_code, reason = "not every test compares it")]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) dtype: Option<String>,
    pub(crate) values: Option<String>,
    pub(crate) texts: Option<Vec<String>>,
    pub(crate) attributes: BTreeMap<String, Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "not every test compares it")]
pub(crate) struct Name {
    pub(crate) path: String,
    pub(crate) soft: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) external: Option<String>,
}

pub(crate) fn load() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hdf5.json");
    xscatter_testkit::golden::load(path).unwrap().cases
}

pub(crate) fn unpacked(zlib_base64: &str) -> Vec<u8> {
    let packed = BASE64.decode(zlib_base64).unwrap();
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..])
        .read_to_end(&mut content)
        .unwrap();
    content
}

impl Packed {
    pub(crate) fn content(&self) -> Vec<u8> {
        unpacked(&self.zlib_base64)
    }
}

impl Case {
    /// Writes the files into a folder.
    pub(crate) fn unpack(&self, folder: &Path) {
        for file in &self.files {
            std::fs::write(folder.join(&file.name), file.content()).unwrap();
        }
    }
}
