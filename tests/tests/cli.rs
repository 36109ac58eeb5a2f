//! The command end to end: exit status, messages, run folders, resumption.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The binary beside this test's own.
fn binary() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("experiment")
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        // `cargo test` builds the binary for its own tests; this crate asks for it by name.
        static BUILT: std::sync::Once = std::sync::Once::new();
        BUILT.call_once(|| {
            let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
            let status = Command::new(cargo)
                .args(["build", "--quiet", "--workspace", "--bin", "experiment"])
                .current_dir(root())
                .status()
                .unwrap();
            assert!(status.success());
        });
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).env("FLOWMAP_CACHE", self.path("cache"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn summary(run: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run.join("summary.json")).unwrap()).unwrap()
}

const SIMULATION: &str = r#"
name = "small"
[problem.kdv]
length = 30.0
points = 64
[solver.etdrk4]
dt = 0.01
[data]
dt = 0.1
steps = 4
[data.initial.solitons]
wavenumbers = [0.8]
positions = [10.0]
"#;

const TRAINING: &str = r#"
name = "learned"
seed = 5
[problem.kdv]
length = 20.0
points = 32
[solver.etdrk4]
dt = 0.01
[data]
train = 6
validation = 2
test = 2
dt = 0.1
steps = 6
[data.initial.truncated_fourier]
modes = 2
amplitude = 0.3
[model.semilinear_operator]
modes = 6
width = 8
layers = 2
[train]
epochs = 6
batch = 4
noise = 0.01
push_forward = 1
[evaluate]
baselines = ["persistence", "solver"]
"#;

const RECONSTRUCTION: &str = r#"
name = "system"
[problem.lorenz63]
[solver.dopri5]
[data]
train = 1
validation = 1
test = 1
dt = 0.02
steps = 4000
burn_in = 5.0
[data.initial.normal]
mean = [0.0, 0.0, 25.0]
std = 5.0
[data.observe]
standardise = true
[model.plrnn]
latent = 3
hidden = 20
[train]
epochs = 8
batches = 10
batch = 8
sequence = 40
schedule = "exponential"
validate_every = 2
[train.optimiser.radam]
rate = 3e-3
[train.forcing.adaptive]
anneal = 0.9
[evaluate]
baselines = ["sindy"]
gradients = true
"#;

const LABELS: &str = r#"
name = "labels"
[problem.spirals]
noise = 0.02
[data]
train = 24
validation = 8
test = 16
dt = 0.3
steps = 14
dropped = 0.4
[model.neural_cde]
hidden = 4
width = 8
[train]
epochs = 6
batch = 8
[train.optimiser.adam]
rate = 2e-2
[evaluate]
baselines = ["gru", "nearest_neighbour", "log_signature"]
"#;

const SOLUTION: &str = r#"
name = "wave"
[problem.advection]
length = 6.283185307179586
points = 32
speed = 3.0
[solver.etdrk4]
dt = 0.01
[data]
dt = 0.1
steps = 10
[data.initial.waves]
waves = [{ amplitude = 1.0, modes = [1] }]
[model.lpinn]
width = 8
depth = 2
iterations = 30
tolerance = 0.0
windows = 2
[model.lpinn.sampling]
points = 300
[model.lpinn.optimiser.levenberg_marquardt]
[evaluate]
baselines = ["pinn"]
speeds = [20.0]
"#;

const SERIES: &str = r#"
name = "series"
[data.file]
path = "series.csv"
train_fraction = 0.75
[data.observe]
channels = ["b"]
standardise = true
[model.autoregressive]
"#;

