//! The figures of a comparison of models of fields.

use flowmap_datasets::dataset::Dataset;
use ndarray::{Array2, ArrayD, Axis};

use super::{Entry, last};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::evaluate::curves::training;
use crate::metric::{mean_spectrum, quantile};
use crate::plot::{Axes, Fields, Frame, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// The largest relative error that figures show.
const LARGEST_SHOWN: f64 = 10.0;

/// The mean spectrum of the first channel at the last time.
pub(super) fn final_spectrum(values: &ArrayD<f64>) -> Vec<f64> {
    let end = values.index_axis(Axis(1), values.shape()[1] - 1);
    mean_spectrum(end.index_axis(Axis(1), 0))
}

/// Draws fields, errors by lead time, spectra and the training.
pub(super) fn draw(
    config: &ExperimentConfig,
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some(model) = entries.iter().find(|e| e.name == "model") else { return Ok(()) };
    // The trajectory whose error is the median: neither the best nor the worst case.
    let (_, median) = last(&model.errors);
    let distance = |i: usize| (model.errors[[i, model.errors.ncols() - 1]] - median).abs();
    let shown = (0..model.errors.nrows()).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(0);
    if data.coordinates.len() == 2 {
        snapshots(config, data, truth, entries, shown, run, findings)?;
    } else {
        space_time(config, data, truth, entries, shown, run, findings)?;
    }
    curves(data, truth, entries, run, findings)?;
    let caption = "Mean loss of every epoch (squared, relative), and the mean relative L2 error of validation rollouts.";
    let name = |model: &str| {
        let entry = entries.iter().find(|e| e.name == model);
        entry.map_or_else(|| model.to_owned(), |e| e.label.clone())
    };
    training(run, "rollout_rel_l2", caption, name, findings)
}

/// The last states of the trajectory shown, on two axes.
fn snapshots(
    config: &ExperimentConfig,
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    shown: usize,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let last = |values: &ArrayD<f64>| -> Array2<f64> {
        let trajectory = values.index_axis(Axis(0), shown);
        let field =
            trajectory.index_axis(Axis(0), trajectory.shape()[0] - 1).index_axis(Axis(0), 0).to_owned();
        field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)))
    };
    let mut frames = vec![Frame { title: "truth".into(), values: last(truth) }];
    for entry in entries.iter().filter(|e| e.learned) {
        let values = last(&entry.prediction);
        frames
            .push(Frame { title: format!("{} − truth", entry.label), values: &values - &frames[0].values });
    }
    let figure = Fields {
        title: format!("{}: the end of the test trajectory of median error", config.name),
        x: data.coordinates[0].clone(),
        y: data.coordinates[1].clone(),
        frames,
        palette: Palette::Diverging,
    };
    findings.figure(run, "snapshots", "All with one colour bar.", &figure)
}

/// The trajectory shown over time, on one axis.
fn space_time(
    config: &ExperimentConfig,
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    shown: usize,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let image = |values: &ArrayD<f64>| -> Array2<f64> {
        let field = values.index_axis(Axis(0), shown).index_axis(Axis(1), 0).to_owned();
        field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)))
    };
    let Some(model) = entries.iter().find(|e| e.name == "model") else { return Ok(()) };
    let (u, p) = (image(truth), image(&model.prediction));
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
    if let Some(fno) = entries.iter().find(|e| e.name == "fno") {
        let values = image(&fno.prediction) - &u;
        panels
            .push(Panel { title: "FNO − truth".into(), values, palette: Palette::Diverging, range: None });
    }
    let figure = SpaceTime {
        title: format!("{}: rollout of the test trajectory of median error", config.name),
        x: data.coordinates[0].clone(),
        t: data.times.clone(),
        panels,
    };
    findings.figure(run, "space_time", "Each error has its own colour bar.", &figure)
}

/// Errors by lead time, and spectra.
fn curves(
    data: &Dataset,
    truth: &ArrayD<f64>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let lines = entries.iter().map(|entry| {
        let column = |q: f64| -> Vec<f64> {
            let quantiles = entry.errors.columns().into_iter().skip(1).map(|c| quantile(&c.to_vec(), q));
            // A method that diverges leaves the picture instead of stretching it.
            quantiles.map(|e| if e < LARGEST_SHOWN { e } else { f64::NAN }).collect()
        };
        Line {
            label: entry.label.clone(),
            x: data.times[1..].to_vec(),
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
    let truth_spectrum = final_spectrum(truth);
    lines.push(Line {
        label: "truth".into(),
        x: modes(&truth_spectrum),
        y: shown_energy(&truth_spectrum),
        ..Line::default()
    });
    for entry in entries.iter().filter(|e| e.learned) {
        let s = final_spectrum(&entry.prediction);
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
