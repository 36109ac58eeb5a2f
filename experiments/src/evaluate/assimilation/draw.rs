//! The figures of a twin experiment.

use ndarray::Array2;

use super::{Entry, Trial, Twin, climate_deviation, padded};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::plot::{Axes, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// Cycles that figures over time show.
const SHOWN: usize = 400;

pub(super) fn figures(
    config: &ExperimentConfig,
    twin: &Twin<'_>,
    trials: &[Trial],
    entries: &[Entry<'_>],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    errors(config, twin, entries, run, findings)?;
    ranks(entries, run, findings)?;
    space_time(config, twin, &trials[0], entries, run, findings)
}

/// The errors of the first trial over time.
fn errors(
    config: &ExperimentConfig,
    twin: &Twin<'_>,
    entries: &[Entry<'_>],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let shown = config.data.steps.min(SHOWN);
    let x: Vec<f64> = (1..=shown).map(|k| k as f64 * config.data.dt).collect();
    let mut lines: Vec<Line> = entries
        .iter()
        .map(|entry| Line {
            label: entry.name.to_owned(),
            x: x.clone(),
            y: padded(&entry.courses[0].estimate, shown),
            ..Line::default()
        })
        .collect();
    let level = |label: &str, y: f64| Line {
        label: label.into(),
        x: vec![x[0], x[shown - 1]],
        y: vec![y, y],
        style: Style::Dashed,
        ..Line::default()
    };
    lines.push(level("climate", climate_deviation(twin)));
    lines.push(level("observations", twin.deviation.first().copied().unwrap_or(0.0)));
    let axes = Axes {
        title: format!("{}: error of the estimates, first trial", config.name),
        x: "t".into(),
        y: "root mean square error".into(),
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "errors", "After every cycle, observed or not.", &Lines { axes, lines })
}

/// How often the truth had each rank among the members; flat if it is as good as one of them.
fn ranks(entries: &[Entry<'_>], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let lines: Vec<Line> = entries
        .iter()
        .filter(|e| e.courses[0].ranks.len() > 2)
        .filter_map(|entry| {
            let bins = entry.courses[0].ranks.len();
            let mut counts = vec![0_u64; bins];
            for course in &entry.courses {
                course.ranks.iter().zip(&mut counts).for_each(|(r, c)| *c += r);
            }
            let total: u64 = counts.iter().sum();
            (total > 0).then(|| Line {
                label: entry.name.to_owned(),
                x: (0..bins).map(|i| i as f64 / (bins - 1) as f64).collect(),
                y: counts.iter().map(|c| *c as f64 * bins as f64 / total as f64).collect(),
                ..Line::default()
            })
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let axes = Axes {
        title: "Ranks of the truth among the members".into(),
        x: "rank / members".into(),
        y: "frequency relative to a uniform one".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "Flat where the members are as uncertain as they should be; high at both ends where they are too certain.";
    findings.figure(run, "ranks", caption, &Lines { axes, lines })
}

/// Truth, what was seen, the best estimate and its error.
fn space_time(
    config: &ExperimentConfig,
    twin: &Twin<'_>,
    trial: &Trial,
    entries: &[Entry<'_>],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let size = trial.truth[0].len();
    let one_axis = twin.problem.state_shape().iter().filter(|n| **n > 1).count() == 1;
    let score = |e: &Entry<'_>| {
        let c = &e.courses[0];
        if c.failure.is_some() { f64::INFINITY } else { c.estimate.iter().rev().take(SHOWN).sum::<f64>() }
    };
    let best = entries.iter().min_by(|a, b| score(a).total_cmp(&score(b)));
    let (Some(best), true) = (best.filter(|b| score(b).is_finite()), one_axis && size > 7) else {
        return Ok(());
    };
    let last = trial.truth.len();
    let first = last.saturating_sub(SHOWN / 2);
    let image =
        |states: &[Vec<f64>]| Array2::from_shape_fn((last - first, size), |(t, x)| states[first + t][x]);
    let operator = &twin.config.operator;
    let linear = operator.jacobian(&trial.truth[first]);
    let mut seen = Array2::from_elem((last - first, size), f64::NAN);
    for t in 0..last - first {
        let Some(values) = &trial.seen[first + t] else { continue };
        for (i, value) in values.iter().enumerate() {
            for x in (0..size).filter(|x| linear[(i, *x)] != 0.0) {
                seen[[t, x]] = *value;
            }
        }
    }
    let (truth, estimate) = (image(&trial.truth), image(&best.courses[0].states));
    let top = truth.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let error = &estimate - &truth;
    let panel = |title: &str, values: Array2<f64>, range| Panel {
        title: title.into(),
        values,
        palette: Palette::Diverging,
        range,
    };
    let coordinates = twin.problem.coordinates();
    let x = coordinates.into_iter().find(|c| c.len() == size);
    let figure = SpaceTime {
        title: format!("{}: the end of the first trial, {}", config.name, best.name),
        x: x.unwrap_or_else(|| (0..size).map(|i| i as f64).collect()),
        t: (first..last).map(|k| (k + 1) as f64 * config.data.dt).collect(),
        panels: vec![
            panel("truth", truth, Some((-top, top))),
            panel("observations", seen, Some((-top, top))),
            panel("estimate", estimate, Some((-top, top))),
            panel("estimate − truth", error, None),
        ],
    };
    findings.figure(run, "space_time", "The error has its own colour bar; blank is what nobody saw.", &figure)
}
