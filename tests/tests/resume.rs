//! What was killed goes on to the same end.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use support::{Bench, LABELS, RECONSTRUCTION, SOLUTION, TRAINING, stderr, summary};

#[test]
fn a_killed_training_resumes_to_the_same_weights() {
    kill_and_resume(&averaged(TRAINING), 10, "rollout_rel_l2");
}

#[test]
fn a_killed_classification_resumes_to_the_same_weights() {
    kill_and_resume(LABELS, 7, "accuracy");
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
