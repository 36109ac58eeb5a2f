//! The training of piecewise-linear networks on series: it learns, it resumes bit for bit, it says why it ends.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use flowmap_experiments::commands::Progress;
use flowmap_experiments::config::{Loaded, Overrides, load};
use flowmap_experiments::error::Error;
use flowmap_experiments::run_dir::RunDir;
use flowmap_experiments::train::{Fit, SequenceObjective};
use flowmap_models::config::ModelConfig;
use flowmap_models::plrnn::{Plrnn, PlrnnSystem};
use flowmap_models::seeded;
use flowmap_models::state_space::StateSpaceModel;
use ndarray::{Array1, Array2, Axis};

/// Lorenz-63 by the classical Runge-Kutta method, standardised.
fn lorenz(samples: usize) -> Array2<f64> {
    let field = |u: &Array1<f64>| {
        Array1::from(vec![10.0 * (u[1] - u[0]), u[0] * (28.0 - u[2]) - u[1], u[0] * u[1] - 8.0 / 3.0 * u[2]])
    };
    let (dt, mut u) = (0.02, Array1::from(vec![1.0, 1.0, 20.0]));
    let mut out = Array2::zeros((samples, 3));
    for i in 0..samples + 500 {
        let k1 = field(&u);
        let k2 = field(&(&u + &(&k1 * (0.5 * dt))));
        let k3 = field(&(&u + &(&k2 * (0.5 * dt))));
        let k4 = field(&(&u + &(&k3 * dt)));
        u = &u + &((k1 + &(k2 * 2.0) + &(k3 * 2.0) + k4) * (dt / 6.0));
        if i >= 500 {
            out.row_mut(i - 500).assign(&u);
        }
    }
    let (mean, std) = (out.mean_axis(Axis(0)).unwrap(), out.std_axis(Axis(0), 0.0));
    (out - mean) / std
}

