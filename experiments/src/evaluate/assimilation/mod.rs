//! Twin experiments: classical filters follow a truth by noisy, partial observations.

mod config;
mod draw;
mod twin;

pub use config::AssimilationConfig;

use flowmap_datasets::generate::DataError;
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::keep::{build, write_npz};
use super::{Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use twin::{Course, Trial, Twin};

/// A filter and how it fared, trial by trial.
struct Entry<'a> {
    name: &'a str,
    method: &'static str,
    courses: Vec<Course>,
}

/// Makes truths and observations, lets every filter follow every truth, averages, draws.
///
/// # Errors
/// If the configuration does not fit, the truth or the climate diverges, the user interrupts, or a file cannot be written.
pub fn assimilation(
    config: &ExperimentConfig,
    assimilation: &AssimilationConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let problem = build(config)?;
    let Some(recipe) = config.recipe() else {
        let issue = Issue::new("problem", "a twin experiment needs equations")
            .hint("give [problem.NAME] and [solver.NAME]");
        return Err(DataError::Config(issue).into());
    };
    let twin = Twin::new(recipe, &problem, assimilation, job.interrupted)?;
    job.progress.say(&format!(
        "climate measured: deviation {:.3}; observations have deviation {:.3}",
        climate_deviation(&twin),
        twin.deviation.first().copied().unwrap_or(0.0)
    ));
    let trials = (0..config.data.test)
        .into_par_iter()
        .map(|index| twin.trial(index))
        .collect::<Result<Vec<_>, _>>()?;
    // Every filter in every trial is a task of its own.
    let tasks: Vec<_> = assimilation
        .filters
        .iter()
        .flat_map(|(name, filter)| trials.iter().map(move |t| (name, filter, t)))
        .collect();
    let mut courses = tasks
        .into_par_iter()
        .map(|(name, filter, trial)| {
            let course = twin.follow(name, filter, trial)?;
            job.progress.say(&format!(
                "{name}, trial {}: rmse {:.4}",
                trial.index + 1,
                mean(&observed(&course.estimate, trial, assimilation.discard))
            ));
            Ok(course)
        })
        .collect::<Result<Vec<_>, Error>>()?
        .into_iter();
    let entries: Vec<Entry<'_>> = assimilation
        .filters
        .iter()
        .map(|(name, filter)| Entry {
            name,
            method: filter.name(),
            courses: courses.by_ref().take(trials.len()).collect(),
        })
        .collect();
    measure(&twin, &trials, &entries, &mut findings);
    draw::figures(config, &twin, &trials, &entries, job.run, &mut findings)?;
    let rows = |states: &[Vec<f64>]| {
        let columns = states.first().map_or(0, Vec::len);
        Array2::from_shape_vec((states.len(), columns), states.concat()).unwrap_or_default()
    };
    write_npz(job.run, |archive| {
        let times: Array1<f64> = (1..=config.data.steps).map(|k| k as f64 * config.data.dt).collect();
        archive.add_array("times", &times)?;
        archive.add_array("truth", &rows(&trials[0].truth))?;
        let outputs = twin.deviation.len();
        let nothing = vec![f64::NAN; outputs];
        let seen: Vec<_> =
            trials[0].seen.iter().map(|s| s.clone().unwrap_or_else(|| nothing.clone())).collect();
        archive.add_array("observations", &rows(&seen))?;
        for entry in &entries {
            archive.add_array(format!("estimate_{}", entry.name), &rows(&entry.courses[0].states))?;
            let errors: Vec<Array1<f64>> =
                entry.courses.iter().map(|c| Array1::from(padded(&c.estimate, config.data.steps))).collect();
            let views: Vec<_> = errors.iter().map(|e| e.view()).collect();
            let stacked = ndarray::stack(ndarray::Axis(0), &views).unwrap_or_default();
            archive.add_array(format!("rmse_{}", entry.name), &stacked)?;
        }
        Ok(())
    })?;
    Ok(findings)
}

/// A series, with nothing where it ended early.
fn padded(series: &[f64], length: usize) -> Vec<f64> {
    (0..length).map(|k| series.get(k).copied().unwrap_or(f64::NAN)).collect()
}

