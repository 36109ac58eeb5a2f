//! The figures of a comparison of models of fields.

use ndarray::{Array2, ArrayD, Axis};

use super::{Comparison, Entry, last};
use crate::error::Error;
use crate::evaluate::Findings;
use crate::evaluate::curves::training;
use crate::evaluate::simulation::FRAMES;
use crate::metric::quantile;
use crate::plot::{Axes, Fields, Frame, Line, Lines, Palette, Panel, Row, Rows, SpaceTime, Style};
use crate::run_dir::RunDir;

/// The largest relative error that figures show.
const LARGEST_SHOWN: f64 = 10.0;

/// Snapshots of a rollout in a row, at most.
const SNAPSHOTS: usize = 4;

/// Draws fields, errors by lead time, spectra and the training.
pub(super) fn draw(all: &Comparison<'_>, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let Some(model) = all.model() else { return Ok(()) };
    // The trajectory whose error is the median: neither the best nor the worst case.
    let (_, median) = last(&model.errors);
    let distance = |i: usize| (model.errors[[i, model.errors.ncols() - 1]] - median).abs();
    let shown = (0..model.errors.nrows()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(0);
    if all.coordinates.len() == 2 {
        snapshots(all, shown, run, findings)?;
        rollout(all, model, shown, run, findings)?;
    } else {
        space_time(all, shown, run, findings)?;
    }
    curves(all, run, findings)?;
    let caption = "Mean loss of every epoch (squared, relative), and the mean relative L2 error of validation rollouts.";
    let name = |model: &str| {
        let entry = all.entries.iter().find(|e| e.name == model);
        entry.map_or_else(|| model.to_owned(), |e| e.label.clone())
    };
    training(run, "rollout_rel_l2", caption, name, findings)
}

/// The last states of the trajectory shown, on two axes.
fn snapshots(all: &Comparison<'_>, shown: usize, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let last = |values: &ArrayD<f64>| frame(values, shown, values.shape()[1] - 1);
    let mut frames = vec![Frame { title: "truth".into(), values: last(&all.truth) }];
    for entry in all.entries.iter().filter(|e| e.learned) {
        let values = last(&entry.prediction);
        frames
            .push(Frame { title: format!("{} − truth", entry.label), values: &values - &frames[0].values });
    }
    let figure = Fields {
        title: format!(
            "{}: {} at the end of the test trajectory of median error",
            all.config.name, all.channels[0]
        ),
        x: all.coordinates[0].clone(),
        y: all.coordinates[1].clone(),
        frames,
        palette: Palette::Diverging,
        range: None,
    };
    findings.figure(run, "snapshots", "All with one colour bar.", &figure)
}

/// The first channel of a state.
fn frame(values: &ArrayD<f64>, trajectory: usize, time: usize) -> Array2<f64> {
    let state = values.index_axis(Axis(0), trajectory).index_axis_move(Axis(0), time);
    let field = state.index_axis_move(Axis(0), 0).to_owned();
    field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)))
}

/// Truth, prediction and error of the trajectory shown on two axes: some times in one figure, all in an animation.
fn rollout(
    all: &Comparison<'_>,
    model: &Entry,
    shown: usize,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let last = all.times.len() - 1;
    let of = |values: &ArrayD<f64>, times: &[usize]| -> Vec<Array2<f64>> {
        times.iter().map(|t| frame(values, shown, *t)).collect()
    };
    let every: Vec<usize> = (0..=last).collect();
    let (truth, prediction) = (of(&all.truth, &every), of(&model.prediction, &every));
    let error: Vec<Array2<f64>> = prediction.iter().zip(&truth).map(|(p, u)| p - u).collect();
    let signed = truth.iter().flatten().any(|v| *v < 0.0);
    let palette = if signed { Palette::Diverging } else { Palette::Sequential };
    let range = palette.range(truth.iter().flatten().copied());
    let errors = Palette::Diverging.range(error.iter().flatten().copied());
    let row = |label: &str, values: &[Array2<f64>], times: &[usize], palette, range| {
        let frame = |t: &usize| Frame {
            title: format!("{label}, t = {:.3}", all.times[*t]),
            values: values[*t].clone(),
        };
        Row { frames: times.iter().map(frame).collect(), palette, range }
    };
    let count = SNAPSHOTS.min(last).max(1);
    let some: Vec<usize> = (1..=count).map(|i| i * last / count).collect();
    let figure = |title: String, rows| Rows {
        title,
        x: all.coordinates[0].clone(),
        y: all.coordinates[1].clone(),
        rows,
    };
    let title = format!("{}: {} of the test trajectory of median error", all.config.name, all.channels[0]);
    let rows = vec![
        row("truth", &truth, &some, palette, range),
        row(&model.label, &prediction, &some, palette, range),
        row("error", &error, &some, Palette::Diverging, errors),
    ];
    let caption = "Truth and prediction share their colours; the error has its own.";
    findings.figure(run, "rollout", caption, &figure(title, rows))?;
    let by = (last + 1).div_ceil(FRAMES);
    let scenes: Vec<Fields> = every
        .iter()
        .step_by(by)
        .map(|t| {
            let frame = |title: &str, values: &[Array2<f64>]| Frame {
                title: title.to_owned(),
                values: values[*t].mapv(|v| v.clamp(range.0, range.1)),
            };
            Fields {
                title: format!("{}: {} at t = {:.3}", all.config.name, all.channels[0], all.times[*t]),
                x: all.coordinates[0].clone(),
                y: all.coordinates[1].clone(),
                frames: vec![frame("truth", &truth), frame(&model.label, &prediction)],
                palette,
                range: Some(range),
            }
        })
        .collect();
    findings.animation(run, "rollout_animated", "Truth and prediction with one colour bar.", &scenes)
}

