//! The command end to end: exit status, messages, run folders, resumption.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use support::{Bench, RECONSTRUCTION, SERIES, SIMULATION, SOLUTION, STUDY, TRAINING, stderr, summary};

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
