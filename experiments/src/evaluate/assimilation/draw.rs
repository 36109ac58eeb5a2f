//! The figures of a twin experiment.

use flowmap_solvers::assimilation::Operator;
use flowmap_solvers::fourier::{FourierGrid, energy_spectrum};
use ndarray::{Array1, Array2};
use num_complex::Complex64;

use super::measure::{mean, observed};
use super::twin::Twin;
use super::{Entry, View, padded, seen};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::metric::quantile;
use crate::plot::{Axes, Fields, Frame, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// Cycles that figures over time show, and filters, as many as there are colours.
const SHOWN: usize = 400;
const COURSES: usize = 6;

pub(super) fn figures(
    config: &ExperimentConfig,
    twin: &Twin<'_>,
    views: &[View<'_>],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    against(config, views, run, findings)?;
    for view in views {
        let of = Of { config, twin, view, run };
        if view.trials[0].truth.states.is_empty() {
            of.innovations(findings)?;
            continue;
        }
        of.errors(findings)?;
        of.space_time(findings)?;
        of.snapshot(findings)?;
        of.spectrum(findings)?;
        // Of many scenes the figures above say enough.
        if views.len() == 1 {
            of.scores(findings)?;
            of.ranks(findings)?;
        }
    }
    Ok(())
}

/// What the scenes vary: its name, its value in a scene, and whether two scenes are otherwise the same.
type Varied = (&'static str, &'static str, fn(&View<'_>) -> f64, fn(&View<'_>, &View<'_>) -> bool);

fn spacing(view: &View<'_>) -> f64 {
    match &view.scene.config.operator {
        Operator::Identity {} => 1.0,
        Operator::Points(p) => p.every as f64,
        _ => f64::NAN,
    }
}

const VARIED: [Varied; 3] = [
    (
        "fraction",
        "share of the cycles in which something is seen",
        |v| v.scene.config.fraction,
        |a, b| spacing(a) == spacing(b) && a.scene.deviation == b.scene.deviation,
    ),
    (
        "noise",
        "standard deviation of the noise",
        |v| v.scene.deviation,
        |a, b| spacing(a) == spacing(b) && a.scene.config.fraction == b.scene.config.fraction,
    ),
    ("spacing", "distance of the sensors, in points", spacing, |a, b| {
        a.scene.deviation == b.scene.deviation && a.scene.config.fraction == b.scene.config.fraction
    }),
];

/// The scenes that are like `first` but for a value, by that value.
fn group<'v, 'a>(
    views: &'v [View<'a>],
    first: &View<'_>,
    value: fn(&View<'_>) -> f64,
    alike: fn(&View<'_>, &View<'_>) -> bool,
) -> Vec<&'v View<'a>> {
    let lossless = |v: &View<'_>| (v.scene.config.dropout, v.scene.config.outliers);
    let same = |v: &View<'_>| alike(first, v) && lossless(first) == lossless(v);
    let mut group: Vec<_> = views.iter().filter(|v| same(v) && value(v).is_finite()).collect();
    group.sort_by(|a, b| value(a).total_cmp(&value(b)));
    group.dedup_by(|a, b| value(a) == value(b));
    group
}

/// The errors of all filters against what the scenes vary, medians and ranges over the trials.
fn against(
    config: &ExperimentConfig,
    views: &[View<'_>],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    for (stem, label, value, alike) in VARIED {
        let group = views.iter().map(|first| group(views, first, value, alike)).max_by_key(Vec::len);
        let Some(group) = group.filter(|g| g.len() > 1) else { continue };
        let lines = (0..group[0].entries.len()).map(|i| {
            let at = |q: f64| -> Vec<f64> {
                group.iter().map(|v| quantile(&v.entries[i].scores.all, q)).collect()
            };
            let entry = &group[0].entries[i];
            Line {
                label: entry.name.to_owned(),
                x: group.iter().map(|v| value(v)).collect(),
                y: at(0.5),
                band: (group[0].trials.len() > 1).then(|| (at(0.0), at(1.0))),
                style: if entry.moved == "network" { Style::Dashed } else { Style::Solid },
            }
        });
        let axes = Axes {
            title: format!("{}: error of the estimates", config.name),
            x: label.into(),
            y: "relative L2 error over all cycles".into(),
            log_x: true,
            log_y: true,
            ..Axes::default()
        };
        let caption = "Medians and ranges over the trials; dashed where a network moves the estimates. Filters that ended early are not drawn.";
        let lines = lines.collect();
        findings.figure(run, &format!("error_by_{stem}"), caption, &Lines { axes, lines })?;
    }
    Ok(())
}

/// The figures of one scene.
struct Of<'a> {
    config: &'a ExperimentConfig,
    twin: &'a Twin<'a>,
    view: &'a View<'a>,
    run: &'a RunDir,
}

impl Of<'_> {
    fn title(&self) -> String {
        format!("{}{}", self.config.name, self.view.scene.suffix.replace('_', " "))
    }

    fn stem(&self, what: &str) -> String {
        format!("{what}{}", self.view.scene.suffix)
    }

    /// The mean errors of all filters in all trials.
    fn scores(&self, findings: &mut Findings) -> Result<(), Error> {
        let (mut analysis, mut forecast) = (Line::default(), Line::default());
        for (i, entry) in self.view.entries.iter().enumerate() {
            let complete = entry.courses.iter().zip(&self.view.trials).filter(|(c, _)| c.failure.is_none());
            for (course, trial) in complete {
                for (line, series) in [(&mut analysis, &course.estimate), (&mut forecast, &course.forecast)] {
                    line.x.push(mean(&observed(series, trial, self.twin.config.discard)));
                    line.y.push((i + 1) as f64);
                }
            }
        }
        for (line, label) in [(&mut analysis, "analysis"), (&mut forecast, "forecast")] {
            line.label = label.into();
            line.style = Style::Points;
        }
        let axes = Axes {
            title: format!("{}: mean errors", self.title()),
            x: "root mean square error, the mean over observed cycles".into(),
            log_x: true,
            names: self.view.entries.iter().map(|e| e.name.to_owned()).collect(),
            ..Axes::default()
        };
        let figure = Lines { axes, lines: vec![analysis, forecast] };
        findings.figure(self.run, &self.stem("scores"), "A point for every trial.", &figure)
    }

    /// The filters from the best to the worst by their error in the first trial; those that ended early last.
    fn ranked(&self) -> Vec<&Entry<'_>> {
        let score = |e: &Entry<'_>| {
            let course = &e.courses[0];
            if course.failure.is_some() { f64::INFINITY } else { mean(&course.estimate) }
        };
        let mut ranked: Vec<_> = self.view.entries.iter().collect();
        ranked.sort_by(|a, b| score(a).total_cmp(&score(b)));
        ranked
    }

    /// The errors of the best filters in the first trial over time.
    fn errors(&self, findings: &mut Findings) -> Result<(), Error> {
        let events = &self.view.trials[0].events;
        let shown = events.len().min(SHOWN);
        let x: Vec<f64> = events[..shown].iter().map(|e| e.time).collect();
        let line = |entry: &Entry<'_>| Line {
            label: entry.name.to_owned(),
            x: x.clone(),
            y: padded(&entry.courses[0].estimate, shown),
            ..Line::default()
        };
        let mut lines: Vec<Line> = self.ranked().into_iter().take(COURSES).map(line).collect();
        let level = |label: &str, y: f64| Line {
            label: label.into(),
            x: vec![x[0], x[shown - 1]],
            y: vec![y, y],
            style: Style::Dashed,
            ..Line::default()
        };
        lines.push(level("climate", self.twin.climate_deviation));
        lines.push(level("observations", self.view.scene.deviation));
        let axes = Axes {
            title: format!("{}: error of the estimates, first trial", self.title()),
            x: "t".into(),
            y: "root mean square error".into(),
            log_y: true,
            ..Axes::default()
        };
        let caption = "After every cycle, observed or not; of many filters the best.";
        findings.figure(self.run, &self.stem("errors"), caption, &Lines { axes, lines })
    }

    /// The innovations of all filters, where there is no truth to compare with.
    fn innovations(&self, findings: &mut Findings) -> Result<(), Error> {
        let events = &self.view.trials[0].events;
        let x: Vec<f64> = events.iter().filter(|e| e.seen.is_some()).map(|e| e.time).collect();
        let line = |entry: &Entry<'_>| Line {
            label: entry.name.to_owned(),
            y: padded(&entry.courses[0].innovation, x.len()),
            x: x.clone(),
            ..Line::default()
        };
        let axes = Axes {
            title: format!("{}: observations less forecasts", self.title()),
            x: "t".into(),
            y: "innovation / deviation of the noise".into(),
            log_y: true,
            ..Axes::default()
        };
        let lines = self.view.entries.iter().map(line).collect();
        let caption = "Root mean squares over what is seen at a time: the noise alone makes about one.";
        findings.figure(self.run, &self.stem("innovations"), caption, &Lines { axes, lines })
    }

    /// How often the truth had each rank among the members; flat if it is as good as one of them.
    fn ranks(&self, findings: &mut Findings) -> Result<(), Error> {
        let lines: Vec<Line> = self
            .view
            .entries
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
            title: format!("{}: ranks of the truth among the members", self.title()),
            x: "rank / members".into(),
            y: "frequency relative to a uniform one".into(),
            log_y: true,
            ..Axes::default()
        };
        let caption = "Flat where the members are as uncertain as they should be; high at both ends where they are too certain.";
        findings.figure(self.run, &self.stem("ranks"), caption, &Lines { axes, lines })
    }

    /// What figures of fields show: the best learned estimate, or else the best.
    fn shown(&self) -> Option<&Entry<'_>> {
        let complete = |e: &&&Entry<'_>| e.courses[0].failure.is_none();
        let ranked = self.ranked();
        let learned = |e: &&&Entry<'_>| ["gated", "diagonal", "learned_operator"].contains(&e.method);
        ranked.iter().filter(complete).find(learned).or_else(|| ranked.iter().find(complete)).copied()
    }

    /// Truth, what was seen, the estimate and its error, of states along one axis.
    fn space_time(&self, findings: &mut Findings) -> Result<(), Error> {
        let trial = &self.view.trials[0];
        let size = trial.truth.states[0].len();
        let one_axis = self.twin.problem.state_shape().iter().filter(|n| **n > 1).count() == 1;
        let Some(shown) = self.shown().filter(|_| one_axis && size > 7) else { return Ok(()) };
        let last = trial.truth.states.len();
        let first = last.saturating_sub(SHOWN / 2);
        let image =
            |states: &[Vec<f64>]| Array2::from_shape_fn((last - first, size), |(t, x)| states[first + t][x]);
        // A value of a coarse sensor is as wide as the distance to the next.
        let mut seen = image(&seen(trial, size));
        for mut row in seen.rows_mut() {
            let values: Vec<f64> = row.to_vec();
            let places: Vec<usize> = (0..size).filter(|i| !values[*i].is_nan()).collect();
            if places.len() < size {
                let half = (size / places.len().max(1)) / 4;
                for i in places {
                    (i.saturating_sub(half)..(i + half + 1).min(size)).for_each(|j| row[j] = values[i]);
                }
            }
        }
        let (truth, estimate) = (image(&trial.truth.states), image(&shown.courses[0].states));
        let top = truth.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let error = &estimate - &truth;
        let panel = |title: &str, values: Array2<f64>, range| Panel {
            title: title.into(),
            values,
            palette: Palette::Diverging,
            range,
        };
        let coordinates = self.twin.problem.coordinates();
        let x = coordinates.into_iter().find(|c| c.len() == size);
        let figure = SpaceTime {
            title: format!("{}: the end of the first trial, {}", self.title(), shown.name),
            x: x.unwrap_or_else(|| (0..size).map(|i| i as f64).collect()),
            t: trial.events[first..last].iter().map(|e| e.time).collect(),
            panels: vec![
                panel("truth", truth, Some((-top, top))),
                panel("observations", seen, Some((-top, top))),
                panel("estimate", estimate, Some((-top, top))),
                panel("estimate − truth", error, None),
            ],
        };
        let caption = "The error has its own colour bar; blank is what nobody saw.";
        findings.figure(self.run, &self.stem("space_time"), caption, &figure)
    }

    /// The last states of the first trial, on two axes.
    fn snapshot(&self, findings: &mut Findings) -> Result<(), Error> {
        let trial = &self.view.trials[0];
        let shape = self.twin.problem.state_shape();
        let coordinates = self.twin.problem.coordinates();
        let ([_, nx, ny], Some(shown), [x, y]) = (&shape[..], self.shown(), &coordinates[..]) else {
            return Ok(());
        };
        let (Some(truth), Some(estimate)) = (trial.truth.states.last(), shown.courses[0].states.last())
        else {
            return Ok(());
        };
        let error: Vec<f64> = estimate.iter().zip(truth).map(|(a, b)| a - b).collect();
        let observed = seen(trial, truth.len());
        let observed = observed.iter().rev().find(|s| s.iter().any(|v| v.is_finite()));
        let mut frames = vec![("truth", truth)];
        frames.extend(observed.map(|o| ("last observation", o)));
        frames.extend([("estimate", estimate), ("estimate − truth", &error)]);
        let frame = |(title, values): (&str, &Vec<f64>)| Frame {
            title: title.into(),
            values: Array2::from_shape_fn((*nx, *ny), |(i, j)| values[i * ny + j]),
        };
        let figure = Fields {
            title: format!("{}: the end of the first trial, {}", self.title(), shown.name),
            x: x.clone(),
            y: y.clone(),
            frames: frames.into_iter().map(frame).collect(),
            palette: Palette::Diverging,
            range: None,
        };
        findings.figure(self.run, &self.stem("snapshot"), "All with one colour bar.", &figure)
    }

    /// The spectra of the errors of the best filters in the first trial.
    fn spectrum(&self, findings: &mut Findings) -> Result<(), Error> {
        let trial = &self.view.trials[0];
        let shape: Vec<usize> = self.twin.problem.state_shape().into_iter().filter(|n| *n > 1).collect();
        let size: usize = shape.iter().product();
        let is_field = matches!(self.twin.problem, flowmap_datasets::problem::Problem::Pde(_));
        let Ok(grid) = FourierGrid::new(&shape, &vec![1.0; shape.len()]) else { return Ok(()) };
        if !is_field || size != trial.truth.states[0].len() {
            return Ok(());
        }
        let mut transform = grid.transform();
        let mut u_hat = vec![Complex64::ZERO; grid.modes()];
        let discard = self.twin.config.discard;
        let mut of = |states: &mut dyn Iterator<Item = Vec<f64>>| {
            let (mut sum, mut count) = (Array1::<f64>::zeros(0), 0.0);
            for state in states {
                transform.forward(&state, &mut u_hat);
                let energy = Array1::from(energy_spectrum(&u_hat, &grid));
                sum = if sum.is_empty() { energy } else { sum + energy };
                count += 1.0;
            }
            (sum / f64::max(count, 1.0)).to_vec()
        };
        let line = |label: &str, energy: Vec<f64>, style| Line {
            label: label.into(),
            x: (1..energy.len()).map(|m| m as f64).collect(),
            y: energy.into_iter().skip(1).map(|e| if e > 1e-16 { e } else { f64::NAN }).collect(),
            style,
            band: None,
        };
        let truth = trial.truth.states.iter().skip(discard);
        let mut lines = vec![line("truth", of(&mut truth.clone().cloned()), Style::Dashed)];
        for entry in self.ranked().into_iter().filter(|e| e.courses[0].failure.is_none()).take(COURSES) {
            let pairs = entry.courses[0].states.iter().skip(discard).zip(truth.clone());
            let mut errors = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>());
            lines.push(line(entry.name, of(&mut errors), Style::Solid));
        }
        let axes = Axes {
            title: format!("{}: spectra of the errors", self.title()),
            x: "mode".into(),
            y: "energy".into(),
            log_x: true,
            log_y: true,
            ..Axes::default()
        };
        let caption = "Means over the cycles of the first trial; dashed the truth itself.";
        findings.figure(self.run, &self.stem("error_spectrum"), caption, &Lines { axes, lines })
    }
}
