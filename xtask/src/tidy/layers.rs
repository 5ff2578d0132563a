//! The dependency graph: arrows go down, and crates on one line never see each other.

use serde_json::Value;

use super::Problem;

/// What each library may depend on among the packages of the workspace; the picture of it is in
/// `docs/architecture.md`. A new library gets a line here.
const LAYERS: [(&str, &[&str]); 16] = [
    ("xscatter-core", &[]),
    ("xscatter-codecs", &[]),
    ("xscatter-hdf5", &["xscatter-codecs"]),
    ("xscatter-testkit", &["xscatter-core"]),
    ("xscatter-geometry", &["xscatter-core"]),
    (
        "xscatter-io",
        &["xscatter-codecs", "xscatter-core", "xscatter-hdf5"],
    ),
    ("xscatter-learn", &["xscatter-core"]),
    ("xscatter-deep", &["xscatter-core"]),
    ("xscatter-metrics", &["xscatter-core"]),
    ("xscatter-reduce", &["xscatter-core", "xscatter-geometry"]),
    ("xscatter-heal", &["xscatter-core", "xscatter-geometry"]),
    ("xscatter-features", &["xscatter-core", "xscatter-geometry"]),
    ("xscatter-sim", &["xscatter-core", "xscatter-geometry"]),
    ("xscatter-automl", &["xscatter-core", "xscatter-metrics"]),
    (
        "xscatter",
        &[
            "xscatter-automl",
            "xscatter-core",
            "xscatter-deep",
            "xscatter-features",
            "xscatter-geometry",
            "xscatter-heal",
            "xscatter-io",
            "xscatter-learn",
            "xscatter-metrics",
            "xscatter-reduce",
            "xscatter-sim",
        ],
    ),
    ("xscatter-cli", &["xscatter"]),
];

/// The one crate that proves the others; only ever a dev-dependency.
const TESTKIT: &str = "xscatter-testkit";

/// What core may depend on besides.
const CORE_MAY_USE: [&str; 3] = ["ndarray", "serde", "thiserror"];

/// Where the networks and their backends live.
const DEEP: &str = "xscatter-deep";

/// A package of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// Whether it may go to the registry.
    pub(crate) publishes: bool,
    /// The path of its manifest from the root, with forward slashes.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether it is only built for tests, examples and benches.
    pub(crate) dev: bool,
    /// Whether the manifest states a version.
    pub(crate) versioned: bool,
}

/// The packages in the output of `cargo metadata --no-deps`.
pub(crate) fn packages(metadata: &str) -> Result<Vec<Package>, String> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let root = text(&metadata, "workspace_root")?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata: no packages")?;
    packages
        .iter()
        .map(|package| read(package, &root))
        .collect()
}

fn read(package: &Value, root: &str) -> Result<Package, String> {
    let manifest = text(package, "manifest_path")?;
    let manifest = manifest.strip_prefix(root).unwrap_or(&manifest);
    let dependencies = package["dependencies"].as_array();
    Ok(Package {
        name: text(package, "name")?,
        description: package["description"].as_str().map(ToOwned::to_owned),
        // `null` is any registry, an empty list is none.
        publishes: package["publish"]
            .as_array()
            .is_none_or(|list| !list.is_empty()),
        manifest: manifest
            .replace('\\', "/")
            .trim_start_matches('/')
            .to_owned(),
        dependencies: dependencies
            .into_iter()
            .flatten()
            .map(|dependency| {
                Ok(Dependency {
                    name: text(dependency, "name")?,
                    dev: dependency["kind"] == "dev",
                    versioned: text(dependency, "req")? != "*",
                })
            })
            .collect::<Result<_, String>>()?,
    })
}

fn text(value: &Value, key: &str) -> Result<String, String> {
    value[key]
        .as_str()
        .map(ToOwned::to_owned)
        .ok_or_else(|| format!("cargo metadata: no text {key}"))
}

pub(crate) fn check(packages: &[Package]) -> Vec<Problem> {
    let members: Vec<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    packages
        .iter()
        .flat_map(|package| {
            let layer = LAYERS.iter().find(|(name, _)| *name == package.name);
            let of_layer = match layer {
                Some((_, allowed)) => check_library(package, allowed, &members),
                None if package.publishes => {
                    vec![Problem::new(
                        &package.manifest,
                        format!(
                            "{} has no place among the layers and is not `publish = false`",
                            package.name
                        ),
                    )]
                }
                None => Vec::new(),
            };
            of_layer.into_iter().chain(check_burn(package))
        })
        .collect()
}

fn check_library(package: &Package, allowed: &[&str], members: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let mut problem = |message: String| {
            problems.push(Problem::new(&package.manifest, message));
        };
        if !members.contains(&name) {
            if package.name == "xscatter-core" && !dependency.dev && !CORE_MAY_USE.contains(&name) {
                problem(format!(
                    "xscatter-core depends on {name}; it may depend on {} alone",
                    CORE_MAY_USE.join(", ")
                ));
            }
        } else if dependency.dev {
            if name != TESTKIT {
                problem(format!(
                    "{} tests with {name}; of the workspace only {TESTKIT} may be a dev-dependency",
                    package.name
                ));
            } else if dependency.versioned {
                problem(format!(
                    "the dev-dependency {name} states a version, which ties the order of publishing"
                ));
            }
        } else if name == TESTKIT {
            problem(format!("{name} may only be a dev-dependency"));
        } else if !allowed.contains(&name) {
            problem(format!(
                "{} depends on {name}, which its layer does not see",
                package.name
            ));
        } else if !dependency.versioned {
            problem(format!(
                "the dependency {name} states no version, so it cannot be published"
            ));
        }
    }
    problems
}

