//! `experiment CONFIG…`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::Device;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_models::config::Learns;
use serde_json::{Value, json};

use super::check::describe;
use super::{Progress, print};
use crate::cli::{RunArgs, tell};
use crate::config::{Loaded, load};
use crate::error::Error;
use crate::evaluate::{
    Findings, Job, StudyConfig, assimilation, classification, density, dynamics, gradient_study,
    network_evolution, network_solution, paths, reconstruction, simulation, surrogate,
};
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
    let shared = Shared {
        device: &device,
        device_name,
        resume: args.resume,
        interrupted: &interrupted,
        progress: &progress,
    };
    let several = loaded.len() > 1;
    for loaded in &loaded {
        let out: Option<PathBuf> =
            args.out.as_ref().map(|out| if several { out.join(&loaded.config.name) } else { out.clone() });
        let run = if args.resume {
            RunDir::reopen(out.as_deref(), loaded)?
        } else {
            RunDir::create(out.as_deref(), loaded)?
        };
        match shared.one(loaded, &run) {
            // Data that cannot be used are bad input like any other: nothing is left of the attempt.
            Err(error @ (Error::Data(_) | Error::Usage { .. })) if !args.resume && error.status() == 2 => {
                run.discard();
                return Err(match error {
                    Error::Data(DataError::Config(issue)) => Error::Config(loaded.explain(issue)),
                    other => other,
                });
            }
            result => {
                print(&run.path().display().to_string());
                result?;
            }
        }
    }
    Ok(())
}

/// What all experiments of a command share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) device: &'a Device,
    pub(super) device_name: &'static str,
    pub(super) resume: bool,
    pub(super) interrupted: &'a AtomicBool,
    pub(super) progress: &'a Progress,
}

impl Shared<'_> {
    /// Runs one experiment in its folder, and leaves a summary and a report however it ends.
    pub(super) fn one(&self, loaded: &Loaded, run: &RunDir) -> Result<(), Error> {
        let started = Instant::now();
        let mut facts = provenance(loaded, self.device_name);
        run.write("run.json", &pretty(&Value::Object(facts.clone())))?;
        let config = &loaded.config;
        let job = Job {
            run,
            device: self.device,
            resume: self.resume,
            interrupted: self.interrupted,
            progress: self.progress,
        };
        let result = if loaded.members.is_empty() {
            match (&config.study, &config.model) {
                (Some(StudyConfig::Gradient(study)), _) => gradient_study(study, &job),
                (None, None) if let Some(twin) = &config.assimilation => assimilation(config, twin, &job),
                (None, None) => simulation(config, run, self.progress),
                (None, Some(model)) => match model.learns() {
                    Learns::Fields => surrogate(config, model, &job),
                    Learns::Corrections => match &config.assimilation {
                        Some(twin) => assimilation(config, twin, &job),
                        None => Ok(Findings::default()),
                    },
                    Learns::Series => reconstruction(config, model, &job),
                    Learns::Dynamics => dynamics(config, model, &job),
                    Learns::Labels => classification(config, model, &job),
                    Learns::Points => density(config, model, &job),
                    Learns::Paths => paths(config, model, &job),
                    Learns::Solution => network_solution(config, model, &job),
                    Learns::Evolution => network_evolution(config, model, &job),
                },
            }
        } else {
            self.sweep(loaded, run)
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
        for name in expected(loaded) {
            findings.metrics.entry((*name).to_owned()).or_insert(Value::Null);
        }
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
}

/// Metrics that every run of a kind names, null where they could not be computed.
fn expected(loaded: &Loaded) -> &'static [&'static str] {
    match &loaded.config.model {
        _ if !loaded.members.is_empty() => &["members"],
        None if loaded.config.assimilation.is_some() => &["climate_deviation"],
        _ if loaded.config.study.is_some() => &[],
        None => &["solve_s"],
        Some(model) => match model.learns() {
            Learns::Corrections => &["climate_deviation", "train_s"],
            Learns::Fields => &["one_step_rel_l2", "rollout_rel_l2", "params", "train_s"],
            Learns::Solution => &["rel_l2", "rel_l2_end", "max_error", "residual_rms", "params", "train_s"],
            Learns::Evolution => match &loaded.config.problem {
                Some(ProblemConfig::EulerBox(_)) => &["mean_sq_error", "params", "train_s"],
                Some(ProblemConfig::ElasticBlock(_)) => &["error", "energy", "params", "train_s"],
                Some(ProblemConfig::FallingBlock(_)) => &["error", "max_error", "params", "train_s"],
                _ => &["mae", "rel_l2", "params", "train_s"],
            },
            Learns::Dynamics => &["trajectory_rel_l2", "params", "train_s"],
            Learns::Series => &["d_stsp", "d_hellinger", "lyapunov_max", "pe_20", "params", "train_s"],
            Learns::Labels => &["accuracy", "params", "train_s"],
            Learns::Points => &["w2", "mmd", "params", "train_s"],
            Learns::Paths => &["marginal_error", "mmd", "params", "train_s"],
        },
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}
