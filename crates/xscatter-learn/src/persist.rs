//! Fitted classifiers as files.
//!
//! Two forms hold the same. JSON, to read and to embed in other JSON:
//! `{"format": "xscatter-learn", "version": 1, "classifier": {family: model}}`. Bytes, which are a fourth
//! of that and a tenth of the time: the 14 letters `xscatter-learn`, a version and the CRC-32 of the rest
//! (little-endian `u32` each), then the classifier in the format of the `postcard` crate, version 1.
//!
//! A model that comes back predicts bit by bit what it did before. Reading trusts nothing: a tree that leads
//! out of itself, a weight without a feature, a class without a name are errors. A file of another
//! version is refused, not guessed at.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use xscatter_core::{Error, ErrorKind, Result};

use crate::classifier::FittedClassifier;
use crate::envelope::{VERSION, open, read, seal};

const FORMAT: &str = "xscatter-learn";

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    classifier: &'a FittedClassifier,
}

/// Read on its own, so that another version is named before its body fails to fit.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Body {
    classifier: FittedClassifier,
}

impl FittedClassifier {
    /// The text of a file, to embed in another one.
    ///
    /// # Errors
    /// If a number in the model is not finite.
    pub fn to_json(&self) -> Result<String> {
        let written = Written {
            format: FORMAT,
            version: VERSION,
            classifier: self,
        };
        serde_json::to_string(&written).map_err(malformed)
    }

    /// A classifier from the text of a file.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if the text ends early, [`ErrorKind::Malformed`] if it is not what
    /// [`to_json`](Self::to_json) writes, [`ErrorKind::Unsupported`] if it is of another version.
    pub fn from_json(text: &str) -> Result<Self> {
        if !text.trim_end().ends_with('}') {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected a closing brace at the end of {} bytes",
                    text.len()
                ),
            ));
        }
        let header: Header = serde_json::from_str(text).map_err(malformed)?;
        if header.format != FORMAT {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("expected {FORMAT:?}, got {:?}", header.format),
            )
            .at("key format"));
        }
        if header.version != VERSION {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected version {VERSION}, got {}", header.version),
            )
            .at("key version"));
        }
        let body: Body = serde_json::from_str(text).map_err(malformed)?;
        Ok(body.classifier)
    }

    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
        seal(FORMAT, self)
    }

    /// A classifier from the bytes that [`to_bytes`](xscatter_core::Predictor::to_bytes) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if they begin otherwise or do not pass their check,
    /// [`ErrorKind::Truncated`] if they end early, [`ErrorKind::Unsupported`] if they are of another
    /// version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        read(open(FORMAT, bytes)?)
    }

    /// Writes the classifier to a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, self.to_json()?).map_err(|error| Error::from(error).in_file(path))
    }

    /// Reads a classifier from a file.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json), and if the file cannot be read; the file is named.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::from(error).in_file(path))?;
        Self::from_json(&text).map_err(|error| error.in_file(path))
    }
}

fn malformed(error: serde_json::Error) -> Error {
    let kind = match error.classify() {
        Category::Eof => ErrorKind::Truncated,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, error.to_string()).with_source(error)
}
