//! Support vector machines.

use xscatter_core::{Estimator, Params, Space};

use super::{BuiltIn, choice, class_weight, real, yes_or_no};
use crate::classifier::Classifier;
use crate::scale::StandardScaler;
use crate::svm::kernel::{Gamma, SvmKernel};
use crate::svm::linear::{LinearSvm, LinearSvmConfig, SvmLoss};
use crate::svm::{KernelSvm, KernelSvmConfig, MultiClass};

/// With a kernel; `gamma` is relative to the width of the data (scikit-learn's `scale`) and concerns the
/// Gaussian kernel alone. The intersection kernel takes the features as they are, and its fit is an error
/// unless all are 0 or more; no first guess has it.
pub(super) fn kernel_svm() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "kernel-svm",
        space: Space::new()
            .with("kernel", choice(&["rbf", "linear", "intersection"]), "rbf")
            .with("c", real(1e-3, 1e4, true), 1.0)
            .with("gamma", real(1e-2, 1e2, true), 1.0)
            .with(
                "multi-class",
                choice(&["one-vs-one", "one-vs-rest"]),
                "one-vs-one",
            )
            .with("balanced", yes_or_no(), false),
        guesses: vec![
            none(),
            none().with("c", 3.0),
            none().with("c", 10.0),
            none().with("c", 10.0).with("multi-class", "one-vs-rest"),
        ],
        make: |params, _| {
            let kernel = match params.text("kernel")? {
                "linear" => SvmKernel::Linear,
                "intersection" => SvmKernel::Intersection,
                _ => SvmKernel::Rbf {
                    gamma: Gamma::Scale(params.real("gamma")?),
                },
            };
            let svm = KernelSvm::new(KernelSvmConfig {
                kernel,
                c: params.real("c")?,
                multi_class: match params.text("multi-class")? {
                    "one-vs-rest" => MultiClass::OneVsRest,
                    _ => MultiClass::OneVsOne,
                },
                class_weight: class_weight(params)?,
                ..KernelSvmConfig::default()
            })?;
            Ok(match kernel {
                SvmKernel::Intersection => Classifier::IntersectionSvm(svm),
                _ => Classifier::KernelSvm(StandardScaler.then(svm)),
            })
        },
    }
}

pub(super) fn linear_svm() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "linear-svm",
        space: Space::new()
            .with("c", real(1e-4, 1e3, true), 0.1)
            .with("loss", choice(&["squared-hinge", "hinge"]), "squared-hinge")
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("c", 0.01), none().with("c", 1.0)],
        make: |params, seed| {
            let svm = LinearSvm::new(LinearSvmConfig {
                c: params.real("c")?,
                loss: match params.text("loss")? {
                    "hinge" => SvmLoss::Hinge,
                    _ => SvmLoss::SquaredHinge,
                },
                class_weight: class_weight(params)?,
                seed,
                ..LinearSvmConfig::default()
            })?;
            Ok(Classifier::LinearSvm(StandardScaler.then(svm)))
        },
    }
}
