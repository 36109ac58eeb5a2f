//! A universal differential equation: trained, refined on whole trajectories, read out, and fitted as an equation.

use std::sync::atomic::Ordering;
use std::time::Instant;

use burn::module::Module;
use flowmap_datasets::problem::Problem;
use flowmap_models::baseline::{Scale, Term, read_out};
use flowmap_models::config::ModelConfig;
use flowmap_models::fused::HostField;
use flowmap_models::neural_de::{Equations, Shooting, UniversalDeConfig};
use ndarray::{Array2, ArrayView2};

use super::learned::{Learned, Moving};
use super::train::Task;
use super::{Findings, Trial, draw};
use crate::error::Error;
use crate::train::mismatched;

/// What errors count in where no noise was added, in standard deviations of the channels.
const EXACT: f64 = 1e-2;
/// Of what the truth explains, a term must explain at least this share to be one of its terms.
const TRUE_TERM: f64 = 1e-6;
/// The most Gauss-Newton steps of the equation that was read out.
const STEPS: usize = 100;

/// The terms of every equation with their coefficients.
type Terms = Vec<Vec<(Term, f64)>>;

pub(super) fn learn(
    task: &Task<'_>,
    config: &UniversalDeConfig,
    trial: &Trial<'_>,
    findings: &mut Findings,
) -> Result<Learned, Error> {
    let trained = task.flow("model", &ModelConfig::UniversalDe(config.clone()))?;
    let started = Instant::now();
    let mut field = trained.model.to_host().map_err(mismatched)?;
    let series = task.data.series(&task.data.split.train);
    let shooting = Shooting {
        scale: noise(task, &series),
        series,
        dt: task.dt(),
        substeps: task.substeps(trained.model.steps()),
        decay: config.decay,
    };
    let bar = task.job.progress.bar("model: Gauss-Newton", config.refinements as u64, 0);
    let on_step = |step: usize, residual: f64| {
        bar.at(step as u64, &format!("residual {residual:.4}"));
        !task.job.interrupted.load(Ordering::Relaxed)
    };
    let fitted = shooting.fit(&mut field, config.refinements, on_step);
    bar.finish();
    if task.job.interrupted.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let mut notes = vec![format!(
        "Gauss-Newton: {} steps on whole trajectories and their starts, residual {:.3} of the noise.",
        fitted.steps, fitted.residual
    )];

    let variables = &task.data.channels;
    let known = config.monomials(variables).map_err(flowmap_datasets::generate::DataError::Config)?;
    let library = config.library(variables.len());
    let states: Vec<_> = fitted.trajectories.iter().map(|t| t.view()).collect();
    let states = ndarray::concatenate(ndarray::Axis(0), &states).unwrap_or_default();
    let unknown = |y: &[f64], slope: &[f64]| -> Vec<f64> {
        let mut rest = slope.to_vec();
        for term in &known {
            let powers = term.powers.iter().zip(y).map(|(p, y)| y.powi(*p as i32));
            rest[term.entry] -= term.coefficient * powers.product::<f64>();
        }
        rest
    };
    let values = of_rows(states.view(), |y| {
        let mut slope = vec![0.0; y.len()];
        field.slope(y, &mut slope);
        unknown(y, &slope)
    });
    let failed = |e| Error::Numerical(format!("the terms cannot be read out: {e}"));
    let raw = read_out(states.view(), values.view(), &library, config.threshold).map_err(failed)?;
    let free = raw.iter().map(|terms| terms.iter().map(|(t, c)| (t.clone(), *c, true)).collect());
    let mut equations = Equations { terms: free.collect() };
    for term in &known {
        let powers = term.powers.iter().map(|p| *p as i32).collect();
        equations.terms[term.entry].push((Term::Monomial(powers), term.coefficient, false));
    }
    let plain = Shooting { decay: 0.0, ..shooting };
    let refit = plain.fit(&mut equations, STEPS, |_, _| !task.job.interrupted.load(Ordering::Relaxed));
    notes.push(format!("The equation read out leaves a residual of {:.3} of the noise.", refit.residual));
    let found: Terms = equations
        .terms
        .iter()
        .map(|terms| terms.iter().filter(|(_, _, free)| *free).map(|(t, c, _)| (t.clone(), *c)).collect())
        .collect();

    let truth = match &trial.problem {
        Some(Problem::Ode(ode)) => {
            let exact = of_rows(states.view(), |y| {
                let mut slope = vec![0.0; y.len()];
                ode.rhs(0.0, y, &mut slope);
                unknown(y, &slope)
            });
            read_out(states.view(), exact.view(), &library, TRUE_TERM).ok()
        }
        _ => None,
    };
    report(variables, &raw, &found, truth.as_ref(), findings);
    draw::unknown(task, trial, &field, &unknown, &found, findings)?;
    let seconds = trained.seconds + started.elapsed().as_secs_f64();
    findings.notes.extend(notes);
    let parameters = trained.model.num_params();
    // What was read out is the model; the network is in the figures.
    Ok(Learned { moving: Moving::Equations(equations), parameters, seconds, notes: Vec::new() })
}

