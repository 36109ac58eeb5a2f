//! What every experiment on data keeps in its run folder.

use std::io::Cursor;
use std::time::Instant;

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_solvers::issue::Issue;
use ndarray_npy::{NpzWriter, WriteNpzError};

use super::simulation::keep_diverged;
use super::{Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::run_dir::RunDir;

/// The problem of an experiment that has one.
pub(super) fn build(config: &ExperimentConfig) -> Result<Problem, Error> {
    let Some(problem) = &config.problem else {
        return Err(DataError::Config(Issue::new("problem", "there is none")).into());
    };
    let fail = |e: String| Issue::new(format!("problem.{}", problem.name()), e);
    problem.build().map_err(|e| DataError::Config(fail(e.to_string())).into())
}

/// The data of an experiment, with what they cost, their card and its warnings; none if a trajectory of the problem diverged, of
/// which all that there is has been kept.
pub(super) fn obtain(
    config: &ExperimentConfig,
    job: &Job<'_>,
    findings: &mut Findings,
) -> Result<Option<Dataset>, Error> {
    let started = Instant::now();
    let data = match job.progress.data(config) {
        Ok(data) => data,
        Err(error) if config.problem.is_some() => {
            keep_diverged(config, &build(config)?, error, job.run, findings)?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    keep_card(&data, job.run, findings)?;
    Ok(Some(data))
}

/// Writes the data card, its error into the metrics, and its warnings into the notes.
pub(super) fn keep_card(data: &Dataset, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    run.write("data_card.json", &serde_json::to_vec_pretty(&data.card).unwrap_or_default())?;
    findings.notes.extend(data.card.warnings.iter().cloned());
    if let Some(reference) = &data.card.reference {
        findings.metric("reference_rel_l2", reference.last);
        findings.notes.push(if reference.parted() && data.card.warnings.is_empty() {
            format!(
                "With half the step a trajectory ends elsewhere (relative L2 difference {:.1e}), as it must after many Lyapunov times: single trajectories of these data are not exact, their statistics are.",
                reference.last
            )
        } else {
            format!(
                "The data differ by at most {:.1e} (relative L2, last sample) from the same with half the step, measured on {} trajectories.",
                reference.last, reference.trajectories
            )
        });
    }
    if let Some(tail) = data.card.tail.filter(|_| data.card.unresolved()) {
        findings.notes.push(format!(
            "The grid is coarse: its highest modes hold up to {tail:.1e} of a field (relative L2); with more points the data would differ."
        ));
    }
    Ok(())
}

/// Writes `predictions.npz`, whole or not at all.
pub(super) fn write_npz(
    run: &RunDir,
    fill: impl FnOnce(&mut NpzWriter<&mut Cursor<Vec<u8>>>) -> Result<(), WriteNpzError>,
) -> Result<(), Error> {
    let mut bytes = Cursor::new(Vec::new());
    let mut archive = NpzWriter::new(&mut bytes);
    let path = run.join("predictions.npz");
    let fail =
        |e: WriteNpzError| Error::Io { path: path.clone(), source: std::io::Error::other(e.to_string()) };
    fill(&mut archive).map_err(fail)?;
    archive.finish().map_err(fail)?;
    run.write("predictions.npz", bytes.get_ref())
}
