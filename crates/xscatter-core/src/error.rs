//! The one error of running things, and how it names its place.
//!
//! Building a value fails with a small enum of its own (for example
//! [`MaskError`](crate::mask::MaskError)), because the caller can act on it. Running something
//! fails with [`Error`]: layers compose, so the type must not grow with them. It carries a
//! [`kind`](Error::kind) to branch on, a message that states what was found and what was expected,
//! and, where they are known, the file and the place in it.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

/// The result of every seam method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarse enough to branch on and to stay stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: no such file, no permission, disk full.
    Io,
    /// The bytes are not what their format demands.
    Malformed,
    /// The data end before the header says they do.
    Truncated,
    /// A valid file, but with a variant that is not supported.
    Unsupported,
    /// A size that the file merely claims goes beyond the limits set for reading.
    LimitExceeded,
    /// Two shapes that must agree do not.
    ShapeMismatch,
    /// A geometry, a beam centre or another piece of metadata is needed and absent.
    MissingMetadata,
    /// An argument outside its domain.
    InvalidArgument,
    /// Data on which the result is not defined: a single class, no valid pixel, zero variance.
    DegenerateData,
    /// The computation failed: no convergence, a singular matrix, an overflow.
    Numerical,
    /// A [`StopToken`](crate::stop::StopToken) asked the work to end.
    Stopped,
    /// Anything that a facility's own code reports.
    Other,
}

/// An error of running something: reading, transforming, extracting, fitting, scoring.
///
/// ```
/// use xscatter_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Truncated, "expected 4096 bytes of pixels, found 1000")
///     .in_file("run_042.edf")
///     .at("byte 512");
/// assert_eq!(error.kind(), ErrorKind::Truncated);
/// assert_eq!(
///     error.to_string(),
///     "run_042.edf: at byte 512: expected 4096 bytes of pixels, found 1000"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    file: Option<PathBuf>,
    place: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind; the message states what was found and what was expected.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            file: None,
            place: None,
            source: None,
        }))
    }

    /// Adds the error that caused this one.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Names the file, unless an inner layer has already named one.
    pub fn in_file(mut self, path: impl AsRef<Path>) -> Self {
        self.0
            .file
            .get_or_insert_with(|| path.as_ref().to_path_buf());
        self
    }

    /// Names the place (a byte offset, a header key, a frame), unless an inner layer has done so.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.place.get_or_insert_with(|| place.to_string());
        self
    }

    /// What went wrong, to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was found and what was expected, without file and place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that was being worked on.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The place in the file: a byte offset, a header key, a frame.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.file() {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(place) = self.place() {
            write!(f, "at {place}: ")?;
        }
        f.write_str(self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("file", &self.0.file)
            .field("place", &self.0.place)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
            _ => ErrorKind::Io,
        };
        Self::new(kind, source.to_string()).with_source(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_layer_names_file_and_place() {
        let error = Error::new(ErrorKind::Malformed, "bad")
            .at("key Dim_1")
            .in_file("a.edf")
            .at("frame 3")
            .in_file("b.edf");
        assert_eq!(error.to_string(), "a.edf: at key Dim_1: bad");
    }

    #[test]
    fn an_early_end_of_file_is_a_truncation() {
        let error = Error::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(StdError::source(&error).is_some());
    }
}