/// The standard deviation of the noise that was added, or what stands for it.
fn noise(task: &Task<'_>, series: &[ArrayView2<'_, f64>]) -> Vec<f64> {
    let std = Scale::fit(series).std;
    match &task.data.card.observation {
        Some(o) if o.noise_std.iter().all(|s| *s > 0.0) => o.noise_std.clone(),
        _ => std.iter().map(|s| EXACT * s).collect(),
    }
}

fn of_rows(states: ArrayView2<'_, f64>, f: impl Fn(&[f64]) -> Vec<f64>) -> Array2<f64> {
    let mut out = Array2::zeros(states.raw_dim());
    for (y, mut row) in states.rows().into_iter().zip(out.rows_mut()) {
        row.iter_mut().zip(f(&y.to_vec())).for_each(|(o, v)| *o = v);
    }
    out
}

/// The table of the terms, and their errors where the truth is known.
fn report(variables: &[String], raw: &Terms, found: &Terms, truth: Option<&Terms>, findings: &mut Findings) {
    let coefficient =
        |terms: &[(Term, f64)], term: &Term| terms.iter().find(|(t, _)| t == term).map(|(_, c)| *c);
    let number = |c: Option<f64>| c.map_or("–".to_owned(), |c| format!("{c:.4}"));
    let (mut rows, mut missed, mut spurious) = (Vec::new(), 0, 0);
    let (mut worst, mut worst_raw) = (0.0_f64, 0.0_f64);
    for (i, variable) in variables.iter().enumerate() {
        let none = Vec::new();
        let exact = truth.map_or(&none, |t| &t[i]);
        let mut terms: Vec<&Term> = exact.iter().map(|(t, _)| t).collect();
        terms.extend(found[i].iter().map(|(t, _)| t).filter(|t| coefficient(exact, t).is_none()));
        for term in terms {
            let [a, b, c] = [exact, &raw[i], &found[i]].map(|terms| coefficient(terms, term));
            rows.push(vec![format!("{variable}'"), term.name(variables), number(a), number(b), number(c)]);
            match (a, c) {
                (Some(a), found) => {
                    missed += usize::from(found.is_none());
                    let error = |value: Option<f64>| ((value.unwrap_or(0.0) - a) / a).abs();
                    worst = worst.max(error(found));
                    worst_raw = worst_raw.max(error(b));
                }
                (None, _) => spurious += usize::from(truth.is_some()),
            }
        }
    }
    findings.tables.push(serde_json::json!({
        "title": "What the network stands for",
        "columns": ["equation", "term", "truth", "read out of the network", "fitted to the trajectories"],
        "rows": rows,
    }));
    if truth.is_some() {
        findings.metric("coefficient_error", worst);
        findings.metric("readout_coefficient_error", worst_raw);
        findings.metric("terms_missed", f64::from(missed as u32));
        findings.metric("terms_spurious", f64::from(spurious as u32));
    }
}

/// The network's part of a field.
pub(super) fn learned_part(
    field: &HostField,
    y: &[f64],
    unknown: &dyn Fn(&[f64], &[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut slope = vec![0.0; y.len()];
    field.slope(y, &mut slope);
    unknown(y, &slope)
}
