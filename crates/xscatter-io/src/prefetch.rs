//! Reading ahead: frames are decoded on other threads while the caller works on the ones before.
//!
//! Use it for one pass over a long series, where reading and computing should overlap. Not for random
//! access, and not where the caller reads batches on all cores anyway
//! ([`read_many`](FrameSource::read_many)).
//!
//! Frames come in the order of the source, whatever the threads do; an error is an item, not the end.
//! What lies ready or is being read is at most `budget_bytes`, but always one frame: a reader whose frame
//! would go beyond it waits. How large a frame will be is guessed from the largest one so far, and until
//! the first one is there, one is read at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use xscatter_core::{Frame, FrameSource, Result};

/// How far to read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefetchConfig {
    /// Threads that read; 2 by default, at least 1.
    pub threads: usize,
    /// Bytes of the frames that are being read or wait for the caller; 256 MiB by default.
    pub budget_bytes: usize,
}

impl Default for PrefetchConfig {
    fn default() -> Self {
        Self {
            threads: 2,
            budget_bytes: 256 << 20,
        }
    }
}

/// Reads all frames of a source ahead of the caller.
///
/// ```
/// use std::sync::Arc;
/// use ndarray::Array2;
/// use xscatter_core::Frame;
/// use xscatter_io::prefetch::{PrefetchConfig, prefetch};
///
/// let stack: Vec<Frame> = (0..9).map(|i| Frame::new(Array2::from_elem((4, 4), i as f32))).collect();
/// let mut sum = 0.0;
/// for frame in prefetch(Arc::new(stack), PrefetchConfig::default()) {
///     sum += frame?.valid_counts().sum::<f32>();
/// }
/// assert_eq!(sum, 16.0 * 36.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub fn prefetch<S: FrameSource + 'static>(source: Arc<S>, config: PrefetchConfig) -> Prefetch {
    let len = source.len();
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            next: 0,
            len,
            held_bytes: 0,
            frame_bytes: None,
            ready: BTreeMap::new(),
            stopped: false,
        }),
        changed: Condvar::new(),
        budget_bytes: config.budget_bytes,
    });
    let threads = config.threads.clamp(1, len.max(1));
    let readers = (0..threads)
        .map(|_| {
            let (source, shared) = (Arc::clone(&source), Arc::clone(&shared));
            std::thread::spawn(move || shared.read_frames(&*source))
        })
        .collect();
    Prefetch {
        shared,
        readers,
        next: 0,
        len,
    }
}

/// Iterator over the frames of a source, read ahead; see [`prefetch`].
#[derive(Debug)]
pub struct Prefetch {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
    next: usize,
    len: usize,
}

impl Prefetch {
    /// Bytes of the frames that are being read, as guessed, or wait to be taken.
    pub fn held_bytes(&self) -> usize {
        self.shared.lock().held_bytes
    }
}

impl Iterator for Prefetch {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.len {
            return None;
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(item) = state.ready.remove(&self.next) {
                state.held_bytes -= item.bytes;
                self.next += 1;
                self.shared.changed.notify_all();
                return Some(item.frame);
            }
            if state.stopped {
                // A reader panicked: its message is on standard error already, the iterator just ends.
                self.next = self.len;
                return None;
            }
            state = self.shared.wait(state);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.len - self.next;
        (left, Some(left))
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        for reader in self.readers.drain(..) {
            // A reader that panicked has said so.
            let _ = reader.join();
        }
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    budget_bytes: usize,
}

#[derive(Debug)]
struct State {
    /// The first frame that no reader has taken on.
    next: usize,
    len: usize,
    held_bytes: usize,
    /// The largest frame so far.
    frame_bytes: Option<usize>,
    ready: BTreeMap<usize, Ready>,
    stopped: bool,
}

#[derive(Debug)]
struct Ready {
    frame: Result<Frame>,
    bytes: usize,
}

/// Stops the others if its reader panics.
struct StopOnPanic<'a>(&'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().stopped = true;
            self.0.changed.notify_all();
        }
    }
}

