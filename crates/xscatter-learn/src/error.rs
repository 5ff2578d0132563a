//! What a learner refuses to be built with.

use std::fmt::Display;

use xscatter_core::{Error, ErrorKind};

/// Why a learner could not be built from its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A field lies outside its domain.
    #[error("{field}: expected {expected}, got {found}")]
    OutOfRange {
        /// The field of the configuration.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string())
    }
}

/// An error that names the field, unless the condition holds.
pub(crate) fn require(
    holds: bool,
    field: &'static str,
    expected: &'static str,
    found: impl Display,
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    let found = found.to_string();
    Err(ConfigError::OutOfRange {
        field,
        expected,
        found,
    })
}
