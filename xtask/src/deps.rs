//! How many dependencies each crate brings along.

use std::collections::BTreeSet;

use crate::cargo::{cargo, output};

/// What a project that adds a crate may have to build, where there is a limit.
const LIMITS: [(&str, usize); 1] = [("xscatter-core", 20)];

/// The libraries that a project adds one by one.
const LIBRARIES: [&str; 15] = [
    "xscatter-core",
    "xscatter-codecs",
    "xscatter-hdf5",
    "xscatter-geometry",
    "xscatter-io",
    "xscatter-reduce",
    "xscatter-heal",
    "xscatter-features",
    "xscatter-sim",
    "xscatter-learn",
    "xscatter-deep",
    "xscatter-metrics",
    "xscatter-automl",
    "xscatter-testkit",
    "xscatter",
];

pub(crate) fn run() -> Result<(), String> {
    println!("{:<20} {:>12}", "crate", "dependencies");
    for library in LIBRARIES {
        println!("{library:<20} {:>12}", count(library)?);
    }
    let tree = tree("xscatter-core")?;
    println!(
        "\nxscatter-core: {}",
        tree.into_iter().collect::<Vec<_>>().join(", ")
    );
    within_limits()
}

/// An error for the first crate beyond its limit.
pub(crate) fn within_limits() -> Result<(), String> {
    for (library, limit) in LIMITS {
        let found = count(library)?;
        if found > limit {
            return Err(format!(
                "{library}: expected at most {limit} dependencies, found {found}"
            ));
        }
    }
    Ok(())
}

fn count(library: &str) -> Result<usize, String> {
    Ok(tree(library)?.len())
}

/// Names and versions, the crate itself left out; what is only built for tests does not count.
fn tree(library: &str) -> Result<BTreeSet<String>, String> {
    let text = output(cargo().args([
        "tree",
        "--locked",
        "--package",
        library,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    Ok(distinct(&text))
}

fn distinct(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|package| !package.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_counts_each_package_once_and_not_its_root() {
        let tree = "top v0.1.0 (/somewhere)\nndarray v0.17.2\nnum-traits v0.2.19\n\
                    num-traits v0.2.19 (*)\nserde_derive v1.0.0 (proc-macro)\n\n";
        let packages: Vec<String> = distinct(tree).into_iter().collect();
        assert_eq!(
            packages,
            [
                "ndarray v0.17.2",
                "num-traits v0.2.19",
                "serde_derive v1.0.0"
            ]
        );
    }
}
