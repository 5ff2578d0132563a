//! The extractor: what frames are made of, in words learned from frames.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive_named;
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, FrameSource, Result, StopToken};

use super::descriptor::{Described, Descriptor};
use super::encoding::{Encoder, Encoding, EncodingError, LARGEST, Scratch};
use super::kmeans::{KMeansConfig, mini_batch};
use super::patches::PatchError;
use super::pyramid::{Pyramid, PyramidError};
use super::sample::sample;
use super::sparse::{SparseConfig, learn};
use crate::batch::fill_rows;
use crate::dense_sift::DenseSiftError;
use crate::resample::{Grid, GridError, degenerate};

/// How the words are learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dictionary {
    /// Mini-batch k-means.
    KMeans(KMeansConfig),
    /// Sparse coding.
    Sparse(SparseConfig),
}

impl Default for Dictionary {
    /// k-means.
    fn default() -> Self {
        Self::KMeans(KMeansConfig::default())
    }
}

impl Dictionary {
    /// How many words are learned.
    pub const fn words(&self) -> usize {
        match self {
            Self::KMeans(config) => config.words,
            Self::Sparse(config) => config.words,
        }
    }

    const fn passes(&self) -> usize {
        match self {
            Self::KMeans(config) => config.passes,
            Self::Sparse(config) => config.passes,
        }
    }
}

/// How the codes of a cell become one number a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest; 0 if no patch of the cell shows the word.
    #[default]
    Max,
    /// The sum, divided by the patches of the frame: hard, soft and LLC codes of a level sum to 1.
    Mean,
}

/// How much the levels of the pyramid count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelWeights {
    /// All alike.
    #[default]
    Even,
    /// `2^(l − L)` for level l of 1 to L, and as level 1 for level 0 (1/4, 1/4, 1/2 of three): matches in
    /// small cells count most, under the histogram intersection kernel `Σ min(a, b)`.
    Matching,
}

impl LevelWeights {
    fn of(self, level: usize, levels: usize) -> f64 {
        match self {
            Self::Even => 1.0,
            Self::Matching => 0.5f64.powi((levels - level.max(1)).min(levels - 1) as i32),
        }
    }
}

/// What is done to the finished row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowNorm {
    /// Nothing.
    None,
    /// Its absolute values sum to 1.
    L1,
    /// Its squares sum to 1.
    #[default]
    L2,
}

/// How frames become words; see the [module](super).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VisualWordsConfig {
    /// The pixels that are described.
    pub grid: Grid,
    /// What is described at each place.
    pub descriptor: Descriptor,
    /// How the words are learned.
    pub dictionary: Dictionary,
    /// How a descriptor becomes a code.
    pub encoding: Encoding,
    /// How the codes of a cell become one number a word.
    pub pooling: Pooling,
    /// The cells.
    pub pyramid: Pyramid,
    /// How much the levels of the pyramid count.
    pub level_weights: LevelWeights,
    /// What is done to the finished row.
    pub norm: RowNorm,
    /// The most descriptors that words are learned from.
    pub sample: usize,
    /// The seed of the sample and of the start.
    pub seed: u64,
}

impl Default for VisualWordsConfig {
    /// 256 words by k-means from 40,000 patches of 16 × 16 pixels on frames of at most 256; LLC, the
    /// largest in each of 21 cells, rows of length 1: for a linear classifier.
    fn default() -> Self {
        Self {
            grid: Grid::LongSide(256),
            descriptor: Descriptor::default(),
            dictionary: Dictionary::default(),
            encoding: Encoding::default(),
            pooling: Pooling::default(),
            pyramid: Pyramid::default(),
            level_weights: LevelWeights::default(),
            norm: RowNorm::default(),
            sample: 40_000,
            seed: 0,
        }
    }
}