fn loaded(folder: &Path, train: &str) -> Loaded {
    let text = format!(
        "name = \"series\"\n[problem.lorenz63]\n[solver.tsit5]\nrtol = 1e-6\natol = 1e-6\n[data]\ntrain = 1\nvalidation = 1\n\
         test = 1\ndt = 0.02\nsteps = 500\n[model.plrnn]\nvariant = \"shallow\"\nlatent = 3\nhidden = 20\n[train]\n{train}"
    );
    let path = folder.join("series.toml");
    std::fs::write(&path, text).unwrap();
    load(&path, &Overrides::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// Trains in `out`, interrupted at the first score that comes after `stop` epochs.
fn train(loaded: &Loaded, out: &Path, resume: bool, stop: Option<usize>) -> Result<Plrnn, Error> {
    let run = if resume { RunDir::reopen(Some(out), loaded)? } else { RunDir::create(Some(out), loaded)? };
    let series = [lorenz(1500)];
    let (interrupted, judged) = (AtomicBool::new(false), Cell::new(0));
    let score = |system: &PlrnnSystem| {
        judged.set(judged.get() + 1);
        interrupted.store(stop == Some(judged.get()), Ordering::Relaxed);
        let mut next = [0.0; 3];
        let x = lorenz(2);
        system.next(x.row(0).as_slice().unwrap(), &mut next);
        x.row(1).iter().zip(next).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let device = Device::flex();
    let Some(ModelConfig::Plrnn(plrnn)) = &loaded.config.model else { panic!("no model") };
    let autodiff = device.clone().autodiff();
    let model = seeded(&autodiff, 3, || plrnn.init(3, 0, &autodiff).unwrap());
    assert_eq!(model.to_map().hidden(), 20);
    let config = loaded.config.train.as_ref().unwrap();
    let fit = Fit {
        role: "model",
        config,
        run: &run,
        resume,
        interrupted: &interrupted,
        progress: &Progress::new(true, false),
    };
    let mut objective = SequenceObjective::new(&series, 0, config, 5, &device, ("one_step", &score))?;
    fit.train(model, &mut objective).map(|trained| trained.model)
}

const TRAIN: &str = "epochs = 6\nbatches = 60\nbatch = 8\nsequence = 30\nclip = 0.0\nnoise = 0.01\nvalidate_every = 1\n\
                     [train.optimiser.radam]\nrate = 1e-2\n[train.regulariser]\nlatent = 1e-5\n";

#[test]
fn it_learns_and_resumes_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = loaded(folder.path(), TRAIN);
    let whole = train(&loaded, &folder.path().join("a"), false, None).unwrap();
    let out = folder.path().join("b");
    assert!(matches!(train(&loaded, &out, false, Some(2)), Err(Error::Interrupted)));
    let resumed = train(&loaded, &out, true, None).unwrap();
    assert_eq!(whole.to_map(), resumed.to_map());
    let read = |name: &str, of: &str| -> Vec<f64> {
        let text = std::fs::read_to_string(folder.path().join(name).join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
        lines.filter(|v| v["name"] == of).map(|v| v["value"].as_f64().unwrap()).collect()
    };
    for of in ["epoch_loss", "alpha", "one_step"] {
        assert_eq!(read("a", of), read("b", of), "{of}");
        assert_eq!(read("a", of).len(), 6);
    }
    let (loss, alpha) = (read("a", "epoch_loss"), read("a", "alpha"));
    assert!(loss[5] < 0.5 * loss[0], "{loss:?}");
    // Every fifth of 360 batches anneals.
    assert!(alpha.iter().all(|a| *a >= 0.999_f64.powi(72) - 1e-12 && *a < 1.0), "{alpha:?}");
}

#[test]
fn a_training_that_diverges_names_the_epoch_and_keeps_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let text = TRAIN.replace("rate = 1e-2", "rate = 3.0") + "[train.forcing.constant]\nalpha = 0.0\n";
    let loaded = loaded(folder.path(), &text.replace("sequence = 30", "sequence = 400"));
    let out = folder.path().join("run");
    let Err(Error::Numerical(message)) = train(&loaded, &out, false, None) else {
        panic!("it did not diverge")
    };
    assert!(message.contains("in epoch 1") && message.contains("train.forcing"), "{message}");
    assert!(message.contains("no epoch was completed"), "{message}");
    assert!(!out.join("checkpoints/model/best.safetensors").exists());
}

#[test]
fn the_weights_of_the_last_epoch_outlive_a_divergence() {
    let folder = tempfile::tempdir().unwrap();
    // One batch an epoch: the first goes well before the loss overflows, and none is judged.
    let text = TRAIN
        .replace("rate = 1e-2", "rate = 0.1")
        .replace("epochs = 6\nbatches = 60", "epochs = 400\nbatches = 1")
        .replace("sequence = 30", "sequence = 400")
        .replace("validate_every = 1", "validate_every = 400")
        + "[train.forcing.constant]\nalpha = 0.0\n";
    let loaded = loaded(folder.path(), &text);
    let out = folder.path().join("run");
    let Err(Error::Numerical(message)) = train(&loaded, &out, false, None) else {
        panic!("it did not diverge")
    };
    let kept = std::fs::read_dir(out.join("checkpoints/model")).unwrap().flatten().map(|e| e.path());
    let kept: Vec<_> = kept.filter(|p| p.join("weights.safetensors").exists()).collect();
    assert_eq!(kept.len(), 1, "{message}");
    let place = std::fs::read_to_string(kept[0].join("place.json")).unwrap();
    let place: serde_json::Value = serde_json::from_str(&place).unwrap();
    let epoch = place["epoch"].as_u64().unwrap();
    assert!(epoch > 0 && place["step"].as_u64() == Some(epoch), "{place}");
    assert!(message.contains(&format!("in epoch {},", epoch + 1)), "{message}");
    assert!(message.contains(&format!("the weights after epoch {epoch} are kept")), "{message}");
}

#[test]
fn windows_longer_than_the_series_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut loaded = loaded(folder.path(), TRAIN);
    loaded.config.train.as_mut().unwrap().sequence = Some(2000);
    let Err(Error::Usage { message, .. }) = train(&loaded, &folder.path().join("run"), false, None) else {
        panic!("it was accepted")
    };
    assert!(message.contains("1500"), "{message}");
}