impl Shared {
    /// The state is whole whenever the lock is free, so that a panic elsewhere does no harm.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read_frames(&self, source: &dyn FrameSource) {
        let _guard = StopOnPanic(self);
        while let Some((index, reserved)) = self.take_on() {
            let frame = source.read(index);
            let bytes = frame.as_ref().map_or(0, bytes_of);
            let mut state = self.lock();
            state.held_bytes = state.held_bytes - reserved + bytes;
            if frame.is_ok() {
                state.frame_bytes = Some(state.frame_bytes.unwrap_or(0).max(bytes));
            }
            state.ready.insert(index, Ready { frame, bytes });
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next frame to read and the bytes that are set aside for it; waits until there is room.
    fn take_on(&self) -> Option<(usize, usize)> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next == state.len {
                return None;
            }
            // Until the first frame is there, nobody knows how large one is.
            let bytes = state.frame_bytes.unwrap_or(self.budget_bytes.max(1));
            if state.held_bytes == 0 || state.held_bytes + bytes <= self.budget_bytes {
                state.held_bytes += bytes;
                state.next += 1;
                return Some((state.next - 1, bytes));
            }
            state = self.wait(state);
        }
    }
}

fn bytes_of(frame: &Frame) -> usize {
    let mask = frame.mask().map_or(0, |mask| size_of_val(mask.as_slice()));
    size_of_val(frame.as_slice()) + mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use xscatter_core::{Error, ErrorKind};

    /// Frames of 64 pixels; number 5 cannot be read.
    struct Slow {
        len: usize,
        reading: AtomicUsize,
        most: AtomicUsize,
    }

    impl Slow {
        fn new(len: usize) -> Arc<Self> {
            Arc::new(Self {
                len,
                reading: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
            })
        }
    }

    impl FrameSource for Slow {
        fn len(&self) -> usize {
            self.len
        }

        fn read(&self, index: usize) -> Result<Frame> {
            let now = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Later frames are ready sooner.
            std::thread::sleep(std::time::Duration::from_micros(
                ((7 * index) % 5) as u64 * 100,
            ));
            self.reading.fetch_sub(1, Ordering::SeqCst);
            if index == 5 {
                return Err(Error::new(
                    ErrorKind::Truncated,
                    "expected a frame, found none",
                ));
            }
            assert_ne!(index, 99, "a reader that panics");
            Ok(Frame::new(Array2::from_elem((8, 8), index as f32)))
        }
    }

    const FRAME_BYTES: usize = 8 * 8 * 4;

    #[test]
    fn frames_come_in_order_with_errors_in_their_place() {
        for threads in [1, 4] {
            let config = PrefetchConfig {
                threads,
                ..Default::default()
            };
            let frames: Vec<_> = prefetch(Slow::new(40), config).collect();
            assert_eq!(frames.len(), 40);
            for (index, frame) in frames.into_iter().enumerate() {
                match frame {
                    Ok(frame) => assert_eq!(frame.as_slice()[0], index as f32),
                    Err(_) => assert_eq!(index, 5),
                }
            }
        }
    }

    #[test]
    fn the_budget_bounds_what_is_held() {
        let source = Slow::new(60);
        let config = PrefetchConfig {
            threads: 4,
            budget_bytes: 2 * FRAME_BYTES,
        };
        let mut frames = prefetch(Arc::clone(&source), config);
        while let Some(frame) = frames.next() {
            drop(frame);
            assert!(frames.held_bytes() <= 2 * FRAME_BYTES);
        }
        assert!(source.most.load(Ordering::SeqCst) <= 2);
        // Less than a frame still lets one through at a time.
        let config = PrefetchConfig {
            threads: 4,
            budget_bytes: 1,
        };
        let source = Slow::new(20);
        assert_eq!(prefetch(Arc::clone(&source), config).count(), 20);
        assert_eq!(source.most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn it_may_be_dropped_early_and_an_empty_source_ends_at_once() {
        let mut frames = prefetch(Slow::new(1000), PrefetchConfig::default());
        assert!(frames.next().is_some());
        drop(frames);
        assert_eq!(prefetch(Slow::new(0), PrefetchConfig::default()).count(), 0);
    }

    #[test]
    fn a_reader_that_panics_ends_the_iterator() {
        let frames = prefetch(Slow::new(200), PrefetchConfig::default());
        assert!(frames.count() < 200);
    }
}
