//! Experiments end to end: what they measure, draw and write.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use support::{Bench, LABELS, RECONSTRUCTION, SOLUTION, STUDY, stderr, summary};

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
