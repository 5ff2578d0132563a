//! Nearest neighbours.

use xscatter_core::{Estimator, Params, Result, Space};

use super::{BuiltIn, choice, class_weight, int, whole, yes_or_no};
use crate::classifier::Classifier;
use crate::neighbours::{Distance, NearestNeighbours, NearestNeighboursConfig, Vote};
use crate::scale::StandardScaler;

pub(super) fn k_nearest_neighbours() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "k-nearest-neighbours",
        space: neighbours_space()
            .with("metric", choice(&["euclidean", "cosine"]), "euclidean")
            .with("balanced", yes_or_no(), false),
        guesses: vec![
            none(),
            none().with("k", 15),
            none().with("k", 1),
            none().with("metric", "cosine"),
        ],
        make: |params, _| {
            let neighbours = NearestNeighbours::new(NearestNeighboursConfig {
                k: whole(params, "k")?,
                vote: vote(params)?,
                metric: match params.text("metric")? {
                    "cosine" => Distance::Cosine,
                    _ => Distance::Euclidean,
                },
                class_weight: class_weight(params)?,
            })?;
            Ok(Classifier::KNearestNeighbours(
                StandardScaler.then(neighbours),
            ))
        },
    }
}

pub(super) fn neighbours_space() -> Space {
    Space::new().with("k", int(1, 100, true), 5).with(
        "vote",
        choice(&["distance", "uniform"]),
        "distance",
    )
}

pub(super) fn vote(params: &Params) -> Result<Vote> {
    Ok(match params.text("vote")? {
        "uniform" => Vote::Uniform,
        _ => Vote::Distance,
    })
}