/// Why frames cannot become words like that.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VisualWordsError {
    /// The patches make no sense.
    #[error(transparent)]
    Patches(#[from] PatchError),
    /// The gradients make no sense.
    #[error(transparent)]
    Gradients(#[from] DenseSiftError),
    /// The encoding makes no sense, or does not fit the words.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The pyramid makes no sense.
    #[error(transparent)]
    Pyramid(#[from] PyramidError),
    /// The grid makes no sense.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// Too few of something.
    #[error("expected {what} of at least {least}, got {found}")]
    Few {
        /// What there is too little of.
        what: &'static str,
        /// How many there must be.
        least: usize,
        /// How many there are.
        found: usize,
    },
    /// Words of another length than the descriptors.
    #[error("expected words of {expected} numbers as the descriptors, got {found}")]
    Width {
        /// Numbers a descriptor.
        expected: usize,
        /// Numbers a word.
        found: usize,
    },
    /// A share outside its domain.
    #[error("expected reassign_below from 0 to 1, got {0}")]
    Reassign(f64),
}

impl From<VisualWordsError> for Error {
    fn from(error: VisualWordsError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
    }
}

/// What happens while words are learned.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fitting<'a> {
    /// Further frames gave their descriptors.
    Sampled {
        /// How many.
        frames: usize,
        /// Of how many.
        of: usize,
    },
    /// A frame has nothing to describe.
    Skipped(&'a Error),
    /// All descriptors were seen once more.
    Pass {
        /// From 1.
        pass: usize,
        /// Of how many.
        of: usize,
        /// What the words left of the descriptors, while they moved.
        inertia: f64,
    },
}

impl VisualWordsConfig {
    /// Refuses settings outside their domain.
    ///
    /// # Errors
    /// [`VisualWordsError`].
    pub fn check(&self) -> Result<(), VisualWordsError> {
        self.grid.check(1)?;
        self.descriptor.check()?;
        self.pyramid.check()?;
        let (words, batch, passes) = match self.dictionary {
            Dictionary::KMeans(config) => {
                if !(0.0..=1.0).contains(&config.reassign_below) {
                    return Err(VisualWordsError::Reassign(config.reassign_below));
                }
                (config.words, config.batch, config.passes)
            }
            Dictionary::Sparse(config) => {
                Encoding::Sparse {
                    nonzeros: config.nonzeros,
                }
                .check(config.words)?;
                (config.words, config.batch, config.passes)
            }
        };
        for (what, least, found) in [
            ("words", 1, words),
            ("a batch", 1, batch),
            ("passes", 1, passes),
            ("a sample", words, self.sample),
        ] {
            if found < least {
                return Err(VisualWordsError::Few { what, least, found });
            }
        }
        Ok(self.encoding.check(words)?)
    }

    /// Learns words from the frames of a source; memory does not grow with their number.
    ///
    /// The same seed gives the same words, on any number of threads. Frames in which there is nothing to
    /// describe are passed over and reported.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for settings outside their domain, [`ErrorKind::DegenerateData`] for
    /// fewer descriptors than words, [`ErrorKind::Stopped`]; and if a frame cannot be read.
    pub fn fit(
        &self,
        source: &dyn FrameSource,
        stop: &StopToken,
        observer: &mut dyn FnMut(Fitting<'_>),
    ) -> Result<VisualWords> {
        self.check()?;
        let what = (self.grid, &self.descriptor);
        let rows = sample(source, what, self.sample, self.seed, stop, observer)?;
        let seed = derive_named(self.seed, "dictionary");
        let of = self.dictionary.passes();
        let mut passed = |pass, inertia| observer(Fitting::Pass { pass, of, inertia });
        let learned = match &self.dictionary {
            Dictionary::KMeans(config) => mini_batch(rows.view(), config, seed, stop, &mut passed)?,
            Dictionary::Sparse(config) => learn(rows.view(), config, seed, stop, &mut passed)?,
        };
        let mut words = VisualWords::new(self.clone(), learned.words)?;
        words.inertia = Some(learned.inertia);
        Ok(words)
    }
}

/// Words, and the rows that they make of frames; see the [module](super).
#[derive(Debug, Clone)]
pub struct VisualWords {
    config: VisualWordsConfig,
    words: Array2<f32>,
    encoder: Encoder,
    pub(crate) inertia: Option<f64>,
    columns: Vec<Arc<str>>,
}

impl VisualWords {
    /// With words from elsewhere, one a row; [`VisualWordsConfig::fit`] learns them.
    ///
    /// # Errors
    /// [`VisualWordsError`] if a setting is outside its domain, or the words are not as long as the
    /// descriptors.
    pub fn new(config: VisualWordsConfig, words: Array2<f32>) -> Result<Self, VisualWordsError> {
        config.check()?;
        let expected = config.descriptor.width();
        let found = words.ncols();
        if found != expected {
            return Err(VisualWordsError::Width { expected, found });
        }
        let encoder = Encoder::new(words.view(), config.encoding)?;
        // Names of equal width, so that sorted columns are in the order of the words.
        let width = (words.nrows() - 1).to_string().len();
        let mut columns: Vec<Arc<str>> = Vec::new();
        for cell in config.pyramid.names() {
            let names =
                (0..words.nrows()).map(|word| format!("words.{cell}.w{word:0width$}").into());
            columns.extend(names);
        }
        Ok(Self {
            config,
            words,
            encoder,
            inertia: None,
            columns,
        })
    }

    /// The settings.
    pub fn config(&self) -> &VisualWordsConfig {
        &self.config
    }

    /// The words, one a row.
    pub fn words(&self) -> ArrayView2<'_, f32> {
        self.words.view()
    }

    /// What the words left of the descriptors that they were learned from: the sum of squared distances;
    /// `None` if they come from elsewhere.
    pub fn inertia(&self) -> Option<f64> {
        self.inertia
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        /// So many descriptors are in flight.
        const CHUNK: usize = 128;
        let config = &self.config;
        let described = Described::of(frame, config.grid, &config.descriptor)?;
        let cells = config.pyramid.on(frame, described.shape)?;
        let n_words = self.words.nrows();
        let mut pooled = vec![0.0f64; config.pyramid.cells() * n_words];
        let mut inside: Vec<usize> = (0..described.len())
            .filter(|&place| cells.of(described.centre(place)).is_some())
            .collect();
        if inside.is_empty() {
            return Err(degenerate(
                frame,
                format!("expected patches within {:?}, found none", config.pyramid),
            ));
        }
        let n_inside = inside.len();
        let mut rows = Array2::zeros((CHUNK.min(n_inside), self.words.ncols()));
        let mut products = Array2::zeros((rows.nrows(), n_words));
        let mut scratch = Scratch::default();
        for places in inside.chunks_mut(CHUNK) {
            let mut rows = rows.slice_mut(s![..places.len(), ..]);
            described.fill(places.iter().copied(), rows.view_mut());
            if rows.iter().any(|x| x.abs() > LARGEST) {
                let message = format!("expected descriptors up to {LARGEST:e}, found larger ones");
                return Err(degenerate(frame, message));
            }
            let products = products.slice_mut(s![..places.len(), ..]);
            let take = |row: usize, code: &[(usize, f64)]| {
                let cells = cells.of(described.centre(places[row]));
                for cell in cells.into_iter().flatten() {
                    let pooled = &mut pooled[cell * n_words..][..n_words];
                    for &(word, value) in code {
                        match config.pooling {
                            Pooling::Max => pooled[word] = pooled[word].max(value),
                            Pooling::Mean => pooled[word] += value,
                        }
                    }
                }
            };
            self.encoder.each(rows.view(), products, &mut scratch, take);
        }
        self.finish(&mut pooled, n_inside);
        Ok(pooled.into_iter().map(|value| value as f32).collect())
    }

    /// From what was pooled to the row.
    fn finish(&self, pooled: &mut [f64], n_patches: usize) {
        let levels = self.config.pyramid.levels();
        let n_words = self.words.nrows();
        let mut rest = &mut *pooled;
        for level in 0..levels {
            let (of_level, after) = rest.split_at_mut((1 << (2 * level)) * n_words);
            let mut weight = self.config.level_weights.of(level, levels);
            if self.config.pooling == Pooling::Mean {
                weight /= n_patches as f64;
            }
            for value in of_level {
                *value *= weight;
            }
            rest = after;
        }
        let norm = match self.config.norm {
            RowNorm::None => return,
            RowNorm::L1 => pooled.iter().map(|value| value.abs()).sum::<f64>(),
            RowNorm::L2 => pooled.iter().map(|value| value * value).sum::<f64>().sqrt(),
        };
        // A frame without any contrast has sparse codes of 0.
        if norm > 0.0 {
            for value in pooled {
                *value /= norm;
            }
        }
    }
}

impl FeatureExtractor for VisualWords {
    fn name(&self) -> &str {
        "visual-words"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}
