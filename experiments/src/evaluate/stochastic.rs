//! An ensemble of random paths against what is known of it: exact solutions on the same paths, means and variances.

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::problem::sde::{self, SdeProblem};
use flowmap_datasets::simulate::{Realisation, simulate_on};
use flowmap_solvers::brownian::Path;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::control::Control;
use ndarray::{Array1, ArrayView1, ArrayView2, Axis, Ix3};
use rayon::prelude::*;

use super::Findings;
use super::order::Convergence;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::plot::{Axes, Line, Lines, Style};
use crate::run_dir::RunDir;

/// Paths over which a strong order is measured.
const MEASURED: usize = 200;
/// Paths that are drawn.
const DRAWN: usize = 5;

/// Mean and variance of one variable over all paths, at every time.
struct Ensemble {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Ensemble {
    fn new(paths: ArrayView2<'_, f64>) -> Self {
        let n = paths.len_of(Axis(0)) as f64;
        let mean = paths.mean_axis(Axis(0)).unwrap_or_default();
        let sums = paths
            .axis_iter(Axis(0))
            .fold(Array1::zeros(mean.len()), |s: Array1<f64>, path| s + (&path - &mean).mapv(|d| d * d));
        Self { mean: mean.to_vec(), variance: (sums / (n - 1.0).max(1.0)).to_vec() }
    }
}

/// The mean and twice the standard deviation to both sides.
fn band(mean: &[f64], variance: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let edge = |sign: f64| mean.iter().zip(variance).map(|(m, v)| m + sign * 2.0 * v.sqrt()).collect();
    (edge(-1.0), edge(1.0))
}

/// Strong errors on the paths themselves, errors of mean and variance, and the ensemble's figure.
///
/// # Errors
/// If a figure cannot be written.
pub(super) fn judge(
    config: &ExperimentConfig,
    problem: &dyn SdeProblem,
    data: &Dataset,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Ok(values) = data.values.view().into_dimensionality::<Ix3>() else { return Ok(()) };
    let from_start = config.data.burn_in == 0.0 && data.card.source.is_none();
    let starts = values.index_axis(Axis(1), 0);
    let start = starts.row(0).to_vec();
    let one_start = starts.rows().into_iter().all(|s| s == starts.row(0));
    let (n, end) = (values.len_of(Axis(0)), data.times.last().copied().unwrap_or(0.0));
    let ends = values.index_axis(Axis(1), data.times.len() - 1);
    if from_start && let Some(error) = strong_error(config, problem, starts, ends, end) {
        findings.metric("strong_error", error);
        findings.notes.push(format!(
            "Root mean square error at t = {end} against the exact solutions on the {n} paths: {error:.3e}."
        ));
    }
    for (c, name) in data.channels.iter().enumerate() {
        let ensemble = Ensemble::new(values.index_axis(Axis(2), c));
        let last = data.times.len() - 1;
        let exact: Option<Vec<_>> = (from_start && one_start)
            .then(|| data.times.iter().map(|t| problem.moments(*t, &start)).collect::<Option<Vec<_>>>())
            .flatten();
        if let Some(exact) = &exact {
            let (mean, variance) = (exact[last].mean[c], exact[last].variance[c]);
            let sampling = (variance / n as f64).sqrt();
            findings.metric(format!("weak_error_mean_{name}"), (ensemble.mean[last] - mean).abs());
            findings
                .metric(format!("weak_error_variance_{name}"), (ensemble.variance[last] - variance).abs());
            findings.notes.push(format!(
                "{name} at t = {end} over {n} paths: mean {:.4} (exact {mean:.4}, sampling error {sampling:.1e}), variance \
                 {:.4} (exact {variance:.4}).",
                ensemble.mean[last], ensemble.variance[last]
            ));
        }
        let mut lines = vec![Line {
            label: "mean ± 2 std".to_owned(),
            x: data.times.clone(),
            y: ensemble.mean.clone(),
            band: Some(band(&ensemble.mean, &ensemble.variance)),
            ..Line::default()
        }];
        if let Some(exact) = &exact {
            let mean: Vec<f64> = exact.iter().map(|m| m.mean[c]).collect();
            let variance: Vec<f64> = exact.iter().map(|m| m.variance[c]).collect();
            let (below, above) = band(&mean, &variance);
            for (label, y) in [("exact mean", mean), ("exact − 2 std", below), ("exact + 2 std", above)] {
                let (label, x) = (label.to_owned(), data.times.clone());
                lines.push(Line { label, x, y, style: Style::Dashed, band: None });
            }
        }
        for path in values.index_axis(Axis(2), c).outer_iter().take(DRAWN) {
            lines.push(Line { x: data.times.clone(), y: path.to_vec(), ..Line::default() });
        }
        let axes = Axes {
            title: format!("{}: {n} paths", problem.name().replace('_', " ")),
            x: "t".into(),
            y: name.clone(),
            ..Axes::default()
        };
        let caption =
            "Mean and twice the standard deviation over all paths, exact ones dashed, and some paths.";
        findings.figure(run, &format!("ensemble_{name}"), caption, &Lines { axes, lines })?;
    }
    Ok(())
}

/// `(mean |y(T) − exact|²)^½` over all paths, where the exact solution is known.
fn strong_error(
    config: &ExperimentConfig,
    problem: &dyn SdeProblem,
    starts: ArrayView2<'_, f64>,
    ends: ArrayView2<'_, f64>,
    end: f64,
) -> Option<f64> {
    let seed = config.recipe()?.path_seed();
    let squares = starts.rows().into_iter().zip(ends.rows()).enumerate().map(|(row, (start, solved))| {
        let mut w = Array1::zeros(problem.noises());
        sde::path(problem, Realisation { seed, row }, end).increment(0.0, end, &mut w);
        let exact = problem.exact(end, &start.to_vec(), &w.to_vec())?;
        Some((&solved - &ArrayView1::from(&exact)).mapv(|d| d * d).sum())
    });
    let squares = squares.collect::<Option<Vec<f64>>>()?;
    Some((squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

/// Halves the step five times on the same paths, against a quarter of the smallest; none for a method that controls its step.
pub(super) fn convergence(
    config: &ExperimentConfig,
    problem: &Problem,
    solver: &SolverConfig,
    data: &Dataset,
) -> Option<Convergence> {
    let Control::Fixed { dt } = solver.control() else { return None };
    let seed = config.recipe()?.path_seed();
    let values = data.values.view().into_dimensionality::<Ix3>().ok()?;
    let end = [data.times.last()? + config.data.burn_in];
    let rows = values.len_of(Axis(0)).min(MEASURED);
    let ends = |dt: f64| -> Option<Vec<Vec<f64>>> {
        let one = |row: usize| {
            let start = values.index_axis(Axis(0), row).row(0).to_vec();
            let realisation = Realisation { seed, row };
            let solved = simulate_on(problem, &solver.with_dt(dt), &start, &end, realisation).ok()?;
            solved.outcome.is_success().then(|| solved.states.into_iter().next_back()).flatten()
        };
        (0..rows).into_par_iter().map(one).collect()
    };
    let dts: Vec<f64> = (0..5).map(|i| dt * 0.5_f64.powi(i)).collect();
    let reference = ends(dts[4] * 0.25)?.concat();
    let size = reference.iter().map(|x| x * x).sum::<f64>().sqrt();
    let errors = dts.iter().map(|dt| {
        let solved = ends(*dt).map(|e| e.concat())?;
        Some(solved.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size)
    });
    let errors = errors.collect::<Option<Vec<f64>>>()?;
    // Over all halvings, since every one of them has the noise of the paths.
    let order = (errors[0] / errors[4]).log2() / 4.0;
    Some(Convergence { dts, errors, order })
}
