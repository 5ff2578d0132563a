//! Asking long work to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// A shared flag, with an optional deadline, that long work looks at from time to time.
///
/// ```
/// use xscatter_core::StopToken;
///
/// let stop = StopToken::new();
/// let theirs = stop.clone();
/// assert!(theirs.check().is_ok());
/// stop.stop();
/// assert!(theirs.check().is_err());
/// ```
#[derive(Debug, Clone, Default)]
pub struct StopToken {
    stopped: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl StopToken {
    /// A token that never stops by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same flag with a deadline of its own; the earlier of two deadlines holds.
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let deadline = self
            .deadline
            .map_or(deadline, |earlier| earlier.min(deadline));
        Self {
            stopped: self.stopped.clone(),
            deadline: Some(deadline),
        }
    }

    /// Asks all holders of this token to end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
            || self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// An error of kind [`ErrorKind::Stopped`] once the work is to end.
    ///
    /// # Errors
    /// If [`stop`](Self::stop) was called or the deadline has passed.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() {
            return Err(Error::new(
                ErrorKind::Stopped,
                "stopped on request or at its deadline",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_stops_only_its_own_token() {
        let token = StopToken::new();
        let late = token.with_deadline(Instant::now());
        assert!(late.is_stopped());
        assert_eq!(late.check().unwrap_err().kind(), ErrorKind::Stopped);
        assert!(!token.is_stopped());
    }
}
