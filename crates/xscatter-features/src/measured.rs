//! Numbers with their uncertainty, and why a number may not exist.

/// A number and, where one is defined, its standard uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The number.
    pub value: f64,
    /// Its standard uncertainty, of the same unit; `None` where none is defined.
    pub sigma: Option<f64>,
}

/// Why something that is computed from a frame is not defined for this frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undefined(String);

impl Undefined {
    /// For this reason: what was expected, what was found.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A number, or why there is none. A feature table shows the latter as `NaN`, which means missing.
///
/// ```
/// use xscatter_features::{Measured, Quantity, Undefined};
///
/// let width: Quantity = Err(Undefined::new("expected a peak, found none"));
/// assert_eq!(width.unwrap_err().to_string(), "expected a peak, found none");
/// let width: Quantity = Ok(Measured { value: 0.03, sigma: Some(0.001) });
/// assert!(width.is_ok_and(|width| width.value > 0.0));
/// ```
pub type Quantity = Result<Measured, Undefined>;

/// The number and its uncertainty as two columns.
pub(crate) fn columns_of(quantity: &Quantity) -> [f32; 2] {
    match quantity {
        Ok(Measured { value, sigma }) => {
            [*value as f32, sigma.map_or(f32::NAN, |sigma| sigma as f32)]
        }
        Err(_) => [f32::NAN; 2],
    }
}
