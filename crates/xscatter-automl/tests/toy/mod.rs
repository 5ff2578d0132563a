//! Data and families of models for tests of studies.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use xscatter_automl::Representation;
use xscatter_core::search::{Domain, Space};
use xscatter_core::{
    BoxEstimator, BoxPredictor, Classes, Error, ErrorKind, Estimator, Family, FeatureTable, Params,
    Predictor, Result, Target, TrainingSet, seed,
};

/// Probabilities from the distances to the mean of every class.
struct Centroid {
    sharpness: f64,
}

struct Centroids {
    names: Vec<Arc<str>>,
    means: Array2<f64>,
    sharpness: f64,
}

impl Estimator for Centroid {
    type Fitted = Centroids;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Centroids> {
        let classes = train.target().classes()?;
        let counts = classes.counts();
        train.stop().check()?;
        // In parallel over the columns, so that the fit needs the pool of rayon.
        let rows = train.rows();
        let columns: Vec<Vec<f64>> = (0..rows.ncols())
            .into_par_iter()
            .map(|column| {
                let mut means = vec![0.0; classes.n_classes()];
                for (&value, &label) in rows.column(column).iter().zip(classes.labels()) {
                    means[label as usize] += f64::from(value) / counts[label as usize] as f64;
                }
                means
            })
            .collect();
        let shape = (classes.n_classes(), rows.ncols());
        let means = Array2::from_shape_fn(shape, |(class, column)| columns[column][class]);
        Ok(Centroids {
            names: classes.names().to_vec(),
            means,
            sharpness: self.sharpness,
        })
    }
}

impl Predictor for Centroids {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let mut scores = Array2::zeros((rows.nrows(), self.names.len()));
        for (row, mut out) in rows.rows().into_iter().zip(scores.rows_mut()) {
            for (mean, out) in self.means.rows().into_iter().zip(&mut out) {
                let squares = row
                    .iter()
                    .zip(mean)
                    .map(|(&x, m)| (f64::from(x) - m).powi(2));
                *out = (-self.sharpness * squares.sum::<f64>()).exp() as f32 + 1e-6;
            }
            let sum = out.sum();
            out /= sum;
        }
        Ok(scores)
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let names: Vec<&str> = self.names.iter().map(|name| &**name).collect();
        let means: Vec<f64> = self.means.iter().copied().collect();
        let all = (names, self.means.ncols(), means, self.sharpness);
        Ok(serde_json::to_vec(&all).expect("plain values"))
    }
}

impl Centroids {
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed =
            |error: serde_json::Error| Error::new(ErrorKind::Malformed, error.to_string());
        let (names, width, means, sharpness): (Vec<String>, usize, Vec<f64>, f64) =
            serde_json::from_slice(bytes).map_err(malformed)?;
        let means = Array2::from_shape_vec((names.len(), width), means)
            .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))?;
        Ok(Self {
            names: names.into_iter().map(Into::into).collect(),
            means,
            sharpness,
        })
    }
}

/// What a family does on fitting.
#[derive(Clone, Copy, PartialEq)]
#[allow(dead_code, reason = "not every test program has every manner")]
pub(crate) enum Manner {
    Centroid,
    Fail,
    Panic,
    Constant,
    Noise,
    /// Fits until it is stopped.
    Endless,
}

pub(crate) struct Toy {
    name: &'static str,
    manner: Manner,
    space: Space,
}

impl Toy {
    pub(crate) fn boxed(name: &'static str, manner: Manner) -> Box<dyn Family> {
        let sharpness = Domain::Real {
            low: 0.01,
            high: 10.0,
            log: true,
        };
        Box::new(Self {
            name,
            manner,
            space: Space::new().with("sharpness", sharpness, 1.0),
        })
    }
}

impl Family for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn space(&self) -> &Space {
        &self.space
    }

    fn portfolio(&self) -> Vec<Params> {
        [1.0, 0.1, 5.0]
            .map(|value| Params::new().with("sharpness", value))
            .to_vec()
    }

    fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator> {
        let sharpness = self.space.complete(params)?.real("sharpness")?;
        Ok(match self.manner {
            Manner::Centroid => Centroid { sharpness }.boxed(),
            manner => Odd { manner, seed }.boxed(),
        })
    }

    fn load(&self, bytes: &[u8]) -> Result<BoxPredictor> {
        Ok(Box::new(Centroids::from_bytes(bytes)?))
    }
}

struct Odd {
    manner: Manner,
    seed: u64,
}

struct OddFitted {
    names: Vec<Arc<str>>,
    seed: Option<u64>,
}

impl Estimator for Odd {
    type Fitted = OddFitted;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<OddFitted> {
        match self.manner {
            Manner::Fail => Err(Error::new(ErrorKind::Numerical, "the matrix is singular")),
            Manner::Panic => panic!("index out of bounds"),
            Manner::Endless => loop {
                train.stop().check()?;
                std::thread::yield_now();
            },
            _ => Ok(OddFitted {
                names: train.target().names().to_vec(),
                seed: (self.manner == Manner::Noise).then_some(self.seed),
            }),
        }
    }
}

impl Predictor for OddFitted {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let classes = self.names.len();
        let score = |(row, class): (usize, usize)| match self.seed {
            // Different on every fold and for every seed of the study.
            Some(seed) => seed::derive(seed, (row * classes + class) as u64) as f32,
            None => 1.0,
        };
        let mut scores = Array2::from_shape_fn((rows.nrows(), classes), score);
        for mut row in scores.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        Ok(scores)
    }
}

/// Three classes of twelve groups of three rows; the first columns tell them apart.
pub(crate) fn data() -> (Vec<Representation>, Target) {
    let names = ["GISAXS", "SAXS", "WAXS"];
    let labels: Vec<&str> = (0..108).map(|row| names[(row / 3) % 3]).collect();
    let classes = Classes::from_names(&labels);
    let table = |width: usize, contrast: f32| {
        let values = Array2::from_shape_fn((108, width), |(row, column)| {
            let noise = seed::derive(column as u64, row as u64) as f32 / u64::MAX as f32 - 0.5;
            let class = classes.labels()[row] as usize;
            noise + if class == column { contrast } else { 0.0 }
        });
        FeatureTable::new(
            values,
            (0..width)
                .map(|column| format!("c{column}").into())
                .collect(),
            (0..108).map(|row| format!("frame {row}").into()).collect(),
            (0..108)
                .map(|row| format!("scan {}", row / 3).into())
                .collect(),
        )
        .expect("names for all rows and columns")
    };
    let representations = vec![
        Representation::new("weak", table(4, 0.3)),
        Representation::new("strong", table(3, 1.0)),
    ];
    (representations, Target::Classes(classes.clone()))
}

#[allow(dead_code, reason = "not every test program needs them all")]
pub(crate) fn families() -> Vec<Box<dyn Family>> {
    vec![
        Toy::boxed("centroid", Manner::Centroid),
        Toy::boxed("constant", Manner::Constant),
        Toy::boxed("failing", Manner::Fail),
        Toy::boxed("noise", Manner::Noise),
        Toy::boxed("panicking", Manner::Panic),
    ]
}
