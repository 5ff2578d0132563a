//! Words take little memory: eight times its pixels a frame in flight, and learning no more for more frames.

use ndarray::Array2;
use xscatter_core::{FeatureExtractor as _, Frame, FrameSource, Mask, Result, StopToken};
use xscatter_features::VisualWordsConfig;
use xscatter_features::words::{Descriptor, Dictionary, KMeansConfig, PatchConfig, SparseConfig};
use xscatter_testkit::memory::{Counting, peak};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Frames made when they are read.
struct Made {
    count: usize,
    shape: (usize, usize),
}

impl FrameSource for Made {
    fn len(&self) -> usize {
        self.count
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let counts = Array2::from_shape_fn(self.shape, |(row, column)| {
            (row * (31 + index) + column * column * 7 + row * column) as f32 % 113.0
        });
        let bad = Array2::from_shape_fn(self.shape, |(row, column)| row % 95 < 3 || column == 40);
        Ok(Frame::new(counts).with_mask(Mask::from_bad(bad.view()))?)
    }
}

/// One thread, so that all of the work is done by the one that is watched.
fn alone(work: impl FnOnce() + Send) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .expect("the current thread can be used");
    pool.install(work);
}

#[test]
fn memory_is_bounded() {
    alone(|| {
        let few_words = |dictionary| VisualWordsConfig {
            dictionary,
            descriptor: Descriptor::Patches(PatchConfig {
                size_px: 8,
                step_px: 6,
                ..Default::default()
            }),
            sample: 2000,
            ..Default::default()
        };
        let k_means = few_words(Dictionary::KMeans(KMeansConfig {
            words: 32,
            passes: 1,
            ..Default::default()
        }));
        let sparse = few_words(Dictionary::Sparse(SparseConfig {
            words: 32,
            passes: 1,
            ..Default::default()
        }));
        for config in [k_means, sparse] {
            let [few, many] = [24, 240].map(|count| {
                let source = Made {
                    count,
                    shape: (64, 72),
                };
                peak(|| {
                    config
                        .fit(&source, &StopToken::new(), &mut |_| {})
                        .map(drop)
                        .expect("sound frames");
                })
            });
            assert!(
                many < few + few / 4,
                "{few} bytes, {many} for ten times the frames"
            );
        }

        // A frame in flight, with the words of the defaults.
        let source = Made {
            count: 2,
            shape: (256, 256),
        };
        let config = VisualWordsConfig {
            dictionary: Dictionary::KMeans(KMeansConfig {
                words: 256,
                passes: 1,
                ..Default::default()
            }),
            sample: 600,
            ..Default::default()
        };
        let words = config
            .fit(&source, &StopToken::new(), &mut |_| {})
            .expect("sound frames");
        let frames = [source.read(1).expect("a frame")];
        let held = peak(|| words.extract(&frames).map(drop).expect("a sound frame"));
        let limit = 8 * 4 * 256 * 256;
        assert!(held <= limit, "{held} of {limit} bytes");
    });
}
