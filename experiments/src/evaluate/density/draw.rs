//! Clouds, densities and the paths between them.

use burn::tensor::{Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{Trace, Velocity, carry, log_density};
use ndarray::{Array2, ArrayView2};

use super::rectified::failed;
use super::{Findings, Task, host};
use crate::error::Error;
use crate::evaluate::curves::{logged, settled};
use crate::plot::{Axes, Fields, Frame, Line, Lines, Palette, Panels, Style};
use crate::run_dir::RunDir;
use crate::train::normal;

/// Points of a cloud that are drawn.
const POINTS: usize = 4000;
/// Cells of an axis of a density.
const CELLS: usize = 110;
/// Times at which points on their way are drawn.
const FRAMES: usize = 5;
/// Points on their way.
const TRAVELLERS: usize = 2000;

/// A panel of points, in axes that hold the truth.
pub(super) fn cloud(title: &str, points: ArrayView2<'_, f64>, window: [(f64, f64); 2]) -> Lines {
    let rows = points.nrows().min(POINTS);
    let column = |c: usize| points.column(c).iter().take(rows).copied().collect();
    let line = Line { x: column(0), y: column(1), style: Style::Points, ..Line::default() };
    Lines { axes: plane(title, window), lines: vec![line] }
}

/// A panel of paths, `[row, coordinate]` at every time.
pub(super) fn paths(title: &str, along: &[Array2<f64>], window: [(f64, f64); 2]) -> Lines {
    let count = along.first().map_or(0, Array2::nrows);
    let path = |row: usize| Line {
        x: along.iter().map(|p| p[[row, 0]]).collect(),
        y: along.iter().map(|p| p[[row, 1]]).collect(),
        ..Line::default()
    };
    let mut lines: Vec<Line> = (0..count).map(path).collect();
    if let Some(start) = along.first() {
        let (x, y) = (start.column(0).to_vec(), start.column(1).to_vec());
        lines.push(Line { x, y, style: Style::Points, ..Line::default() });
    }
    let wide = window.map(|(low, high)| (low.min(-3.0), high.max(3.0)));
    Lines { axes: plane(title, wide), lines }
}

fn plane(title: &str, window: [(f64, f64); 2]) -> Axes {
    // Both axes in one scale.
    let half = window.iter().map(|(low, high)| 0.5 * (high - low)).fold(0.0, f64::max);
    let window = window.map(|(low, high)| (0.5 * (low + high) - half, 0.5 * (low + high) + half));
    Axes {
        title: title.to_owned(),
        x: "x".into(),
        y: "y".into(),
        window: Some(window),
        square: true,
        ..Axes::default()
    }
}

pub(super) fn panels(
    run: &RunDir,
    stem: &str,
    caption: &str,
    columns: usize,
    panels: Vec<Lines>,
    findings: &mut Findings,
) -> Result<(), Error> {
    findings.figure(run, stem, caption, &Panels { title: stem.replace('_', " "), columns, panels })
}

/// The density of the truth and of a flow from noise at `span.0` to data at `span.1`, and points on their way.
pub(super) fn flow<V: Velocity>(
    task: &Task<'_>,
    velocity: &V,
    span: (f64, f64),
    deviation: f64,
    findings: &mut Findings,
) -> Result<(), Error> {
    let [x, y] = task.truth.window().map(|(low, high)| {
        (0..CELLS).map(|i| low + (high - low) * (i as f64 + 0.5) / CELLS as f64).collect::<Vec<_>>()
    });
    let grid: Vec<f32> = x.iter().flat_map(|x| y.iter().flat_map(|y| [*x as f32, *y as f32])).collect();
    let grid = Tensor::from_data(TensorData::new(grid, [CELLS * CELLS, 2]), task.job.device);
    let method = task.method();
    let back = (span.1, span.0);
    let logs = log_density(velocity, &grid, back, deviation, &Trace::Exact, &method).map_err(failed)?.end;
    let learned: Vec<f64> = logs.exp().into_data().convert::<f64>().try_to_vec().unwrap_or_default();
    let learned = Array2::from_shape_vec((CELLS, CELLS), learned).unwrap_or_default();
    let truth = Array2::from_shape_fn((CELLS, CELLS), |(i, j)| task.truth.log_density([x[i], y[j]]).exp());
    let frame = |title: &str, values: Array2<f64>| Frame { title: title.into(), values };
    let figure = Fields {
        title: "density".into(),
        x,
        y,
        frames: vec![frame("truth", truth), frame("learned", learned)],
        palette: Palette::Sequential,
        range: None,
    };
    findings.figure(task.job.run, "density", "In the same colours.", &figure)?;

    let mut rng = stream(task.config.seed, "travellers", 0);
    let mut points = normal(TRAVELLERS, 2, &mut rng, task.job.device).mul_scalar(deviation);
    let mut shown = Vec::new();
    for i in 0..FRAMES {
        let at = |i: usize| span.0 + (span.1 - span.0) * i as f64 / (FRAMES - 1) as f64;
        if i > 0 {
            points = carry(velocity, &points, (at(i - 1), at(i)), &method).map_err(failed)?.end;
        }
        let cloud_now = host(points.clone());
        let half = 3.2 * deviation.max(1.0);
        let shrink = i as f64 / (FRAMES - 1) as f64;
        // The axes close in on the data as the points do.
        let window = task.truth.window().map(|(low, high)| {
            let wide = half.max(-low).max(high);
            let near = (-low).max(high);
            let half = wide.powf(1.0 - shrink) * near.powf(shrink);
            (-half, half)
        });
        shown.push(cloud(&format!("t = {:.2}", at(i)), cloud_now.view(), window));
    }
    panels(task.job.run, "flow", "Points on their way from noise to data.", FRAMES, shown, findings)
}

/// The loss and the score of every model along its training.
pub(in crate::evaluate) fn training(run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let lines = logged(run, |model, record| {
        let (what, style) = match (record["name"].as_str()?, record["split"].as_str()) {
            ("epoch_loss", _) => ("loss", Style::Dashed),
            (_, Some("validation")) => ("validation", Style::Solid),
            _ => return None,
        };
        Some((format!("{}: {what}", model.replace('_', " ")), style))
    });
    let window = settled(&lines);
    let axes =
        Axes { title: "training".into(), x: "step".into(), y: "loss".into(), window, ..Axes::default() };
    let caption =
        "Mean loss of every epoch, and the score by which weights are kept; the first ones may lie outside.";
    findings.figure(run, "training", caption, &Lines { axes, lines })
}
