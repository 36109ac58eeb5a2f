//! Figures of a network's solution.

use super::Member;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::plot::{Axes, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// Characteristics that are drawn.
const DRAWN: usize = 33;

pub(super) fn draw(
    config: &ExperimentConfig,
    members: &[Member],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    for member in members {
        solution(config, member, run, findings)?;
    }
    errors(members, run, findings)?;
    convergence(members, run, findings)?;
    if let Some(model) = members.first() {
        slices(model, run, findings)?;
        characteristics(model, run, findings)?;
    }
    Ok(())
}

fn solution(
    config: &ExperimentConfig,
    member: &Member,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let r = &member.reference;
    let palette = if r.values.iter().any(|v| *v < 0.0) { Palette::Diverging } else { Palette::Sequential };
    let range = palette.range(r.values.iter().copied());
    let panel = |title: &str, values, palette, range| Panel { title: title.into(), values, palette, range };
    let figure = SpaceTime {
        title: format!("{}: {}", config.name, member.role),
        x: r.x.clone(),
        t: r.t.clone(),
        panels: vec![
            panel("truth", r.values.clone(), palette, Some(range)),
            panel("network", member.field.clone(), palette, Some(range)),
            panel("network - truth", &member.field - &r.values, Palette::Diverging, None),
        ],
    };
    let stem = if member.role == "model" { "solution".into() } else { format!("solution_{}", member.role) };
    let caption = format!("The solution, the network, and the difference ({}).", r.source);
    findings.figure(run, &stem, &caption, &figure)
}

/// The error over time.
fn errors(members: &[Member], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let lines = members.iter().map(|m| {
        let truth = &m.reference.values;
        let size = (truth.iter().map(|v| v * v).sum::<f64>() / truth.nrows() as f64).sqrt();
        let error = |i: usize| {
            let d = &m.field.row(i) - &truth.row(i);
            d.iter().map(|d| d * d).sum::<f64>().sqrt() / size
        };
        let style = if m.baseline { Style::Dashed } else { Style::Solid };
        let t = m.reference.t[1..].to_vec();
        Line { label: m.role.clone(), x: t, y: (1..truth.nrows()).map(error).collect(), style, band: None }
    });
    let axes = Axes {
        title: "error over time".into(),
        x: "t".into(),
        y: "relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let figure = Lines { axes, lines: lines.collect() };
    findings.figure(
        run,
        "error_over_time",
        "The error at every time, relative to the truth's mean size.",
        &figure,
    )
}

/// Residual and error against the time of solving.
fn convergence(members: &[Member], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let mut lines = Vec::new();
    for m in members.iter().filter(|m| !m.solved.history.is_empty()) {
        let history = &m.solved.history;
        let x = history.iter().map(|h| h.seconds).collect();
        let y = history.iter().map(|h| h.rms).collect();
        lines.push(Line { label: format!("{}: residual", m.role), x, y, ..Line::default() });
        let judged = history.iter().filter_map(|h| h.error.map(|e| (h.seconds, e)));
        let (x, y) = judged.unzip();
        lines.push(Line { label: format!("{}: error", m.role), x, y, style: Style::Dashed, band: None });
    }
    let axes = Axes {
        title: "convergence".into(),
        x: "seconds of solving".into(),
        y: "rms residual, relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "The residual on the points of each step, and the error against the reference in the window at hand; the error \
                   is not known to the solve.";
    findings.figure(run, "convergence", caption, &Lines { axes, lines })
}

/// Truth and network at three times.
fn slices(model: &Member, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let r = &model.reference;
    let last = r.t.len() - 1;
    let mut lines = Vec::new();
    for i in [last / 3, 2 * last / 3, last] {
        let line = |label: String, y: Vec<f64>, style| Line { label, x: r.x.clone(), y, style, band: None };
        lines.push(line(format!("truth, t = {:.3}", r.t[i]), r.values.row(i).to_vec(), Style::Solid));
        lines.push(line(format!("network, t = {:.3}", r.t[i]), model.field.row(i).to_vec(), Style::Dashed));
    }
    let axes = Axes { title: "the solution in time".into(), x: "x".into(), y: "u".into(), ..Axes::default() };
    findings.figure(run, "slices", "The solution and the network at three times.", &Lines { axes, lines })
}

/// The paths of points that move with the solution, in the Lagrangian frame.
fn characteristics(model: &Member, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let Some((_, places)) = model.solved.characteristics(&model.reference, DRAWN) else { return Ok(()) };
    let t: Vec<f64> = model.reference.t[..places.nrows()].to_vec();
    let lines = places.columns().into_iter().map(|c| Line { x: c.to_vec(), y: t.clone(), ..Line::default() });
    let axes =
        Axes { title: "characteristics".into(), x: "X(ξ, t)".into(), y: "t".into(), ..Axes::default() };
    let caption =
        "The paths of evenly spaced labels in the first window; where they meet, the Lagrangian frame ends.";
    findings.figure(run, "characteristics", caption, &Lines { axes, lines: lines.collect() })
}