/// The trajectory shown over time, on one axis.
fn space_time(
    all: &Comparison<'_>,
    shown: usize,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let image = |values: &ArrayD<f64>| -> Array2<f64> {
        let field = values.index_axis(Axis(0), shown).index_axis(Axis(1), 0).to_owned();
        field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)))
    };
    let Some(model) = all.model() else { return Ok(()) };
    let (u, p) = (image(&all.truth), image(&model.prediction));
    let top = u.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut panels = vec![
        Panel {
            title: "truth".into(),
            values: u.clone(),
            palette: Palette::Diverging,
            range: Some((-top, top)),
        },
        Panel {
            title: "prediction".into(),
            values: p.clone(),
            palette: Palette::Diverging,
            range: Some((-top, top)),
        },
        Panel {
            title: "prediction − truth".into(),
            values: p - &u,
            palette: Palette::Diverging,
            range: None,
        },
    ];
    if let Some(fno) = all.entries.iter().find(|e| e.name == "fno") {
        let values = image(&fno.prediction) - &u;
        panels
            .push(Panel { title: "FNO − truth".into(), values, palette: Palette::Diverging, range: None });
    }
    let figure = SpaceTime {
        title: format!("{}: rollout of the test trajectory of median error", all.config.name),
        x: all.coordinates[0].clone(),
        t: all.times.clone(),
        panels,
    };
    findings.figure(run, "space_time", "Each error has its own colour bar.", &figure)
}

/// Errors by lead time, and spectra.
fn curves(all: &Comparison<'_>, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let lines = all.entries.iter().map(|entry| {
        let column = |q: f64| -> Vec<f64> {
            let quantiles = entry.errors.columns().into_iter().skip(1).map(|c| quantile(&c.to_vec(), q));
            // A method that diverges leaves the picture instead of stretching it.
            quantiles.map(|e| if e < LARGEST_SHOWN { e } else { f64::NAN }).collect()
        };
        Line {
            label: entry.label.clone(),
            x: all.times[1..].to_vec(),
            y: column(0.5),
            band: entry.learned.then(|| (column(0.1), column(0.9))),
            style: if entry.learned { Style::Solid } else { Style::Dashed },
        }
    });
    let axes = Axes {
        title: "error by lead time".into(),
        x: "lead time t".into(),
        y: "relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "Medians over the test trajectories; bands from the 10 % to the 90 % quantile. What diverges is not drawn.";
    findings.figure(run, "error_by_lead_time", caption, &Lines { axes, lines: lines.collect() })?;

    // Below this share of the largest energy there is nothing but rounding.
    let shown_energy = |s: &[f64]| -> Vec<f64> {
        let floor = 1e-14 * s.iter().copied().fold(0.0, f64::max);
        s[1..].iter().map(|e| if *e > floor { *e } else { f64::NAN }).collect()
    };
    let modes = |s: &Vec<f64>| (1..s.len()).map(|m| m as f64).collect::<Vec<_>>();
    let mut lines = Vec::new();
    let truth_spectrum = all.final_spectrum(&all.truth);
    lines.push(Line {
        label: "truth".into(),
        x: modes(&truth_spectrum),
        y: shown_energy(&truth_spectrum),
        ..Line::default()
    });
    for entry in all.entries.iter().filter(|e| e.learned) {
        let s = all.final_spectrum(&entry.prediction);
        let (x, y) = (modes(&s), shown_energy(&s));
        lines.push(Line { label: entry.label.clone(), x, y, style: Style::Dashed, band: None });
    }
    let axes = Axes {
        title: "energy spectrum at the last lead time".into(),
        x: "mode".into(),
        y: "energy".into(),
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "spectrum", "Means over the test trajectories.", &Lines { axes, lines })
}
