//! Figures of a network that moves.

use ndarray::Array2;

use super::block::{Moment, Shapes};
use super::flow::Frame;
use super::march::Marched;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::evaluate::network_solution::Reference;
use crate::plot::{self, Axes, Fields, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// Lines of a mesh along each axis that are drawn.
const MESH: usize = 16;

pub(super) fn scalar(
    config: &ExperimentConfig,
    reference: &Reference,
    field: &Array2<f64>,
    marched: &Marched,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let palette =
        if reference.values.iter().any(|v| *v < 0.0) { Palette::Diverging } else { Palette::Sequential };
    let range = palette.range(reference.values.iter().copied());
    let panel = |title: &str, values, palette, range| Panel { title: title.into(), values, palette, range };
    let figure = SpaceTime {
        title: config.name.clone(),
        x: reference.x.clone(),
        t: reference.t.clone(),
        panels: vec![
            panel("truth", reference.values.clone(), palette, Some(range)),
            panel("network", field.clone(), palette, Some(range)),
            panel("network - truth", field - &reference.values, Palette::Diverging, None),
        ],
    };
    let caption = format!("The solution, the network, and the difference ({}).", reference.source);
    findings.figure(run, "solution", &caption, &figure)?;
    let last = reference.t.len() - 1;
    let mut lines = Vec::new();
    for i in [0, last / 2, last] {
        let line =
            |label: String, y: Vec<f64>, style| Line { label, x: reference.x.clone(), y, style, band: None };
        lines.push(line(
            format!("truth, t = {:.3}", reference.t[i]),
            reference.values.row(i).to_vec(),
            Style::Solid,
        ));
        lines.push(line(format!("network, t = {:.3}", reference.t[i]), field.row(i).to_vec(), Style::Dashed));
    }
    let axes = Axes { title: "the solution in time".into(), x: "x".into(), y: "u".into(), ..Axes::default() };
    findings.figure(run, "slices", "The solution and the network at three times.", &Lines { axes, lines })?;
    marching(marched, "mean absolute error", run, findings)
}

pub(super) fn flow(
    config: &ExperimentConfig,
    grid: &[f64],
    last: &Frame,
    exact: &Frame,
    marched: &Marched,
    invariants: &[[f64; 2]],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let frame = |title: &str, values: Array2<f64>| plot::Frame { title: title.into(), values };
    let t = marched.samples.last().map_or(0.0, |s| s.t);
    let figure = Fields {
        title: format!("{}: vorticity and velocity at t = {t}", config.name),
        x: grid.to_vec(),
        y: grid.to_vec(),
        frames: vec![
            frame("vorticity, truth", exact.vorticity.clone()),
            frame("vorticity, network", last.vorticity.clone()),
            frame("u, truth", exact.velocity[0].clone()),
            frame("u, network", last.velocity[0].clone()),
        ],
        palette: Palette::Diverging,
        range: None,
    };
    findings.figure(run, "solution", "The exact flow and the network at the end.", &figure)?;
    let figure = Fields {
        title: format!("network - truth at t = {t}"),
        x: grid.to_vec(),
        y: grid.to_vec(),
        frames: vec![
            frame("u", &last.velocity[0] - &exact.velocity[0]),
            frame("v", &last.velocity[1] - &exact.velocity[1]),
        ],
        palette: Palette::Diverging,
        range: None,
    };
    findings.figure(run, "error_field", "The error of the velocity at the end.", &figure)?;
    let times: Vec<f64> = marched.samples.iter().map(|s| s.t).collect();
    let drift = |i: usize, label: &str| {
        let y = invariants.iter().map(|v| (v[i] / invariants[0][i] - 1.0).abs().max(1e-17)).collect();
        Line { label: label.into(), x: times.clone(), y, ..Line::default() }
    };
    let axes = Axes {
        title: "conserved quantities".into(),
        x: "t".into(),
        y: "relative change".into(),
        log_y: true,
        ..Axes::default()
    };
    let lines = vec![drift(0, "energy"), drift(1, "enstrophy")];
    findings.figure(run, "invariants", "What the exact flow conserves.", &Lines { axes, lines })?;
    marching(marched, "mean squared error of the velocity", run, findings)
}

/// The error against time, and against the time of computing.
fn marching(marched: &Marched, name: &str, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let y: Vec<f64> = marched.samples.iter().map(|s| s.error).collect();
    let lines = |x| vec![Line { x, y: y.clone(), ..Line::default() }];
    let axes = |title: &str, x: &str| Axes {
        title: title.into(),
        x: x.into(),
        y: name.into(),
        log_y: true,
        ..Axes::default()
    };
    let times = marched.samples.iter().map(|s| s.t).collect();
    let figure = Lines { axes: axes("error over time", "t"), lines: lines(times) };
    findings.figure(run, "error_over_time", "The error at every time.", &figure)?;
    let seconds = marched.samples.iter().map(|s| s.seconds).collect();
    let figure = Lines { axes: axes("error over the time of computing", "seconds"), lines: lines(seconds) };
    let caption = "The error when so much time had been spent; the first point is the fit of the start.";
    findings.figure(run, "convergence", caption, &figure)
}

pub(super) fn block(
    shapes: &Shapes,
    history: &[Moment],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let n = shapes.grid.len();
    let lines = meshes(shapes).into();
    let axes = Axes { title: "the stretched block".into(), x: "x".into(), y: "y".into(), ..Axes::default() };
    findings.figure(run, "solution", "Lines of the material after the stretch.", &Lines { axes, lines })?;
    let gap = &shapes.network - &shapes.truth;
    let field = |k: usize| Array2::from_shape_fn((n, n), |(i, j)| gap[[k, i * n + j]]);
    let figure = Fields {
        title: "network - reference, on the block at rest".into(),
        x: shapes.grid.clone(),
        y: shapes.grid.clone(),
        frames: vec![
            plot::Frame { title: "u".into(), values: field(0) },
            plot::Frame { title: "v".into(), values: field(1) },
        ],
        palette: Palette::Diverging,
        range: None,
    };
    findings.figure(run, "error_field", "The error of the displacement.", &figure)?;
    let least = history.iter().map(|m| m.energy).fold(f64::INFINITY, f64::min);
    let judged: Vec<_> = history.iter().filter_map(|m| m.error.map(|e| (m.seconds, e))).collect();
    let (x, y) = judged.into_iter().unzip();
    let excess: Vec<_> =
        history.iter().map(|m| (m.seconds, m.energy - least)).filter(|e| e.1 > 0.0).collect();
    let (spent, excess) = excess.into_iter().unzip();
    let lines = vec![
        Line { label: "energy above its least".into(), x: spent, y: excess, ..Line::default() },
        Line { label: "mean error".into(), x, y, style: Style::Dashed, band: None },
    ];
    let axes = Axes {
        title: "convergence".into(),
        x: "seconds".into(),
        y: "energy, error".into(),
        log_y: true,
        ..Axes::default()
    };
    findings.figure(
        run,
        "convergence",
        "The energy and the error while it is lowered.",
        &Lines { axes, lines },
    )
}

/// Lines of the material of the reference and of the network.
fn meshes(shapes: &Shapes) -> [Line; 2] {
    let n = shapes.grid.len();
    let kinds = [("reference", &shapes.truth, Style::Solid), ("network", &shapes.network, Style::Dashed)];
    kinds.map(|(label, u, style)| {
        let at = |i: usize, j: usize| shapes.moved(u, [shapes.grid[i], shapes.grid[j]], i * n + j);
        // One curve through the whole mesh, so that it has one colour: there and back between its lines.
        let picked: Vec<usize> = (0..=MESH).map(|m| m * (n - 1) / MESH).collect();
        let mut path = Vec::new();
        for (turn, i) in picked.iter().enumerate() {
            path.extend((0..n).map(|j| at(*i, if turn % 2 == 0 { j } else { n - 1 - j })));
        }
        for (turn, j) in picked.iter().rev().enumerate() {
            path.extend((0..n).map(|i| at(if turn % 2 == 0 { n - 1 - i } else { i }, *j)));
        }
        let (x, y) = path.into_iter().map(|[x, y]| (x, y)).unzip();
        Line { label: label.into(), x, y, style, band: None }
    })
}

/// What happens in a fall: at every step the heights of the centre and of the lowest point drawn, and energies by the volume.
pub(super) struct Course {
    pub(super) t: Vec<f64>,
    /// Of the network, then of the reference.
    pub(super) heights: [[Vec<f64>; 2]; 2],
    /// Strain, contact, motion, height.
    pub(super) energies: [Vec<f64>; 4],
}

pub(super) fn fall(
    frames: &[(f64, Shapes)],
    course: &Course,
    ground: f64,
    marched: &Marched,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let places = || {
        frames.iter().flat_map(|(_, s)| {
            meshes(s).into_iter().flat_map(|l| l.x.into_iter().zip(l.y).collect::<Vec<_>>())
        })
    };
    let bound = |f: fn(f64, f64) -> f64, start: f64, pick: fn(&(f64, f64)) -> f64| {
        places().fold(start, |b, p| f(b, pick(&p)))
    };
    let x = (bound(f64::min, f64::INFINITY, |p| p.0), bound(f64::max, f64::NEG_INFINITY, |p| p.0));
    let y = (bound(f64::min, ground, |p| p.1), bound(f64::max, f64::NEG_INFINITY, |p| p.1));
    // The same length is the same on both axes.
    let half = 0.55 * (x.1 - x.0).max(y.1 - y.0);
    let around = |(low, high): (f64, f64)| (0.5 * (low + high) - half, 0.5 * (low + high) + half);
    let window = [around(x), around(y)];
    let panels = frames.iter().map(|(t, shapes)| {
        let floor = Line {
            label: "ground".into(),
            x: vec![window[0].0, window[0].1],
            y: vec![ground; 2],
            ..Line::default()
        };
        let mut lines: Vec<Line> = meshes(shapes).into();
        lines.push(floor);
        // A legend would make its panel narrower than the others.
        lines.iter_mut().for_each(|l| l.label.clear());
        let axes = Axes {
            title: format!("t = {t:.2}"),
            x: "x".into(),
            y: "height".into(),
            window: Some(window),
            square: true,
            ..Axes::default()
        };
        Lines { axes, lines }
    });
    let figure = plot::Panels { title: "the falling block".into(), columns: 2, panels: panels.collect() };
    findings.figure(
        run,
        "solution",
        "Lines of the material in a plane through the middle of the block: the network (dashed) on the reference (solid), and the ground.",
        &figure,
    )?;
    let mut lines = Vec::new();
    for (who, heights, style) in
        [("network", &course.heights[0], Style::Dashed), ("reference", &course.heights[1], Style::Solid)]
    {
        for (what, y) in ["centre", "lowest point"].iter().zip(heights) {
            let label = format!("{what}, {who}");
            lines.push(Line { label, x: course.t.clone(), y: y.clone(), style, band: None });
        }
    }
    let axes =
        |title: &str, y: &str| Axes { title: title.into(), x: "t".into(), y: y.into(), ..Axes::default() };
    let figure = Lines { axes: axes("heights", "height"), lines };
    findings.figure(run, "heights", "The centre of the block and its lowest point.", &figure)?;
    let total: Vec<f64> = (0..course.t.len()).map(|i| course.energies.iter().map(|e| e[i]).sum()).collect();
    let names = ["strain", "contact", "motion", "height"];
    let named = names.into_iter().zip(course.energies.iter()).chain([("all", &total)]);
    let lines = named.map(|(label, y)| Line {
        label: label.into(),
        x: course.t.clone(),
        y: y.clone(),
        ..Line::default()
    });
    let figure = Lines { axes: axes("energies", "energy by the volume"), lines: lines.collect() };
    let caption =
        "Energies of the network's motion; the implicit Euler method takes some of their sum at every step.";
    findings.figure(run, "energies", caption, &figure)?;
    marching(marched, "mean distance to the reference", run, findings)
}
