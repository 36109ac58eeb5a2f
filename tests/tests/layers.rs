//! The crate graph is the architecture: dependencies point one way.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::Command;

/// Which of the project's crates each crate may depend on.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("flowmap-solvers", &[]),
    ("flowmap-datasets", &["flowmap-solvers"]),
    ("flowmap-models", &["flowmap-solvers"]),
    ("flowmap-experiments", &["flowmap-solvers", "flowmap-datasets", "flowmap-models"]),
    ("flowmap-tests", &["flowmap-solvers", "flowmap-datasets", "flowmap-models", "flowmap-experiments"]),
];

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(packages.len(), ALLOWED.len(), "a crate was added: give it a place in ALLOWED");
    for package in packages {
        let name = package["name"].as_str().expect("name");
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in ALLOWED"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let dependency = dependency["name"].as_str().expect("name");
            if dependency.starts_with("flowmap-") {
                assert!(may.contains(&dependency), "{name} must not depend on {dependency}");
            }
        }
    }
}
