//! How long work reports where it is.

/// A report of long work: one call at a time, not always from the same thread.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A stage begins.
    Stage {
        /// What is being done: `simulating`.
        name: String,
        /// How many steps it has.
        total: usize,
    },
    /// So many more steps of the current stage are done.
    Advance(usize),
    /// Something that a person should read: a file that was skipped, a choice that was made.
    Note(String),
}

/// Who listens to long work.
pub type Observer<'a> = dyn FnMut(Progress) + Send + 'a;

/// Listens to nothing.
pub fn silent(_: Progress) {}
