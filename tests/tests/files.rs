//! Data in the layouts of others: written by one command, learned from by another, and what is wrong with them.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use std::path::Path;

use support::{Bench, stderr, summary};

const SMOKE: &str = r#"
name = "smoke"
[problem.smoke]
points = 8
length = 4.0
[solver.semi_lagrangian]
dt = 0.25
[data]
train = 3
validation = 1
test = 2
dt = 0.5
steps = 5
[data.initial.noise]
"#;

const LEARNED: &str = r#"
[model.conv_net]
width = 4
depth = 2
[train]
epochs = 2
batch = 2
unroll = 2
[evaluate]
baselines = ["persistence", "mean"]
"#;

fn metrics(run: &Path) -> Vec<(String, f64)> {
    let summary = summary(run);
    let found = summary["metrics"].as_object().unwrap().iter();
    let timed = ["_s", "_ms"];
    found
        .filter(|(name, _)| !timed.iter().any(|t| name.ends_with(t)))
        .filter_map(|(name, v)| v.as_f64().map(|v| (name.clone(), v)))
        .collect()
}

/// A model is given two frames.
fn seen() -> String {
    SMOKE.replace("steps = 5", "steps = 5\nhistory = 2")
}

/// A config that reads its data from a file.
fn from_file(path: &str, more: &str) -> String {
    format!("{}[data.file]\npath = \"{path}\"\n{more}\n{LEARNED}", seen())
}

#[test]
fn a_network_learns_the_same_from_every_layout_and_with_any_cache() {
    let bench = Bench::new();
    let made = bench.config("made.toml", SMOKE);
    let made = made.to_str().unwrap();
    std::fs::create_dir(bench.path("arena")).unwrap();
    let outputs = [
        ("arena/smoke.h5", "pdearena", 3),
        ("well", "the_well", 4),
        ("bench.hdf5", "pdebench", 1),
        ("all.npz", "npz", 1),
        ("ape.npy", "apebench", 3),
    ];
    for (out, layout, files) in outputs {
        let output = bench.run(&["data", made, "--out", out, "--layout", layout]);
        assert!(output.status.success(), "{layout}: {}", stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), files, "{layout}");
    }
    let learn = |name: &str, path: &str, more: &str| {
        let config = bench.config(&format!("{name}.toml"), &from_file(path, more));
        let output = bench.run(&[config.to_str().unwrap(), "--out", name, "-q"]);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        metrics(&bench.path(name))
    };
    let learned = learn("pdearena", "arena", "");
    assert!(learned.iter().any(|(name, v)| name == "rollout_rel_l2" && v.is_finite()), "{learned:?}");
    assert_eq!(learn("pdebench", "bench.hdf5", ""), learned);
    assert_eq!(learn("npz", "all.npz", ""), learned);
    // The same from what was made here.
    let config = bench.config("here.toml", &format!("{}{LEARNED}", seen()));
    assert!(bench.run(&[config.to_str().unwrap(), "--out", "here", "-q"]).status.success());
    let here = metrics(&bench.path("here"));
    for (name, b) in learned.iter().filter(|(name, _)| name.ends_with("rel_l2")) {
        let (_, a) = here.iter().find(|(own, _)| own == name).unwrap();
        assert!((a - b).abs() <= 1e-3 * b.abs(), "{name}: {a} {b}");
    }
    // Single numbers.
    let well = learn("the_well", "well", "cache_mb = 1");
    for ((name, a), (_, b)) in well.iter().zip(&learned).filter(|((name, _), _)| name.starts_with("one_step"))
    {
        assert!((a - b).abs() <= 1e-2 * b.abs(), "{name}: {a} {b}");
    }
    let channels = "channels = [\"s\", \"Vx\", \"Vy\"]\ncache_mb = 1";
    assert_eq!(learn("named", "bench.hdf5", channels), learned);
}