fn check_burn(package: &Package) -> Vec<Problem> {
    let is_burn = |name: &str| {
        ["burn", "cubecl"]
            .iter()
            .any(|family| name == *family || name.starts_with(&format!("{family}-")))
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| package.name != DEEP && is_burn(&dependency.name))
        .map(|dependency| {
            Problem::new(
                &package.manifest,
                format!(
                    "{} depends on {}; only {DEEP} may",
                    package.name, dependency.name
                ),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::messages;

    fn package(name: &str, dependencies: &[(&str, bool, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            publishes: true,
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|&(name, dev, versioned)| Dependency {
                    name: name.to_owned(),
                    dev,
                    versioned,
                })
                .collect(),
            ..Package::default()
        }
    }

    /// The messages about the one package, in a workspace with every layer.
    fn about(package: Package) -> Vec<String> {
        let mut packages: Vec<Package> = LAYERS
            .iter()
            .filter(|(name, _)| *name != package.name)
            .map(|(name, _)| Package {
                name: (*name).to_owned(),
                ..Package::default()
            })
            .collect();
        packages.push(package);
        messages(&check(&packages))
    }

    #[test]
    fn the_layers_themselves_are_in_order() {
        for (position, (name, allowed)) in LAYERS.iter().enumerate() {
            for below in *allowed {
                let place = LAYERS.iter().position(|(other, _)| other == below);
                assert!(
                    place.is_some_and(|place| place < position),
                    "{name} sees {below}"
                );
            }
        }
    }

    #[test]
    fn arrows_that_go_down_are_accepted() {
        let reduce = package(
            "xscatter-reduce",
            &[
                ("xscatter-core", false, true),
                ("xscatter-geometry", false, true),
                ("xscatter-testkit", true, false),
                ("rayon", false, true),
                ("proptest", true, true),
            ],
        );
        assert_eq!(about(reduce), [""; 0]);
    }

    #[test]
    fn a_sibling_is_refused() {
        for (name, sibling) in [
            ("xscatter-io", "xscatter-geometry"),
            ("xscatter-features", "xscatter-reduce"),
            ("xscatter-automl", "xscatter-learn"),
            ("xscatter-core", "xscatter-metrics"),
            ("xscatter-cli", "xscatter-io"),
        ] {
            let found = about(package(name, &[(sibling, false, true)]));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains("does not see"), "{found:?}");
        }
    }

    #[test]
    fn the_testkit_is_for_tests_only_and_without_version() {
        let normal = about(package("xscatter-io", &[("xscatter-testkit", false, true)]));
        assert!(
            normal[0].contains("may only be a dev-dependency"),
            "{normal:?}"
        );
        let versioned = about(package("xscatter-io", &[("xscatter-testkit", true, true)]));
        assert!(versioned[0].contains("states a version"), "{versioned:?}");
        let other = about(package("xscatter-io", &[("xscatter-sim", true, false)]));
        assert!(other[0].contains("tests with xscatter-sim"), "{other:?}");
    }

    #[test]
    fn a_dependency_without_version_cannot_be_published() {
        let found = about(package("xscatter-io", &[("xscatter-core", false, false)]));
        assert!(found[0].contains("states no version"), "{found:?}");
    }

    #[test]
    fn core_and_burn_keep_to_themselves() {
        let core = about(package("xscatter-core", &[("rayon", false, true)]));
        assert!(
            core[0].contains("xscatter-core depends on rayon"),
            "{core:?}"
        );
        assert_eq!(
            about(package("xscatter-core", &[("approx", true, true)])),
            [""; 0]
        );
        let burn = about(package("xscatter-learn", &[("burn-tensor", false, true)]));
        assert!(burn[0].contains("only xscatter-deep may"), "{burn:?}");
        assert_eq!(
            about(package("xscatter-deep", &[("burn", false, true)])),
            [""; 0]
        );
    }

    #[test]
    fn an_unknown_library_needs_a_place() {
        let found = about(package("xscatter-new", &[]));
        assert!(found[0].contains("no place among the layers"), "{found:?}");
        let mut example = package("example-new", &[("xscatter-io", false, true)]);
        example.publishes = false;
        assert_eq!(about(example), [""; 0]);
    }

    #[test]
    fn metadata_is_read() {
        let metadata = r#"{
            "workspace_root": "/somewhere",
            "packages": [{
                "name": "xscatter-io", "description": "Readers", "publish": null,
                "manifest_path": "/somewhere/crates/xscatter-io/Cargo.toml",
                "dependencies": [
                    {"name": "tiff", "kind": null, "req": "^0.11"},
                    {"name": "xscatter-testkit", "kind": "dev", "req": "*"}
                ]
            }, {
                "name": "xtask", "description": null, "publish": [],
                "manifest_path": "/somewhere/xtask/Cargo.toml", "dependencies": []
            }]
        }"#;
        let packages = packages(metadata).unwrap();
        assert_eq!(packages[0].manifest, "crates/xscatter-io/Cargo.toml");
        assert_eq!(
            (packages[0].publishes, packages[1].publishes),
            (true, false)
        );
        let flags: Vec<(bool, bool)> = packages[0]
            .dependencies
            .iter()
            .map(|dependency| (dependency.dev, dependency.versioned))
            .collect();
        assert_eq!(flags, [(false, true), (true, false)]);
        assert!(super::packages("{}").is_err());
    }
}