#[test]
fn a_series_needs_no_problem() {
    let bench = Bench::new();
    let rows: String = (0..100).map(|t| format!("{}\t{}\t7\n", 0.5 * f64::from(t), t % 9)).collect();
    bench.config("series.csv", &format!("time\tb\tc\n{rows}"));
    let config = bench.config("series.toml", SERIES);
    let output = bench.run(&["check", config.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = bench.run(&["data", config.to_str().unwrap(), "--out", "out.npz"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("67 samples to train, 8 to validate, 25 to test"),
        "{}",
        stderr(&output)
    );
    // What cannot be learned is named with what would mend it.
    let all = bench.config("all.toml", &SERIES.replace("channels = [\"b\"]", ""));
    let output = bench.run(&["data", all.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(message.contains("'c' is constant (7)") && message.contains("channels = [\"b\"]"), "{message}");
}

#[test]
fn a_simulation_leaves_its_folder() {
    let bench = Bench::new();
    let config = bench.config("small.toml", SIMULATION);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().last(), Some("run"));
    assert_eq!(stderr(&output), "");
    let run = bench.path("run");
    for file in [
        "config.toml",
        "resolved.toml",
        "run.json",
        "summary.json",
        "predictions.npz",
        "data_card.json",
        "report.html",
        "plots/space_time.svg",
        "plots/space_time.png",
    ] {
        assert!(run.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let summary = summary(&run);
    assert_eq!(summary["status"], "done");
    assert!(summary["metrics"]["rel_l2"].as_f64().unwrap() < 5e-3);
    assert!(summary["metrics"]["mass_drift"].as_f64().unwrap() < 1e-12);
    // The folder is not overwritten.
    let again = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("not empty"));
}

#[test]
fn bad_configs_are_named_with_position_and_hint() {
    let bench = Bench::new();
    let cases = [
        (
            "unknown key",
            SIMULATION.replace("length = 30.0", "lenght = 30.0"),
            vec!["lenght", "did you mean 'length'?", ":4:"],
        ),
        ("wrong type", SIMULATION.replace("points = 64", "points = \"many\""), vec!["invalid type", ":5:"]),
        ("odd points", SIMULATION.replace("points = 64", "points = 33"), vec!["33 points", "even", ":5:"]),
        (
            "negative step",
            SIMULATION.replace("dt = 0.01", "dt = -0.01"),
            vec!["-0.01", "greater than 0", ":7:"],
        ),
        (
            "two problems",
            SIMULATION.replace("[solver", "[problem.burgers]\n[solver"),
            vec!["several choices", "kdv", "burgers"],
        ),
        (
            "no problem of that name",
            SIMULATION.replace("problem.kdv", "problem.kvd"),
            vec!["did you mean 'kdv'?"],
        ),
        (
            "a method that does not fit",
            SIMULATION.replace("etdrk4", "yoshida4"),
            vec!["yoshida4", "take etdrk4"],
        ),
        (
            "a start that does not fit",
            SIMULATION.replace("[problem.kdv]", "[problem.burgers]"),
            vec!["solitons"],
        ),
        ("a table that ends", SIMULATION.replace("[solver.etdrk4]", "[solver.etdrk4"), vec![":6:"]),
        (
            "a model without training",
            format!("{SIMULATION}\n[model.semilinear_operator]\n"),
            vec!["[train]", "data.train"],
        ),
        (
            "neither a problem nor data",
            "name = \"x\"\n[data]\ndt = 1.0\nsteps = 2\n".into(),
            vec!["[data.file]"],
        ),
        (
            "a problem without a solver",
            SIMULATION.replace("[solver.etdrk4]\ndt = 0.01\n", ""),
            vec!["without [solver.NAME]", ":3:"],
        ),
        (
            "a series without a model",
            SERIES.replace("[model.autoregressive]", ""),
            vec!["no model that learns them", ":3:"],
        ),
        (
            "a series for a model of fields",
            SERIES.replace("[model.autoregressive]", "[model.semilinear_operator]\n[train]"),
            vec!["real fields on one axis"],
        ),
        (
            "a state too small for the channels",
            RECONSTRUCTION.replace("latent = 3", "latent = 2"),
            vec!["cannot hold 3 channels", "affine"],
        ),
        (
            "a window longer than the series",
            RECONSTRUCTION.replace("steps = 4000", "steps = 30"),
            vec!["train.sequence"],
        ),
        (
            "a baseline of another family",
            RECONSTRUCTION.replace("[\"sindy\"]", "[\"fno\"]"),
            vec!["'fno' cannot stand beside a model of series"],
        ),
        (
            "a network too large for dense matrices",
            SOLUTION.replace("width = 8", "width = 1000").replace("depth = 2", "depth = 6"),
            vec!["GB", "solve = \"cg\""],
        ),
        (
            "a solution that learns no data",
            format!("{SOLUTION}\n[train]\n"),
            vec!["learns no data", "model.lpinn.optimiser"],
        ),
        (
            "an equation without characteristics",
            SOLUTION
                .replace("[problem.advection]", "[problem.kdv]")
                .replace("speed = 3.0", "")
                .replace("speeds = [20.0]", ""),
            vec!["third order", "[model.pinn]"],
        ),
        (
            "two optimisers",
            SOLUTION.replace("[evaluate]", "[model.lpinn.optimiser.adam]\n[evaluate]"),
            vec!["several choices", "adam"],
        ),
        (
            "characteristics on an axis with ends",
            SOLUTION.replace("windows = 2", "boundary = \"fixed\""),
            vec!["fixed ends", "[model.pinn]"],
        ),
        (
            "an unknown chaotic flow",
            RECONSTRUCTION.replace("[problem.lorenz63]", "[problem.chaotic_flow]\nsystem = \"halvorson\""),
            vec!["did you mean 'halvorsen'?"],
        ),
        (
            "a share that is none",
            SERIES.replace("train_fraction = 0.75", "train_fraction = 1.5"),
            vec!["1.5 is no share", ":5:"],
        ),
        (
            "fields for a model of series",
            format!(
                "{}\n[model.sindy]\n",
                SIMULATION.replace("steps = 4", "steps = 4\ntrain = 1\nvalidation = 1")
            ),
            vec!["series, not fields"],
        ),
        (
            "a problem beside a study",
            format!("{STUDY}\n[problem.lorenz63]\n"),
            vec!["[problem] beside a study", "leave [study] out"],
        ),
        (
            "a study that is judged nowhere",
            STUDY.replace("judged = 80", "judged = 100"),
            vec!["100 is not one of the numbers of steps", ":6:"],
        ),
        (
            "a missing file",
            SIMULATION.replace("steps = 4", "steps = 4\nfile = { path = \"none.npz\" }"),
            vec!["none.npz"],
        ),
    ];
    for (what, text, expected) in cases {
        let config = bench.config("bad.toml", &text);
        let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{what}: {message}");
        for part in expected {
            assert!(message.contains(part), "{what}: no '{part}' in\n{message}");
        }
        if what != "a missing file" {
            assert!(!bench.path("run").exists(), "{what}: something was written");
        }
    }
}

#[test]
fn bad_usage_is_named() {
    let bench = Bench::new();
    let config = bench.config("small.toml", SIMULATION);
    let config = config.to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["missing.toml"], "missing.toml"),
        (&[config, "--set", "solver.etdrk4.dt"], "no '='"),
        (&[config, "--set", "solver.etdrk4.step=1"], "unknown field `step`"),
        (&[config, "--device", "cuda"], "not compiled"),
        (&[config, "--resume", "--out", "nowhere"], "no run folder"),
        (&[config, "--out", "/proc/flowmap/run"], "/proc/flowmap/run"),
    ];
    for (args, expected) in cases {
        let output = bench.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_divergence_is_kept_and_has_its_own_status() {
    let bench = Bench::new();
    let config = bench
        .config("small.toml", &SIMULATION.replace("[solver.etdrk4]\ndt = 0.01", "[solver.rk4]\ndt = 0.25"));
    let output = bench.run(&[
        config.to_str().unwrap(),
        "--out",
        "run",
        "-q",
        "--set",
        "data.steps=200",
        "--set",
        "data.dt=0.5",
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let summary = summary(&bench.path("run"));
    assert!(summary["status"].as_str().unwrap().contains("no longer finite"), "{summary}");
    assert!(bench.path("run/plots/space_time.png").exists() && bench.path("run/report.html").exists());
}

#[test]
fn a_divergence_before_the_training_is_kept_too() {
    let bench = Bench::new();
    let unstable = TRAINING
        .replace("[solver.etdrk4]\ndt = 0.01", "[solver.rk4]\ndt = 0.25")
        .replace("dt = 0.1\nsteps = 6", "dt = 0.5\nsteps = 200\nburn_in = 0.5");
    let config = bench.config("learned.toml", &unstable);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let summary = summary(&bench.path("run"));
    // The metric says the same time as the message: since the start, before the samples.
    let ended = summary["metrics"]["diverged_at"].as_f64().unwrap();
    assert!(ended > 0.5, "{ended}");
    let status = summary["status"].as_str().unwrap();
    assert!(status.contains(&format!("after t = {ended}:")), "{status}");
    assert!(bench.path("run/predictions.npz").exists() && bench.path("run/plots/space_time.png").exists());
}

const SYSTEM: &str = r#"
name = "odd"
[problem.van_der_pol]
mu = 5.0
[solver.dopri5]
rtol = 1e-6
atol = 1e-9
max_steps = 2000
[data]
dt = 0.1
steps = 20
"#;

#[test]
fn solves_that_make_no_sense_are_refused_before_anything_is_written() {
    let bench = Bench::new();
    let cases = [
        ("rtol = 1e-6", "rtol = 0.0", vec!["solver.dopri5.rtol", "0 is out of range", ":6:"]),
        ("atol = 1e-9", "atol = 0.0", vec!["solver.dopri5.atol", "0 is not a positive number", ":7:"]),
        ("atol = 1e-9", "atol = nan", vec!["solver.dopri5.atol", ":7:"]),
        ("max_steps = 2000", "max_steps = 0", vec!["solver.dopri5.max_steps", "at least 1", ":8:"]),
        ("max_steps = 2000", "dt = 0.0", vec!["solver.dopri5.dt", "greater than 0", ":8:"]),
        // Backward, and an interval of no length.
        ("dt = 0.1", "dt = -0.1", vec!["data.dt", "-0.1 is not a positive number", ":10:"]),
        ("\nsteps = 20", "\nsteps = 0", vec!["data.steps", "0 is too small", ":11:"]),
    ];
    for (good, bad, expected) in cases {
        let config = bench.config("odd.toml", &SYSTEM.replace(good, bad));
        let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{bad}: {message}");
        for part in expected {
            assert!(message.contains(part), "{bad}: no '{part}' in\n{message}");
        }
        assert!(!bench.path("run").exists(), "{bad}: something was written");
    }
}

#[test]
fn solves_that_fail_have_a_status_with_time_and_remedy() {
    let bench = Bench::new();
    let blow_up = "[problem.logistic]\n[data.initial.point]\ny = [-1.0]\n";
    let cases = [
        (
            "stiff",
            SYSTEM.replace("mu = 5.0", "mu = 1e6"),
            vec!["stopped at t = ", "2000 steps", "take a stiff method (kvaerno5)"],
        ),
        // Infinite at t = ln 2: the step size falls to rounding.
        ("blow-up", SYSTEM.replace("[problem.van_der_pol]\nmu = 5.0\n", "") + blow_up, vec!["t = 0.693147:"]),
    ];
    for (what, text, expected) in cases {
        let config = bench.config("odd.toml", &text);
        let output = bench.run(&[config.to_str().unwrap(), "--out", what, "-q"]);
        assert_eq!(output.status.code(), Some(3), "{what}: {}", stderr(&output));
        let summary = summary(&bench.path(what));
        let status = summary["status"].as_str().unwrap();
        for part in expected {
            assert!(status.contains(part), "{what}: no '{part}' in {status}");
        }
    }
    // What the hint names helps.
    let mild = SYSTEM.replace("mu = 5.0", "mu = 1e6").replace("dopri5", "kvaerno5");
    let config = bench.config("odd.toml", &mild);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "mild", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    kill_and_resume(&averaged(TRAINING), 10, "rollout_rel_l2");
}

#[test]
fn a_killed_classification_resumes_to_the_same_weights() {
    kill_and_resume(LABELS, 7, "accuracy");
}

#[test]
fn labelled_series_are_told_apart_beside_baselines_and_written() {
    let bench = Bench::new();
    let config = bench.config("labels.toml", LABELS);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = bench.path("run");
    let metrics = &summary(&run)["metrics"];
    for prefix in ["", "baseline_gru_", "baseline_nearest_neighbour_", "baseline_log_signature_"] {
        for name in ["accuracy", "accuracy_dropped"] {
            let value = metrics[format!("{prefix}{name}")].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&value), "{prefix}{name}: {value}");
        }
    }
    assert!(metrics["baseline_log_signature_accuracy"].as_f64().unwrap() > 0.9, "{metrics}");
    for figure in ["series", "states", "training", "accuracy_dropped"] {
        assert!(run.join(format!("plots/{figure}.svg")).exists(), "{figure}");
    }
    let output = bench.run(&["data", config.to_str().unwrap(), "--out", "spirals.npz"]);
    assert!(output.status.success() && bench.path("spirals.npz").exists(), "{}", stderr(&output));
    let cases = [
        ("[problem.spirals]", "[solver.dopri5]\n[problem.spirals]", "drawn, not solved"),
        ("[\"gru\",", "[\"sindy\",", "'sindy' cannot stand beside a model of labels"),
        ("batch = 8", "batch = 8\nunroll = 3", "'unroll' is for models of fields"),
        ("dropped = 0.4", "dropped = 1.5", "1.5 is out of range"),
    ];
    for (from, to, expected) in cases {
        let config = bench.config("bad.toml", &LABELS.replace(from, to));
        let output = bench.run(&["check", config.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{to}");
        assert!(stderr(&output).contains(expected), "{to}: {}", stderr(&output));
    }
}

#[test]
fn a_killed_reconstruction_resumes_to_the_same_weights() {
    kill_and_resume(&averaged(RECONSTRUCTION), 20, "d_stsp");
}

/// With averaged weights, the most that a checkpoint has to keep.
fn averaged(text: &str) -> String {
    assert!(text.contains("[train]\n"));
    text.replace("[train]\n", "[train]\naverage = 0.9\n")
}

/// Kills a run once it has left a checkpoint after `step`, resumes it, and compares it with one that was left alone.
fn kill_and_resume(text: &str, step: u64, metric: &str) {
    let bench = Bench::new();
    let config = bench.config("learned.toml", text);
    let config = config.to_str().unwrap();
    let whole = bench.run(&[config, "--out", "whole", "-q", "--threads", "1"]);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let mut child =
        bench.command().args([config, "--out", "killed", "-q", "--threads", "1"]).spawn().unwrap();
    // If the run is over before, it is complete.
    let folder = bench.path("killed/checkpoints/model");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while std::time::Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.file_name());
        if names
            .filter_map(|n| n.into_string().ok())
            .any(|n| n.starts_with("last-") && n > format!("last-{step:09}"))
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = bench.run(&[config, "--out", "killed", "-q", "--threads", "1", "--resume"]);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let weights =
        |run: &str| std::fs::read(bench.path(run).join("checkpoints/model/best.safetensors")).unwrap();
    assert!(weights("whole") == weights("killed"), "the weights differ");
    let value = |run: &str| summary(&bench.path(run))["metrics"][metric].as_f64().unwrap();
    assert_eq!(value("whole"), value("killed"));
    let log = |run: &str| std::fs::read_to_string(bench.path(run).join("metrics.jsonl")).unwrap();
    assert_eq!(log("whole"), log("killed"));
}

#[test]
fn a_killed_solution_resumes_to_the_same_field() {
    let bench = Bench::new();
    let config = bench.config("wave.toml", &SOLUTION.replace("speeds = [20.0]", ""));
    let config = config.to_str().unwrap();
    let arguments = ["--out", "whole", "-q", "--threads", "1"];
    let whole = bench.run(&[&[config], &arguments[..]].concat());
    assert!(whole.status.success(), "{}", stderr(&whole));
    let arguments = ["--out", "killed", "-q", "--threads", "1"];
    let mut child = bench.command().arg(config).args(arguments).spawn().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let left = bench.path("killed/checkpoints/model/last.safetensors");
    while std::time::Instant::now() < deadline && !left.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = bench.run(&[&[config], &arguments[..], &["--resume"]].concat());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let log = |run: &str| std::fs::read_to_string(bench.path(run).join("metrics.jsonl")).unwrap();
    assert_eq!(log("whole"), log("killed"));
    for metric in ["rel_l2", "rel_l2_end", "rel_l2_pinn", "residual_rms"] {
        let value = |run: &str| summary(&bench.path(run))["metrics"][metric].as_f64().unwrap();
        assert_eq!(value("whole"), value("killed"), "{metric}");
    }
}

#[test]
fn a_solution_stands_beside_its_speeds_and_says_where_characteristics_cross() {
    let bench = Bench::new();
    let beside = SOLUTION.replace("[\"pinn\"]", "[\"pinn\", \"curriculum\", \"frozen\"]");
    let config = bench.config("wave.toml", &beside);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = bench.path("run");
    let metrics = summary(&run)["metrics"].clone();
    assert!(metrics["rel_l2_curriculum"].as_f64().is_some(), "{metrics}");
    for name in ["rel_l2", "rel_l2_c20", "rel_l2_frozen"] {
        assert!(metrics[name].as_f64().unwrap() < 1e-5, "{name}: {metrics}");
    }
    assert!(metrics["min_compression"].as_f64().unwrap() > 0.99, "{metrics}");
    assert!(metrics["baseline_persistence_rel_l2"].is_null(), "{metrics}");
    for name in [
        "solution",
        "solution_pinn",
        "characteristics",
        "convergence",
        "error_over_time",
        "slices",
        "residual",
    ] {
        assert!(run.join("plots").join(name).with_extension("png").exists(), "{name}");
    }
    // Without viscosity the wave breaks at t = 1/3; what came before is kept.
    let text = SOLUTION
        .replace("[problem.advection]", "[problem.burgers]")
        .replace("speed = 3.0", "viscosity = 0.0")
        .replace("amplitude = 1.0", "amplitude = 3.0")
        .replace("speeds = [20.0]", "")
        .replace("windows = 2", "windows = 4");
    let config = bench.config("shock.toml", &text);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "shock", "-q"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let message = stderr(&output);
    assert!(message.contains("Characteristics cross at t = 0."), "{message}");
    assert!(message.contains("crossing = \"restart\" or \"eulerian\""), "{message}");
    assert!(bench.path("shock/predictions.npz").exists());
    // Shorter windows come nearer to the breaking, and no farther.
    let again =
        text.replace("windows = 4", "windows = 4\ncrossing = \"restart\"").replace("[\"pinn\"]", "[]");
    let config = bench.config("again.toml", &again);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "again", "-q"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let message = stderr(&output);
    assert!(message.contains("in the shortest window too"), "{message}");
    let t = message.split("cross at t = ").nth(1).and_then(|m| m.split(',').next()).unwrap();
    assert!((t.parse::<f64>().unwrap() - 1.0 / 3.0).abs() < 0.05, "{message}");
}

#[test]
fn a_reconstruction_is_measured_beside_its_baselines() {
    let bench = Bench::new();
    let config = bench.config("system.toml", RECONSTRUCTION);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = bench.path("run");
    let metrics = summary(&run)["metrics"].clone();
    for name in [
        "d_stsp",
        "d_hellinger",
        "lyapunov_max",
        "pe_20",
        "train_s",
        "params",
        "baseline_sindy_d_stsp",
        "floor_d_stsp",
    ] {
        assert!(metrics[name].as_f64().is_some(), "{name}: {metrics}");
    }
    for steps in [10, 100, 1000] {
        assert!(metrics[format!("gradient_norm_{steps}")].as_f64().is_some_and(|n| n > 0.0), "{metrics}");
    }
    // SINDy is told nothing but the series, and finds an attractor as chaotic as the one behind it.
    let exponent = metrics["baseline_sindy_lyapunov_max"].as_f64().unwrap();
    assert!((exponent - 0.906).abs() < 0.15, "{exponent}");
    for figure in [
        "attractors",
        "time_series",
        "spectrum",
        "prediction_error",
        "return_map",
        "lyapunov",
        "gradients",
        "training",
    ] {
        assert!(run.join(format!("plots/{figure}.png")).exists(), "{figure}");
    }
    let archive = std::fs::File::open(run.join("predictions.npz")).unwrap();
    let mut archive = ndarray_npy::NpzReader::new(archive).unwrap();
    let generated: ndarray::Array2<f64> = archive.by_name("model").unwrap();
    assert_eq!(generated.dim(), (4001, 3));
}

const STUDY: &str = r#"
name = "gradients"

[study.gradient]
steps = [40, 80]
judged = 80
time = 4.0
rows = 1
slots = 4
segment = 10
saves = 4
"#;

#[test]
fn a_study_needs_no_data() {
    let bench = Bench::new();
    let config = bench.config("study.toml", STUDY);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let metrics = &summary(&bench.path("run"))["metrics"];
    for field in ["pendulum", "decay", "van_der_pol", "neural"] {
        for method in ["step_checkpoint", "checkpointed", "coupled", "ees25"] {
            let error = metrics[format!("gradient_error_{method}_{field}")].as_f64().unwrap();
            assert!(error < 1e-8, "{method} on {field}: {error}");
        }
        let error = metrics[format!("gradient_error_backsolve_{field}")].as_f64().unwrap();
        assert!(error > 1e-14, "backsolve on {field}: {error}");
    }
    let peak = |name: &str| metrics[format!("peak_mb_{name}")].as_f64().unwrap();
    assert!(peak("direct_80") > 1.9 * peak("direct_40"));
    assert!(peak("direct_80") > 4.0 * peak("step_checkpoint_80"));
    assert!((peak("checkpointed_80") - peak("checkpointed_40")).abs() < 1e-9);
    for figure in ["memory", "time", "error", "error_unsegmented"] {
        assert!(bench.path("run").join(format!("plots/{figure}.svg")).exists(), "{figure}");
    }
}

#[test]
fn a_sweep_runs_every_combination_and_says_the_medians() {
    let bench = Bench::new();
    let sweep = format!("{SIMULATION}\n[sweep]\n\"solver.etdrk4.dt\" = [0.01, 0.005]\nseed = [0, 1, 2]\n");
    let config = bench.config("sweep.toml", &sweep);
    let config = config.to_str().unwrap();
    let output = bench.run(&[config, "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let whole = summary(&bench.path("run"));
    assert_eq!(whole["metrics"]["members"].as_f64(), Some(6.0));
    let error =
        |dt: &str| summary(&bench.path("run/members").join(dt))["metrics"]["rel_l2"].as_f64().unwrap();
    let (coarse, fine) = (error("dt=0.01,seed=0"), error("dt=0.005,seed=2"));
    assert!(fine < coarse, "{fine} {coarse}");
    let median = whole["metrics"]["rel_l2"].as_f64().unwrap();
    assert!((median - 0.5 * (coarse + fine)).abs() < 1e-12 * coarse, "{median}");
    // A second start finds the members done.
    let member = bench.path("run/members/dt=0.01,seed=0/summary.json");
    let before = std::fs::metadata(&member).unwrap().modified().unwrap();
    assert!(bench.run(&[config, "--out", "run", "-q", "--resume"]).status.success());
    assert_eq!(std::fs::metadata(&member).unwrap().modified().unwrap(), before);
    for (wrong, expected) in
        [("seed = 3", "no list"), ("seed = []", "no list"), ("sed = [1]", "unknown field `sed`")]
    {
        let config = bench.config("bad.toml", &format!("{SIMULATION}\n[sweep]\n{wrong}\n"));
        let output = bench.run(&[config.to_str().unwrap(), "--out", "bad", "-q"]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(stderr(&output).contains(expected), "{wrong}: {}", stderr(&output));
        assert!(!bench.path("bad").exists());
    }
}

const OBSERVED: &str = r#"
name = "observed"
seed = 3
[problem.kuramoto_sivashinsky]
length = 22.0
points = 32
[solver.etdrk4]
dt = 0.25
[data]
train = 3
validation = 1
test = 1
dt = 1.0
steps = 10
burn_in = 40.0
[data.initial.truncated_fourier]
modes = 3
amplitude = 1.0
[model.observer]
forecasts = ["network", "solver"]
[model.observer.network]
modes = 8
width = 6
layers = 2
[model.observer.gains.learned.gated]
modes = 8
width = 4
layers = 1
[model.observer.gains.static.diagonal]
[model.observer.gains.paper.learned_operator]
modes = 8
width = 4
layers = 1
[train]
epochs = 2
batches = 2
batch = 3
unroll = 3
[train.events]
every = [1, 2]
warm_up = 2
[train.forecast]
epochs = 2
batch = 4
[assimilation]
snr_db = 20.0
cycles = 12
discard = 2
[assimilation.scenes.some]
fraction = 0.5
[assimilation.scenes.none]
fraction = 0.0
[assimilation.scenes.half.operator.points]
every = 2
[assimilation.filters.oi.optimal_interpolation]
[assimilation.filters.etkf.etkf]
members = 6
"#;

fn array(run: &Path, name: &str) -> ndarray::Array2<f64> {
    let file = std::fs::File::open(run.join("predictions.npz")).unwrap();
    ndarray_npy::NpzReader::new(file).unwrap().by_name(name).unwrap()
}

#[test]
fn observers_are_learned_and_without_observations_only_predict() {
    let bench = Bench::new();
    let config = bench.config("observed.toml", OBSERVED);
    let out = bench.path("run");
    let output = bench.run(&[config.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let metrics = &summary(&out)["metrics"];
    for name in ["learned", "static", "paper", "etkf", "oi"] {
        let suffixes = if ["etkf", "oi"].contains(&name) { ["", "_network"] } else { ["", "_solver"] };
        for suffix in suffixes {
            for scene in ["some", "none", "half"] {
                let metric = format!("rel_l2_{name}{suffix}_{scene}");
                assert!(metrics[&metric].as_f64().unwrap().is_finite(), "{metric}");
            }
        }
    }
    // What nobody corrects moves as the foundation moves it, to the bit, whatever would have corrected it.
    let network = array(&out, "estimate_learned_none");
    for name in ["static", "paper", "oi_network"] {
        assert_eq!(network, array(&out, &format!("estimate_{name}_none")), "{name}");
    }
    let solver = array(&out, "estimate_oi_none");
    for name in ["learned_solver", "static_solver"] {
        assert_eq!(solver, array(&out, &format!("estimate_{name}_none")), "{name}");
    }
    assert_ne!(network, solver);
    assert_ne!(array(&out, "estimate_learned_some"), network);
    assert!(
        metrics["learned_step_us"].as_f64().unwrap() > 0.0
            && metrics["solver_step_us"].as_f64().unwrap() > 0.0
    );
}

const FOLLOWED: &str = r#"
name = "followed"
[problem.lorenz63]
[solver.rk4]
dt = 0.01
[data]
test = 2
dt = 0.1
steps = 120
[assimilation]
deviation = 1.0
discard = 20
start_deviation = 1.0
[assimilation.operator.identity]
[assimilation.filters.etkf.etkf]
members = 10
inflation = 1.05
[assimilation.filters.fourd.four_d_var]
lag = 2
scale = 0.02
[assimilation.filters.shrunk.etkf]
members = 10
inflation = 1e-12
"#;

#[test]
fn a_filter_that_collapses_is_named_with_its_cycle_and_the_others_go_on() {
    let bench = Bench::new();
    let text = FOLLOWED
        .replace("deviation = 1.0\ndiscard", "irregular = 0.5\ndropout = 0.2\ndeviation = 1.0\ndiscard");
    let config = bench.config("followed.toml", &text);
    let out = bench.path("run");
    let output = bench.run(&[config.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let found = summary(&out);
    let notes = found["notes"].to_string();
    assert!(notes.contains("shrunk ended in cycle 0 of trial 1: the ensemble has collapsed"), "{notes}");
    let metric = |name: &str| found["metrics"][name].as_f64();
    assert_eq!(metric("rmse_a_shrunk"), None);
    for name in ["rmse_a_etkf", "rmse_a_fourd"] {
        assert!(metric(name).unwrap() < 1.2, "{name}: {:?}", metric(name));
    }
}

#[test]
fn observations_of_a_file_are_followed_at_their_own_times() {
    let bench = Bench::new();
    let text = FOLLOWED.replace(
        "[assimilation.operator",
        "[assimilation.file]\npath = \"seen.csv\"\n[assimilation.operator",
    );
    let config = bench.config("followed.toml", &text);
    // Lorenz' first variable along a coarse solution would do; a steady state is known exactly.
    let rest = 72.0_f64.sqrt();
    let mut rows = String::from("time,entry,value,deviation\n");
    let times: Vec<f64> = (0..30).map(|k| 0.137 * f64::from(k) + 0.05).collect();
    for t in &times {
        rows += &format!("{t},0,{rest},0.1\n{t},2,27,0.1\n");
    }
    std::fs::write(bench.path("seen.csv"), &rows).unwrap();
    let out = bench.path("run");
    let run = |out: &Path| bench.run(&[config.to_str().unwrap(), "--out", out.to_str().unwrap(), "-q"]);
    let output = run(&out);
    assert!(output.status.success(), "{}", stderr(&output));
    let metrics = &summary(&out)["metrics"];
    assert!(metrics["innovation_etkf"].as_f64().unwrap().is_finite() && metrics.get("rmse_a_etkf").is_none());
    let estimate = array(&out, "estimate_etkf");
    assert_eq!(estimate.nrows(), times.len());
    // The third variable at rest is 27, and a filter that sees two of three variables finds the second.
    let last = estimate.row(times.len() - 1);
    assert!((last[2] - 27.0).abs() < 1.0 && (last[1] - rest).abs() < 2.0, "{last}");
    std::fs::write(bench.path("seen.csv"), rows.replace("\n0.05,2,27", "\n0.05,3,27")).unwrap();
    let output = run(&bench.path("second"));
    assert_eq!(output.status.code(), Some(2));
    // The message is broken into lines that fit a terminal.
    let said = stderr(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("observation 2: entry 3 of a state of 3 entries"), "{said}");
    assert!(!bench.path("second").exists());
}

#[test]
fn everything_can_be_listed_checked_compared_and_reported() {
    let bench = Bench::new();
    let config = bench.config("small.toml", SIMULATION);
    let config = config.to_str().unwrap();
    let out = |args: &[&str]| {
        let output = bench.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let listed = out(&["list"]);
    for name in ["kuramoto_sivashinsky", "etdrk4", "semilinear_operator", "rollout_rel_l2"] {
        assert!(listed.contains(name), "{name}");
    }
    assert!(out(&["check", config]).contains("dt = 0.01"));
    let system = format!("{RECONSTRUCTION}\n[sweep]\nseed = [0, 1, 2]\n");
    let checked = out(&["check", bench.config("system.toml", &system).to_str().unwrap()]);
    let cost = "8 epochs of 10 batches, 80 steps on 8 windows each, unrolled over 39 samples";
    assert!(checked.contains(cost) && checked.contains("# sweep: 3 members"), "{checked}");
    bench.config("series.csv", "b\n1\n");
    let learned = SERIES.split("[model").next().unwrap();
    let learned =
        format!("{learned}[model.plrnn]\nlatent = 3\nhidden = 9\n[train]\nepochs = 2\nsequence = 30\n");
    let checked = out(&["check", bench.config("file.toml", &learned).to_str().unwrap()]);
    assert!(checked.contains("2 epochs of 50 batches, 100 steps on 16 windows each"), "{checked}");
    assert!(out(&[config, "--dry-run", "--set", "solver.etdrk2.dt=0.02"]).contains("[solver.etdrk2]"));
    assert!(!bench.path("runs").exists());
    out(&[config, "--out", "a", "-q"]);
    out(&[config, "--out", "b", "-q", "--set", "solver.etdrk4.dt=0.005"]);
    assert!(out(&["compare", "a", "b"]).contains("rel_l2"));
    assert!(bench.path("comparison.png").exists());
    let drawn = out(&["compare", "a", "b", "--out", "new/folder"]);
    assert!(drawn.contains("comparison.png") && bench.path("new/folder/comparison.svg").exists(), "{drawn}");
    // Reconstructions are compared by their own measures.
    for (run, scale) in [("c", 1.0), ("d", 0.5)] {
        std::fs::create_dir(bench.path(run)).unwrap();
        let metrics =
            format!(r#"{{"d_stsp": {}, "baseline_sindy_d_stsp": 0.2, "pe_20": {scale}}}"#, 3.0 * scale);
        let summary = format!(r#"{{"name": "{run}", "status": "done", "metrics": {metrics}}}"#);
        std::fs::write(bench.path(run).join("summary.json"), summary).unwrap();
    }
    out(&["compare", "c", "d", "--out", "series"]);
    let figure = std::fs::read_to_string(bench.path("series/comparison.svg")).unwrap();
    for text in ["D_stsp", "sindy", "prediction error", ">c<", ">d<"] {
        assert!(figure.replace('\n', "").contains(text), "{text}");
    }
    assert!(!figure.contains("Hellinger") && !figure.contains("L2"));
    assert!(out(&["report", "a"]).contains("report.html"));
    assert!(out(&["completions", "bash"]).contains("experiment"));
    assert!(out(&["data", config, "--out", "data.h5"]).contains("data.h5"));
    assert!(bench.path("data.h5").exists());
}
