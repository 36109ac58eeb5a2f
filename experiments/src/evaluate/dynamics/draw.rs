//! Phase portraits, trajectories, energies, and what a network stands for.

use flowmap_datasets::problem::Problem;
use flowmap_models::baseline::Term;
use flowmap_models::fused::HostField;
use ndarray::{Array2, Array3, ArrayView2, s};

use super::train::Task;
use super::universal::learned_part;
use super::{Entry, Findings, Trial};
use crate::error::Error;
use crate::evaluate::curves::training;
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::run_dir::RunDir;

/// Trajectories of a portrait, arrows along each axis, and samples of a free run that are drawn.
const SHOWN: usize = 6;
const ARROWS: usize = 17;
const LAST: usize = 600;
/// Stretches of a free run, of each of which the largest deviation is drawn.
const STRETCHES: usize = 150;

type Slope<'a> = dyn Fn(&[f64]) -> Option<Vec<f64>> + 'a;

pub(super) fn figures(
    trial: &Trial<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    portraits(trial, entries, run, findings)?;
    trajectories(trial, entries, run, findings)?;
    long_runs(trial, entries, run, findings)?;
    energies(trial, entries, run, findings)?;
    learning(run, findings)
}

/// Those that move.
fn moving(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|e| !matches!(e.role.as_str(), "persistence" | "mean"))
}

fn name(role: &str) -> String {
    role.replace('_', " ")
}

fn portraits(
    trial: &Trial<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let channels = &trial.data.channels;
    if channels.len() < 2 {
        return Ok(());
    }
    // All panels have the axes of the truth, so that what strays is seen to stray.
    let range = |c: usize| {
        let all = trial.truth.iter().flat_map(|t| t.column(c).to_vec());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let pad = 0.08 * (high - low).max(1e-9);
        (low - pad, high + pad)
    };
    let window = [range(0), range(1)];
    let panel = |title: String, runs: &[Array2<f64>], slope: &Slope<'_>| {
        let mut lines = Vec::new();
        if channels.len() == 2 {
            lines.extend(arrows(window, slope));
        }
        lines.extend(runs.iter().take(SHOWN).map(|r| Line {
            x: r.column(0).to_vec(),
            y: r.column(1).to_vec(),
            ..Line::default()
        }));
        let axes = Axes {
            title,
            x: channels[0].clone(),
            y: channels[1].clone(),
            window: Some(window),
            ..Axes::default()
        };
        Lines { axes, lines }
    };
    let truth = |y: &[f64]| {
        let Some(Problem::Ode(ode)) = &trial.problem else { return None };
        let mut dy = vec![0.0; y.len()];
        (ode.variables().len() == y.len()).then(|| ode.rhs(0.0, y, &mut dy)).map(|()| dy)
    };
    let mut panels = vec![panel("truth".into(), &trial.truth, &truth)];
    panels.extend(
        moving(entries).map(|e| panel(name(&e.role), &e.predictions, &|y: &[f64]| e.moving.slope(y))),
    );
    let figure = Panels { title: "phase portrait".into(), columns: 2, panels };
    let caption =
        "The first test trajectories, solved from their starts, and the direction of the vector field.";
    findings.figure(run, "phase_portrait", caption, &figure)
}

/// The directions of a field, an arrow each, as one line that is broken between them.
fn arrows(window: [(f64, f64); 2], slope: &Slope<'_>) -> Option<Line> {
    let [(x0, x1), (y0, y1)] = window;
    let (w, h) = (x1 - x0, y1 - y0);
    let length = 0.6 / ARROWS as f64;
    let mut line = Line { style: Style::Faint, ..Line::default() };
    for i in 0..ARROWS * ARROWS {
        let at = |k: usize| (k as f64 + 0.5) / ARROWS as f64;
        let (a, b) = (at(i % ARROWS), at(i / ARROWS));
        let slope = slope(&[x0 + a * w, y0 + b * h])?;
        // In units of the axes.
        let (u, v) = (slope[0] / w, slope[1] / h);
        let size = u.hypot(v);
        if !(size > 0.0 && size.is_finite()) {
            continue;
        }
        let (u, v) = (length * u / size, length * v / size);
        let tip = (a + 0.5 * u, b + 0.5 * v);
        let head = |turn: f64| (tip.0 - 0.35 * (u - turn * v), tip.1 - 0.35 * (v + turn * u));
        for (a, b) in [(a - 0.5 * u, b - 0.5 * v), tip, head(0.6), tip, head(-0.6)] {
            line.x.push(x0 + a * w);
            line.y.push(y0 + b * h);
        }
        line.x.push(f64::NAN);
        line.y.push(f64::NAN);
    }
    Some(line)
}

