//! Bag of visual words: a frame as the small forms it is made of, and where they are.
//!
//! ```text
//! frames ─ descriptors on a grid ─┬─ a sample of them ─ dictionary
//!                                 └─ codes in its words ─ pooled in cells ─ row
//! ```
//!
//! Words are learned from frames, without labels ([`VisualWordsConfig::fit`]); then every frame is a row of
//! `cells × words` numbers ([`VisualWords`]). Use it as the strong classical baseline between statistics of a
//! whole frame and a network: a linear or histogram-intersection classifier on top learns tags from some
//! hundred frames. It knows nothing of physics, and a word has no name.
//!
//! | column | meaning |
//! |---|---|
//! | `words.l0.w017` | how much of word 17 is on the frame |
//! | `words.l1.r0c1.w017` | and in the upper right quarter, and so on for level 2 |
//! | `words.l1.q0s1.w017` | of a polar pyramid: at small q about the vertical |
//!
//! Parts, each of use by itself: [`Patches`] (and where they are), [`kmeans`], [`sparse`] coding,
//! [`Encoder`], [`Pyramid`].
//!
//! | settings | what it is |
//! |---|---|
//! | hard, mean, [`Matching`](LevelWeights::Matching), L1 | the spatial pyramid of Lazebnik et al. 2006, for the histogram intersection kernel |
//! | LLC, max, L2 (the default) | Wang et al. 2010, for a linear classifier |
//! | sparse dictionary, sparse codes, max, L2 | Yang et al. 2009 (with OMP in the place of an L1 penalty) |
//!
//! *Masks*: patches of which more than a fifth is masked are left out, masked pixels of the others take the
//! mean of the valid ones. A cell without a patch shows no word: its values are 0. A frame without any
//! patch is an error of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData); one without a
//! geometry, for a polar pyramid, of kind [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata). Every
//! value is finite.
//!
//! *Cost*: `2 · patches · words · length` operations a frame, and the codes. *Memory*: one image of the
//! transformed counts, and 128 descriptors with their products, a frame in flight; fitting holds the
//! sample and eight frames.

mod descriptor;
pub mod encoding;
pub mod kmeans;
pub mod patches;
mod persist;
pub mod pyramid;
mod random;
mod sample;
pub mod sparse;
mod visual;

pub use descriptor::Descriptor;
pub use encoding::{Encoder, Encoding, EncodingError};
pub use kmeans::KMeansConfig;
pub use patches::{PatchConfig, PatchError, PatchNormalisation, Patches};
pub use pyramid::{Pyramid, PyramidError};
pub use sparse::SparseConfig;
pub use visual::{
    Dictionary, Fitting, LevelWeights, Pooling, RowNorm, VisualWords, VisualWordsConfig,
    VisualWordsError,
};