#[test]
fn bad_files_are_named_with_status_2() {
    let bench = Bench::new();
    let made = bench.config("made.toml", SMOKE);
    let made = made.to_str().unwrap();
    std::fs::create_dir(bench.path("arena")).unwrap();
    for (out, layout) in [("arena/smoke.h5", "pdearena"), ("well", "the_well"), ("bench.h5", "pdebench")] {
        assert!(bench.run(&["data", made, "--out", out, "--layout", layout]).status.success());
    }
    let fails = |text: &str, expected: &[&str]| {
        let config = bench.config("bad.toml", text);
        let output = bench.run(&[config.to_str().unwrap(), "--out", "bad", "-q"]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        for part in expected {
            assert!(message.contains(part), "no '{part}' in\n{message}");
        }
        let _ = std::fs::remove_dir_all(bench.path("bad"));
    };
    fails(&from_file("arena/smoke_train.h5", ""), &["no part 'valid'; there are train", "data.file.test"]);
    fails(&from_file("arena", "cache = 3"), &["unknown field `cache`"]);
    fails(
        &from_file("arena", "channels = [\"u\", \"vx\", \"w\"]"),
        &["no channel 'w'", "there are u, vx, vy"],
    );
    fails(&from_file("arena", "").replace("points = 8", "points = 16"), &["states of shape [3, 8, 8]"]);
    fails(&from_file("arena", "").replace("dt = 0.5", "dt = 1.0"), &["samples are 0.5 apart", "data.dt"]);
    fails(&from_file("arena", "channels = [\"u\", \"vx\", \"vx\"]"), &["'vx' is named twice"]);
    // Samples at unequal times, or at none.
    let series = |times: Vec<f64>| {
        let mut archive =
            ndarray_npy::NpzWriter::new(std::fs::File::create(bench.path("uneven.npz")).unwrap());
        let values = ndarray::ArrayD::<f64>::ones(vec![6, times.len(), 3, 8, 8]);
        archive.add_array("values", &values).unwrap();
        archive.add_array("times", &ndarray::Array1::from(times)).unwrap();
        for axis in ["x", "y"] {
            archive.add_array(axis, &ndarray::Array1::range(0.0, 8.0, 1.0)).unwrap();
        }
        archive.finish().unwrap();
    };
    series(vec![0.0, 0.5, 1.0, 1.2, 2.0, 2.5]);
    fails(&from_file("uneven.npz", ""), &["sample 4 comes", "a map has one step"]);
    series(vec![0.0, 0.5, f64::NAN, 1.5, 2.0, 2.5]);
    fails(&from_file("uneven.npz", ""), &["sample 3 comes NaN", "a map has one step"]);
    // A heading that promises more than any file holds.
    ndarray_npy::write_npy(bench.path("huge.npy"), &ndarray::ArrayD::<f64>::zeros(vec![6, 6, 3, 8, 8]))
        .unwrap();
    let mut bytes = std::fs::read(bench.path("huge.npy")).unwrap();
    let (old, new) = (&b"(6, 6, 3, 8, 8)"[..], &b"(6, 4611686018427387904, 3, 8, 8)"[..]);
    let at = bytes.windows(old.len()).position(|w| w == old).unwrap();
    bytes.splice(at..at + old.len(), new.iter().copied());
    let spare = new.len() - old.len();
    let blanks = bytes[at..].windows(spare).position(|w| w.iter().all(|b| *b == b' ')).unwrap() + at;
    bytes.drain(blanks..blanks + spare);
    std::fs::write(bench.path("huge.npy"), bytes).unwrap();
    fails(&from_file("huge.npy", ""), &["damaged or cut off"]);
    let stats = std::fs::read_to_string(bench.path("well/stats.yaml")).unwrap();
    std::fs::write(bench.path("well/stats.yaml"), stats.replace("tracer", "density")).unwrap();
    fails(&from_file("well", ""), &["statistics of another data set: no mean of 'tracer'", "remove it"]);
    std::fs::create_dir(bench.path("none")).unwrap();
    fails(&from_file("none", ""), &["in no layout that is known", "no file that ends in .h5 or .hdf5"]);
    let mut values = ndarray::ArrayD::<f32>::zeros(vec![6, 6, 3, 8, 8]);
    values[[1, 2, 1, 0, 0]] = f32::NAN;
    ndarray_npy::write_npy(bench.path("holes.npy"), &values).unwrap();
    fails(&from_file("holes.npy", ""), &["NaN in trajectory 2, sample 3, channel 2", "ask for fewer"]);
    let bytes = std::fs::read(bench.path("bench.h5")).unwrap();
    std::fs::write(bench.path("bench.h5"), &bytes[..bytes.len() / 2]).unwrap();
    fails(&from_file("bench.h5", ""), &["damaged or cut off", "bytes of"]);
    for (out, layout) in [("a.npz", "pdearena"), ("a.h5", "the_well"), ("a.h5", "npz")] {
        let output = bench.run(&["data", made, "--out", out, "--layout", layout]);
        assert_eq!(output.status.code(), Some(2), "{layout}");
        assert!(!bench.path(out).exists());
    }
}