fn climate_deviation(twin: &Twin<'_>) -> f64 {
    let covariance = &twin.climatology.covariance;
    (covariance.trace() / covariance.nrows() as f64).sqrt()
}

/// The values of the cycles that are averaged over and in which something was seen.
fn observed(series: &[f64], trial: &Trial, discard: usize) -> Vec<f64> {
    let seen = trial.seen.iter().enumerate().skip(discard).filter(|(_, s)| s.is_some());
    seen.filter_map(|(k, _)| series.get(k).copied()).collect()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / values.len() as f64 }
}

fn measure(twin: &Twin<'_>, trials: &[Trial], entries: &[Entry<'_>], findings: &mut Findings) {
    let discard = twin.config.discard;
    let size = trials.iter().flat_map(|t| t.truth.iter().flatten()).map(|v| v * v).sum::<f64>();
    let count = trials.iter().flat_map(|t| t.truth.iter()).map(Vec::len).sum::<usize>().max(1);
    let truth_rms = (size / count as f64).sqrt();
    findings.metric("climate_deviation", climate_deviation(twin));
    findings.metric("observation_deviation", twin.deviation.first().copied().unwrap_or(f64::NAN));
    let mut rows = Vec::new();
    for entry in entries {
        let complete = entry.courses.iter().all(|c| c.failure.is_none());
        // A filter that ended early has no average.
        let over = |of: &dyn Fn(&Course, &Trial) -> f64| -> Vec<f64> {
            entry
                .courses
                .iter()
                .zip(trials)
                .map(|(c, t)| if c.failure.is_none() { of(c, t) } else { f64::NAN })
                .collect()
        };
        let analysis = over(&|c, t| mean(&observed(&c.estimate, t, discard)));
        let forecast = over(&|c, t| mean(&observed(&c.forecast, t, discard)));
        let spread = over(&|c, t| mean(&observed(&c.spread, t, discard)));
        let all = over(&|c, _| {
            let squares: Vec<f64> = c.estimate.iter().skip(discard).map(|e| e * e).collect();
            mean(&squares).sqrt() / truth_rms
        });
        let crps = over(&|c, _| c.crps.unwrap_or(f64::NAN));
        let cost = over(&|c, _| 1e3 * c.seconds / c.estimate.len().max(1) as f64);
        let name = entry.name;
        findings.metric(format!("rmse_a_{name}"), mean(&analysis));
        findings.metric(format!("rmse_f_{name}"), mean(&forecast));
        findings.metric(format!("rel_l2_{name}"), mean(&all));
        findings.metric(format!("ms_per_cycle_{name}"), mean(&cost));
        if entry.courses[0].ranks.len() > 2 {
            findings.metric(format!("spread_{name}"), mean(&spread));
            findings.metric(format!("crps_{name}"), mean(&crps));
        }
        for (course, trial) in entry.courses.iter().zip(trials) {
            let trial = trial.index + 1;
            if let Some((cycle, why)) = &course.failure {
                findings.notes.push(format!("{name} ended in cycle {cycle} of trial {trial}: {why}."));
            }
            if let Some(cycle) = course.lost {
                findings.notes.push(format!(
                    "{name} lost the truth in cycle {cycle} of trial {trial}: from there its error stays above the climate's deviation."
                ));
            }
        }
        if !complete {
            findings.notes.push(format!("{name}: trials that ended early make its averages null."));
        }
        let shown = |v: &[f64]| Value::from(format!("{:.4}", mean(v)));
        let (low, high) =
            analysis.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        rows.push(json!([
            name,
            entry.method,
            shown(&analysis),
            format!("{low:.4} … {high:.4}"),
            shown(&forecast),
            if entry.courses[0].ranks.len() > 2 { shown(&spread) } else { json!("") },
            if entry.courses[0].ranks.len() > 2 { shown(&crps) } else { json!("") },
            shown(&all),
            format!("{:.3}", mean(&cost)),
        ]));
    }
    findings.tables.push(json!({
        "title": format!("Filters, means over {} trials", trials.len()),
        "columns": ["name", "method", "RMSE of the analysis", "its range over trials", "RMSE of the forecast", "spread", "CRPS", "relative L2 over all cycles", "ms a cycle"],
        "rows": rows,
    }));
}
