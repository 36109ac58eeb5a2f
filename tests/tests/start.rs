//! A training that starts from weights: they come with the scale of their channels.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use support::{Bench, stderr, summary};

const SURROGATE: &str = r#"
name = "started"
[problem.burgers]
points = 32
[solver.etdrk4]
dt = 0.02
[data]
train = 3
validation = 1
test = 1
dt = 0.1
steps = 6
initial.truncated_fourier = { modes = 3, amplitude = 1.0 }
[model.sinenet]
waves = 1
width = 4
levels = 2
growth = 1.5
[train]
epochs = 2
batch = 4
[evaluate]
baselines = ["persistence"]
"#;

#[test]
fn weights_are_taken_with_the_scale_that_they_were_trained_with() {
    let bench = Bench::new();
    let config = bench.config("started.toml", SURROGATE);
    let config = config.to_str().unwrap();
    let run = |out: &str, changes: &[&str]| {
        let mut arguments = vec![config, "--out", out, "-q", "--threads", "1"];
        changes.iter().for_each(|c| arguments.extend(["--set", c]));
        let output = bench.run(&arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        let found = summary(&bench.path(out));
        (found["metrics"]["one_step_rel_l2"].as_f64().unwrap(), found["notes"].to_string())
    };
    let (first, notes) = run("first", &[]);
    assert!(!notes.contains("scale of their channels"));
    let weights = "train.start.path=\"first/checkpoints/model/best.safetensors\"";
    let (again, notes) = run("again", &["train.epochs=0", weights]);
    assert_eq!(again, first);
    assert!(!notes.contains("scale of their channels"), "{notes}");
    // Other training data have another scale, and the weights keep theirs.
    let wide = ["train.epochs=0", weights, "data.initial.truncated_fourier.amplitude=0.5"];
    let (with, _) = run("wide", &wide);
    let alone = bench.path("alone.safetensors");
    std::fs::copy(bench.path("first/checkpoints/model/best.safetensors"), alone).unwrap();
    let bare = [wide[0], "train.start.path=\"alone.safetensors\"", wide[2]];
    let (without, notes) = run("bare", &bare);
    assert!(notes.contains("without the scale of their channels"), "{notes}");
    assert_ne!(with, without);
    let text = std::fs::read_to_string(bench.path("first/checkpoints/model/scale.json")).unwrap();
    let scale: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (mean, std) =
        (format!("train.start.mean={}", scale["mean"]), format!("train.start.std={}", scale["std"]));
    let (given, notes) = run("given", &[bare[0], bare[1], bare[2], &mean, &std]);
    assert_eq!(given, with);
    assert!(!notes.contains("scale of their channels"), "{notes}");
    // What has begun does not need the file any more.
    std::fs::remove_file(bench.path("alone.safetensors")).unwrap();
    let resume = [config, "--out", "bare", "-q", "--threads", "1", "--resume"];
    let output = bench.run(&[&resume[..], &["--set", bare[0], "--set", bare[1], "--set", bare[2]]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let bench = Bench::new();
    let config = bench.config("started.toml", SURROGATE);
    std::fs::write(bench.path("none.pt"), "no checkpoint").unwrap();
    for (change, said) in [
        ("train.start.path=\"missing.pt\"", "no file"),
        ("train.start.path=\"none.pt\"", "none.pt"),
        ("train.start={path=\"none.pt\", mean=[0.0], std=[]}", "1 means and 0 standard deviations"),
        ("train.start={path=\"none.pt\", mean=[0.0], std=[-1.0]}", "standard deviations are positive"),
        ("train.start={path=\"none.pt\", mean=[0.0, 1.0], std=[1.0, 1.0]}", "a scale of 2 channels for 1"),
    ] {
        let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q", "--set", change]);
        assert_eq!(output.status.code(), Some(2), "{change}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{change}: {}", stderr(&output));
        let _ = std::fs::remove_dir_all(bench.path("run"));
    }
}
