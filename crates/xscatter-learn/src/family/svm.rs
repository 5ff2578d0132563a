//! Support vector machines.

use xscatter_core::{Estimator, Params, Space};

use super::{BuiltIn, choice, class_weight, real, yes_or_no};
use crate::classifier::Classifier;
use crate::scale::StandardScaler;
use crate::svm::kernel::SvmKernel;
use crate::svm::{KernelSvm, KernelSvmConfig};

pub(super) fn kernel_svm() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "kernel-svm",
        space: Space::new()
            .with("kernel", choice(&["rbf", "linear"]), "rbf")
            .with("c", real(1e-3, 1e4, true), 1.0)
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("c", 10.0)],
        make: |params, _| {
            let kernel = match params.text("kernel")? {
                "linear" => SvmKernel::Linear,
                _ => SvmKernel::default(),
            };
            let svm = KernelSvm::new(KernelSvmConfig {
                kernel,
                c: params.real("c")?,
                class_weight: class_weight(params)?,
                ..KernelSvmConfig::default()
            })?;
            Ok(Classifier::KernelSvm(StandardScaler.then(svm)))
        },
    }
}
