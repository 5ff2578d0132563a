//! What a check reports.

/// A rule of a contract that an implementation breaks, and how.
///
/// ```
/// use xscatter_testkit::Violation;
///
/// let violation = Violation::new("beyond-the-end", "read(3) of 3 frames gave a frame");
/// assert_eq!(violation.to_string(), "beyond-the-end: read(3) of 3 frames gave a frame");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Violation {
    /// The name of the rule, as the documentation of the check lists it.
    pub rule: &'static str,
    /// What was found and what the rule demands.
    pub detail: String,
}

impl Violation {
    /// A violation of `rule`.
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self {
            rule,
            detail: detail.into(),
        }
    }

    /// The same violation with the place in front of its detail.
    pub(crate) fn within(mut self, place: impl std::fmt::Display) -> Self {
        self.detail = format!("{place}: {}", self.detail);
        self
    }
}

/// The result of a check.
pub(crate) type Check = Result<(), Violation>;

/// A violation unless the condition holds.
pub(crate) fn ensure(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Check {
    if holds {
        return Ok(());
    }
    Err(Violation::new(rule, detail()))
}
