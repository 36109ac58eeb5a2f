//! Paths and their marginals.

use ndarray::{Array2, Array3, s};

use super::judge::{Judge, moments, quantiles};
use crate::error::Error;
use crate::evaluate::Findings;
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::run_dir::RunDir;

/// Paths that are drawn.
const SHOWN: usize = 40;

pub(super) fn figures(
    judge: &Judge<'_>,
    generated: &Array3<f64>,
    channels: &[String],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut panels = Vec::new();
    for (c, name) in channels.iter().enumerate() {
        let low = judge.test.slice(s![.., .., c]).iter().copied().fold(f64::MAX, f64::min);
        let high = judge.test.slice(s![.., .., c]).iter().copied().fold(f64::MIN, f64::max);
        let ends = (judge.times.first().copied().unwrap_or(0.0), judge.times.last().copied().unwrap_or(1.0));
        for (title, paths) in [("process", judge.test), ("generated", generated)] {
            let lines = (0..SHOWN.min(paths.dim().0)).map(|i| Line {
                x: judge.times.to_vec(),
                y: paths.slice(s![i, .., c]).to_vec(),
                ..Line::default()
            });
            let window = Some([ends, (low, high)]);
            let axes =
                Axes { title: title.into(), x: "t".into(), y: name.clone(), window, ..Axes::default() };
            panels.push(Lines { axes, lines: lines.collect() });
        }
    }
    let figure = Panels { title: "paths".into(), columns: 2, panels };
    findings.figure(run, "paths", "Paths of the process and of the model, in the same axes.", &figure)?;

    let mut panels = Vec::new();
    let (mean, std) = moments(generated);
    for (c, name) in channels.iter().enumerate() {
        let curve = |label: &str, y: Vec<f64>, style| Line {
            label: label.into(),
            x: judge.times.to_vec(),
            y,
            style,
            band: None,
        };
        let column = |a: &Array2<f64>| a.column(c).to_vec();
        let mut lines = vec![
            curve("process: median", quantiles(judge.test, c, 0.5), Style::Solid),
            curve("generated: median", quantiles(generated, c, 0.5), Style::Dashed),
        ];
        for (line, paths) in lines.iter_mut().zip([judge.test, generated]) {
            line.band = Some((quantiles(paths, c, 0.05), quantiles(paths, c, 0.95)));
        }
        let titled = |title: &str, y: &str| Axes {
            title: title.into(),
            x: "t".into(),
            y: y.into(),
            ..Axes::default()
        };
        panels.push(Lines { axes: titled("median, 5 % to 95 %", name), lines });
        let lines = vec![
            curve("process: mean", column(&judge.mean), Style::Solid),
            curve("process: std", column(&judge.std), Style::Solid),
            curve("generated: mean", column(&mean), Style::Dashed),
            curve("generated: std", column(&std), Style::Dashed),
        ];
        panels.push(Lines { axes: titled("moments", name), lines });
    }
    let figure = Panels { title: "marginals".into(), columns: 2, panels };
    findings.figure(run, "marginals", "At every time, over all paths.", &figure)
}
