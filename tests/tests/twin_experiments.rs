//! Twin experiments end to end.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use std::path::Path;

use support::{Bench, stderr, summary};

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
    // The equation keeps its mean, and so does what follows it.
    assert!(metrics["mass_drift_oi_some"].as_f64().unwrap().is_finite(), "{metrics}");
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
forecasts = 4
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
    // Forecasts from estimates are good for a while, no longer than the truth lasts.
    let valid = metric("valid_time_etkf").unwrap();
    assert!((0.2..10.0).contains(&valid), "{valid}");
    let turns = metric("valid_lyapunov_times_etkf").unwrap();
    assert!((turns - 0.9056 * valid).abs() < 1e-3 * turns, "{turns} {valid}");
    assert_eq!(metric("valid_time_shrunk"), None);
}

#[test]
fn observations_of_a_file_are_followed_at_their_own_times() {
    let bench = Bench::new();
    let text = FOLLOWED.replace("forecasts = 4\n", "").replace(
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
