//! How much memory a piece of work holds: for tests that a hostile input cannot ask for more than it is
//! worth.
//!
//! A test binary installs the allocator, and measures what one thread does; what other threads hold is
//! not counted. Installing it costs a few additions for each allocation.
//!
//! ```
//! use xscatter_testkit::memory::{Counting, peak};
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//!
//! let held = peak(|| drop(vec![0_u8; 5000]));
//! assert!((5000..6000).contains(&held));
//! ```

#![allow(
    unsafe_code,
    reason = "an allocator must implement an unsafe trait; every call is handed on as it is"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread holds, and the most that it held.
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// The allocator of the system, counting what each thread holds.
#[derive(Debug)]
pub struct Counting;

fn count(taken: usize, given: usize) {
    HELD.with(|held| {
        let now = held.get().saturating_add(taken).saturating_sub(given);
        held.set(now);
        PEAK.with(|peak| peak.set(peak.get().max(now)));
    });
}

// SAFETY: every call is handed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(block, layout, size) }
    }
}

/// The most bytes that this thread held at a time during `work`, beyond those before it; 0 unless
/// [`Counting`] is the allocator of the program.
pub fn peak(work: impl FnOnce()) -> usize {
    let before = HELD.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    work();
    PEAK.with(Cell::get) - before
}
