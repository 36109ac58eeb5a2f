//! `experiment CONFIG…`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use flowmap_datasets::generate::DataError;
use flowmap_solvers::issue::Issue;
use serde_json::{Value, json};

use super::check::describe;
use super::{Progress, print};
use crate::cli::{RunArgs, tell};
use crate::config::{Loaded, load};
use crate::error::Error;
use crate::evaluate::{Findings, simulation, surrogate};
use crate::run_dir::{RunDir, now, peak_rss_mb, provenance, timestamp};

/// Runs experiments one after the other. All configs are checked before the first runs.
///
/// # Errors
/// The first that ends an experiment early.
pub fn run(args: &RunArgs) -> Result<(), Error> {
    let overrides = (&args.overrides).into();
    let loaded = args.configs.iter().map(|path| load(path, &overrides).map_err(Error::Config));
    let loaded = loaded.collect::<Result<Vec<_>, _>>()?;
    if let Some(threads) = args.threads {
        let built = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global();
        built
            .map_err(|e| Error::Usage { message: format!("--threads: {e}"), hint: "leave it out".into() })?;
    }
    let (device, device_name) = args.device.open()?;
    if args.dry_run {
        loaded.iter().for_each(|l| print(&describe(l)));
        return Ok(());
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    // A second signal ends the process at once.
    let handler = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let progress = Progress::new(args.quiet, args.verbose);
    if handler.is_err() {
        progress.say("signals cannot be caught: an interruption loses what follows the last checkpoint");
    }
    let several = loaded.len() > 1;
    for loaded in &loaded {
        let out: Option<PathBuf> =
            args.out.as_ref().map(|out| if several { out.join(&loaded.config.name) } else { out.clone() });
        let run = if args.resume {
            RunDir::reopen(out.as_deref(), loaded)?
        } else {
            RunDir::create(out.as_deref(), loaded)?
        };
        let result = one(loaded, &run, args, &device, device_name, &interrupted, &progress);
        print(&run.path().display().to_string());
        result?;
    }
    Ok(())
}

fn one(
    loaded: &Loaded,
    run: &RunDir,
    args: &RunArgs,
    device: &burn::tensor::Device,
    device_name: &str,
    interrupted: &AtomicBool,
    progress: &Progress,
) -> Result<(), Error> {
    let started = Instant::now();
    let mut facts = provenance(loaded, device_name);
    run.write("run.json", &pretty(&Value::Object(facts.clone())))?;
    let config = &loaded.config;
    let result = match (&config.model, &config.train) {
        (Some(model), Some(train)) => {
            surrogate(config, model, train, run, device, args.resume, interrupted, progress)
        }
        (Some(model), None) => {
            let issue =
                Issue::new(format!("model.{}", model.name()), "no experiment trains this model alone");
            Err(DataError::Config(issue).into())
        }
        (None, _) => simulation(config, run, progress),
    };
    let (mut findings, error) = match result {
        Ok(mut findings) => {
            let error = findings.failure.take().map(Error::Numerical);
            (findings, error)
        }
        Err(error) => (Findings::default(), Some(error)),
    };
    let status = match &error {
        None => "done".to_owned(),
        Some(Error::Interrupted) => "interrupted".to_owned(),
        Some(error) => format!("failed: {error}"),
    };
    expected(config.model.is_some(), &mut findings);
    let summary = json!({
        "name": config.name,
        "status": status,
        "wall_s": (started.elapsed().as_secs_f64() * 100.0).round() / 100.0,
        "peak_rss_mb": peak_rss_mb(),
        "metrics": findings.metrics,
        "notes": findings.notes,
        "tables": findings.tables,
    });
    facts.insert("end".into(), json!(timestamp(now())));
    let written = run
        .write("run.json", &pretty(&Value::Object(facts)))
        .and_then(|()| run.write("summary.json", &pretty(&summary)))
        .and_then(|()| crate::report::write(run.path()).map(|_| ()));
    match error {
        Some(error) => {
            // The first failure is the one to hear of.
            if let Err(second) = written {
                tell(&second);
            }
            Err(error)
        }
        None => written,
    }
}

/// Metrics that every such run names, null where they could not be computed.
fn expected(learned: bool, findings: &mut Findings) {
    let names: &[&str] =
        if learned { &["one_step_rel_l2", "rollout_rel_l2", "params", "train_s"] } else { &["solve_s"] };
    for name in names {
        findings.metrics.entry((*name).to_owned()).or_insert(Value::Null);
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