/// Panels of channels over time.
fn channels_over_time(
    names: &[String],
    title: &str,
    times: &[f64],
    runs: &[(String, ArrayView2<'_, f64>, Style)],
) -> Panels {
    let panels = names.iter().take(4).enumerate().map(|(c, channel)| {
        // What diverges shall not decide about the axes.
        let reference = runs.first().map(|(_, r, _)| r.column(c).to_vec()).unwrap_or_default();
        let (low, high) =
            reference.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let pad = 0.25 * (high - low).max(1e-9);
        let ends = (times.first().copied().unwrap_or(0.0), times.last().copied().unwrap_or(1.0));
        let axes = Axes {
            title: channel.clone(),
            x: "t".into(),
            y: channel.clone(),
            window: Some([ends, (low - pad, high + pad)]),
            ..Axes::default()
        };
        let lines = runs.iter().map(|(label, run, style)| Line {
            label: label.clone(),
            x: times.to_vec(),
            y: run.column(c).to_vec(),
            style: *style,
            band: None,
        });
        Lines { axes, lines: lines.collect() }
    });
    Panels { title: title.into(), columns: 1, panels: panels.collect() }
}

fn trajectories(
    trial: &Trial<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some(truth) = trial.truth.first() else { return Ok(()) };
    let mut runs = vec![("truth".to_owned(), truth.view(), Style::Solid)];
    runs.extend(moving(entries).map(|e| (name(&e.role), e.predictions[0].view(), Style::Dashed)));
    let figure = channels_over_time(&trial.data.channels, "first test trajectory", &trial.times, &runs);
    findings.figure(run, "trajectories", "Solved from the first sample.", &figure)
}

fn long_runs(
    trial: &Trial<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some((times, truth)) = &trial.long else { return Ok(()) };
    let first = times.len().saturating_sub(LAST);
    let mut runs = vec![("truth".to_owned(), truth.slice(s![first.., ..]), Style::Solid)];
    let long = moving(entries).filter_map(|e| Some((e, e.long.as_ref()?)));
    runs.extend(long.map(|(e, r)| (name(&e.role), r.slice(s![first.., ..]), Style::Dashed)));
    let title = if first > 0 { "end of a free run beyond the data" } else { "free run beyond the data" };
    let figure = channels_over_time(&trial.data.channels, title, &times[first..], &runs);
    let end = trial.times.last().copied().unwrap_or(0.0);
    let caption = format!(
        "From the first sample of the first test trajectory to t = {}; trajectories of the data end at t = {end:.4}.",
        times.last().copied().unwrap_or(0.0)
    );
    findings.figure(run, "free_run", &caption, &figure)
}

fn energies(
    trial: &Trial<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some((times, _)) = &trial.long else { return Ok(()) };
    let mut title = "energy";
    let stride = times.len().div_ceil(STRETCHES).max(1);
    let mut lines = Vec::new();
    for entry in moving(entries) {
        let Some((what, series)) = entry.long.as_ref().and_then(|r| trial.energy(r.view())) else { continue };
        title = what;
        // The envelope.
        let y: Vec<f64> = series.chunks(stride).map(|c| c.iter().copied().fold(0.0, f64::max)).collect();
        let x = times.iter().step_by(stride).copied().collect();
        lines.push(Line { label: name(&entry.role), x, y, ..Line::default() });
    }
    if lines.is_empty() {
        return Ok(());
    }
    let axes = Axes {
        title: format!("{} along a free run", name(title)),
        x: "t".into(),
        y: "deviation from the start".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "The largest of each of 150 stretches, relative to its excess at the start over the state zero, where that is finite.";
    findings.figure(run, "energy", caption, &Lines { axes, lines })
}

/// The unknown part of the equations along the first test trajectory: of the truth, the network, and the terms read out.
pub(super) fn unknown(
    task: &Task<'_>,
    trial: &Trial<'_>,
    field: &HostField,
    unknown: &dyn Fn(&[f64], &[f64]) -> Vec<f64>,
    found: &[Vec<(Term, f64)>],
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some(states) = trial.truth.first() else { return Ok(()) };
    let rows = |f: &dyn Fn(&[f64]) -> Vec<f64>| {
        let mut out = Array2::zeros(states.raw_dim());
        for (y, mut row) in states.rows().into_iter().zip(out.rows_mut()) {
            row.iter_mut().zip(f(&y.to_vec())).for_each(|(o, v)| *o = v);
        }
        out
    };
    let network = rows(&|y| learned_part(field, y, unknown));
    let terms = rows(&|y| found.iter().map(|t| t.iter().map(|(t, c)| c * t.value(y)).sum()).collect());
    let truth = match &trial.problem {
        Some(Problem::Ode(ode)) => rows(&|y| {
            let mut slope = vec![0.0; y.len()];
            ode.rhs(0.0, y, &mut slope);
            unknown(y, &slope)
        }),
        _ => network.clone(),
    };
    let runs = [
        ("truth".to_owned(), truth.view(), Style::Solid),
        ("network".to_owned(), network.view(), Style::Dashed),
        ("terms read out".to_owned(), terms.view(), Style::Dashed),
    ];
    let names: Vec<String> = trial.data.channels.iter().map(|c| format!("unknown part of {c}'")).collect();
    let figure = channels_over_time(&names, "recovered terms", &trial.times, &runs);
    findings.figure(task.job.run, "recovered_terms", "Along the first test trajectory.", &figure)
}

/// Trajectories told by a latent differential equation.
pub(super) fn latent(
    task: &Task<'_>,
    truth: &Array3<f64>,
    prediction: &Array3<f64>,
    shown: &[usize],
    seen: usize,
    findings: &mut Findings,
) -> Result<(), Error> {
    let (n, samples, channels) = truth.dim();
    let dt = task.dt();
    let names = &task.data.channels;
    if channels >= 2 {
        let panels = (0..n.min(SHOWN)).map(|i| {
            let line = |label: &str, a: &Array3<f64>, places: Vec<usize>, style: Style| Line {
                label: if i == 0 { label.into() } else { String::new() },
                x: places.iter().map(|t| a[[i, *t, 0]]).collect(),
                y: places.iter().map(|t| a[[i, *t, 1]]).collect(),
                style,
                band: None,
            };
            let lines = vec![
                line("truth", truth, (0..samples).collect(), Style::Solid),
                line("model", prediction, (0..seen).collect(), Style::Dashed),
                line("seen", truth, shown.to_vec(), Style::Points),
                line("model, beyond", prediction, (seen.min(samples - 1)..samples).collect(), Style::Dashed),
            ];
            let axes = Axes {
                title: format!("test trajectory {}", i + 1),
                x: names[0].clone(),
                y: names[1].clone(),
                ..Axes::default()
            };
            Lines { axes, lines }
        });
        let figure = Panels { title: "told from a few samples".into(), columns: 3, panels: panels.collect() };
        let caption =
            "Points are the samples that the encoder saw; what it tells beyond them has a colour of its own.";
        findings.figure(task.job.run, "phase_portrait", caption, &figure)?;
    }
    let times: Vec<f64> = (0..samples).map(|i| i as f64 * dt).collect();
    let first = |a: &Array3<f64>| a.index_axis(ndarray::Axis(0), 0).to_owned();
    let (a, b) = (first(truth), first(prediction));
    let runs = [("truth".to_owned(), a.view(), Style::Solid), ("model".to_owned(), b.view(), Style::Dashed)];
    let figure = channels_over_time(names, "first test trajectory", &times, &runs);
    let caption = format!("The encoder saw {} of the samples to t = {:.4}.", shown.len(), times[seen - 1]);
    findings.figure(task.job.run, "trajectories", &caption, &figure)?;
    learning(task.job.run, findings)
}

/// The loss and the validation error of every model along its training.
fn learning(run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let caption = "Mean loss of every epoch, and the mean relative L2 error of the validation trajectories.";
    training(run, "trajectory_rel_l2", caption, name, findings)
}
