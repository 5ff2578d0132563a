//! Learned words as files.
//!
//! A file is JSON: `{"format": "xscatter-visual-words", "version": 1, "config": {…}, "length": 256, "inertia":
//! …, "words": […]}`, the words one after the other. Words that come back make the same bits of a frame.
//! Reading trusts nothing: settings outside their domain, words of another length and numbers that are not
//! finite are errors; a file of another version is refused.

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use xscatter_core::{Error, ErrorKind, Result};

use super::visual::{VisualWords, VisualWordsConfig};

const FORMAT: &str = "xscatter-visual-words";
const VERSION: u32 = 1;

/// Read on its own, so that another version is named before its body fails to fit.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u32,
    config: &'a VisualWordsConfig,
    length: usize,
    inertia: Option<f64>,
    words: Vec<f32>,
}

#[derive(Deserialize)]
struct Body {
    config: VisualWordsConfig,
    length: usize,
    inertia: Option<f64>,
    words: Vec<f32>,
}

impl VisualWords {
    /// The text of a file, to embed in another one.
    ///
    /// # Errors
    /// Never: all numbers are finite.
    pub fn to_json(&self) -> Result<String> {
        let written = Written {
            format: FORMAT,
            version: VERSION,
            config: self.config(),
            length: self.words().ncols(),
            inertia: self.inertia(),
            words: self.words().iter().copied().collect(),
        };
        serde_json::to_string(&written).map_err(malformed)
    }

    /// Words from the text of a file.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if the text ends early, [`ErrorKind::Malformed`] if it is not what
    /// [`to_json`](Self::to_json) writes, [`ErrorKind::Unsupported`] if it is of another version.
    pub fn from_json(text: &str) -> Result<Self> {
        if !text.trim_end().ends_with('}') {
            let message = format!(
                "expected a closing brace at the end of {} bytes",
                text.len()
            );
            return Err(Error::new(ErrorKind::Truncated, message));
        }
        let header: Header = serde_json::from_str(text).map_err(malformed)?;
        if header.format != FORMAT {
            let message = format!("expected {FORMAT:?}, got {:?}", header.format);
            return Err(Error::new(ErrorKind::Malformed, message).at("key format"));
        }
        if header.version != VERSION {
            let message = format!("expected version {VERSION}, got {}", header.version);
            return Err(Error::new(ErrorKind::Unsupported, message).at("key version"));
        }
        let body: Body = serde_json::from_str(text).map_err(malformed)?;
        let n_numbers = body.words.len();
        let n_words = n_numbers.checked_div(body.length).unwrap_or(0);
        let words =
            Array2::from_shape_vec((n_words, body.length), body.words).map_err(|error| {
                let message = format!(
                    "expected words of {} numbers, got {n_numbers} numbers",
                    body.length
                );
                Error::new(ErrorKind::Malformed, message)
                    .at("key words")
                    .with_source(error)
            })?;
        let mut words = Self::new(body.config, words)
            .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))?;
        words.inertia = body.inertia;
        Ok(words)
    }

    /// Writes the words to a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        std::fs::write(path, self.to_json()?).map_err(|error| Error::from(error).in_file(path))
    }

    /// Reads words from a file.
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
