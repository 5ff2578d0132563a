//! Loops that the compiler turns into the widest vector instructions of the processor.

use pulp::{Arch, Simd, WithSimd};

/// Work that gains from wide instructions; everything it calls must be inlined into it.
pub(crate) trait Work {
    fn run(self);
}

struct Vectorised<W>(W);

impl<W: Work> WithSimd for Vectorised<W> {
    type Output = ();

    #[allow(
        clippy::inline_always,
        reason = "a function that is not inlined would be compiled without the wide instructions"
    )]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.run();
    }
}

/// Runs `work` as compiled for this processor; a closure would be compiled for the oldest.
pub(crate) fn vectorised(work: impl Work) {
    Arch::new().dispatch(Vectorised(work));
}
