//! Flows on cells end to end: what is learned of them, drawn and refused.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use support::{Bench, stderr, summary};

const SMOKE: &str = r#"
name = "smoke"

[problem.smoke]
points = 16

[solver.semi_lagrangian]
dt = 1.5

[data]
train = 3
validation = 1
test = 2
dt = 3.0
steps = 6
history = 2
burn_in = 6.0

[data.initial.noise]

[model.sinenet]
waves = 2
width = 4
growth = 1.5
levels = 2

[train]
epochs = 2
batch = 4
push_forward = 1

[train.optimiser.adamw]
rate = 1e-3

[evaluate]
baselines = ["u_net", "dilated_resnet", "fno", "persistence"]
"#;

#[test]
fn smoke_is_learned_from_frames_beside_rivals_of_as_many_parameters() {
    let bench = Bench::new();
    let config = bench.config("smoke.toml", SMOKE);
    let output = bench.run(&[config.to_str().unwrap(), "--out", "run", "-q"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let run = bench.path("run");
    let metrics = summary(&run)["metrics"].clone();
    for metric in ["one_step_rel_l2", "rollout_rel_l2", "one_step_scaled_l2", "rollout_scaled_l2"] {
        for rival in ["", "_unet", "_resnet", "_fno"] {
            let value = metrics[format!("{metric}{rival}")].as_f64();
            assert!(value.is_some_and(|v| v > 0.0), "{metric}{rival}: {metrics}");
        }
    }
    for metric in ["params", "macs", "forward_ms", "backward_ms", "smoke_drift", "spectrum_error"] {
        assert!(metrics[metric].as_f64().is_some(), "{metric}: {metrics}");
    }
    for figure in ["rollout", "rollout_animated", "snapshots", "spectrum", "error_by_lead_time", "training"] {
        assert!(run.join(format!("plots/{figure}.png")).exists(), "{figure}");
    }
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("<img src=\"plots/rollout_animated.png\""));
    // The last frame given is the first of the six that are compared.
    let archive = std::fs::File::open(run.join("predictions.npz")).unwrap();
    let mut archive = ndarray_npy::NpzReader::new(archive).unwrap();
    let times: ndarray::Array1<f64> = archive.by_name("times").unwrap();
    assert_eq!(times.to_vec(), [0.0, 3.0, 6.0, 9.0, 12.0, 15.0]);
}

#[test]
fn what_does_not_fit_between_walls_is_refused() {
    let bench = Bench::new();
    let cases = [
        ("levels = 2", "levels = 5", "must be a multiple of 32"),
        ("[solver.semi_lagrangian]\ndt = 1.5", "[solver.etdrk4]\ndt = 0.1", "'etdrk4' cannot move 'smoke'"),
        ("[data.initial.noise]", "[data.initial.kassam_trefethen]", "is no start for 'smoke'"),
        ("history = 2", "history = 6", "7 steps of training in trajectories of 6"),
        ("points = 16", "points = 3", "3 is out of range"),
        (
            "[model.sinenet]\nwaves = 2\nwidth = 4\ngrowth = 1.5\nlevels = 2",
            "[model.semilinear_operator]",
            "'semilinear_operator' sees the last sample alone",
        ),
        (
            "growth = 1.5\n",
            "growth = 1.5\nbudget = { equal = \"macs\", params = 1000 }\n",
            "no multiplications to share",
        ),
    ];
    for (from, to, expected) in cases {
        assert!(SMOKE.contains(from));
        let config = bench.config("bad.toml", &SMOKE.replace(from, to));
        let output = bench.run(&["check", config.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{to}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{to}: {}", stderr(&output));
    }
    let flow = SMOKE.replace(
        "[model.sinenet]\nwaves = 2\nwidth = 4\ngrowth = 1.5\nlevels = 2",
        "[model.semilinear_operator]",
    );
    let config = bench.config("flow.toml", &flow.replace("history = 2", "history = 1"));
    let output = bench.run(&["check", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("linear part that is diagonal"), "{}", stderr(&output));
}
