//! The curves of a training.

use serde_json::Value;

use super::Findings;
use crate::error::Error;
use crate::plot::{Axes, Line, Lines, Style};
use crate::run_dir::RunDir;

/// Draws the loss and the validation error, logged as `score`, of every model along its training; `name` is what a model is called.
///
/// # Errors
/// If the figure cannot be drawn or written.
pub(super) fn training(
    run: &RunDir,
    score: &str,
    caption: &str,
    name: impl Fn(&str) -> String,
    findings: &mut Findings,
) -> Result<(), Error> {
    let lines = logged(run, |model, record| {
        let (what, style) = match record["name"].as_str()? {
            "epoch_loss" => ("loss", Style::Dashed),
            other if other == score => ("validation", Style::Solid),
            _ => return None,
        };
        Some((format!("{}: {what}", name(model)), style))
    });
    let axes = Axes {
        title: "training".into(),
        x: "step".into(),
        y: "loss, relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "training", caption, &Lines { axes, lines })
}

/// The curves of `metrics.jsonl` over the steps: `of` names the curve that a record of a model belongs to, and its style.
pub(super) fn logged(run: &RunDir, of: impl Fn(&str, &Value) -> Option<(String, Style)>) -> Vec<Line> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for value in text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
        let Some((label, style)) = value["model"].as_str().and_then(|model| of(model, &value)) else {
            continue;
        };
        let at = lines.iter().position(|l| l.label == label).unwrap_or_else(|| {
            lines.push(Line { label, style, ..Line::default() });
            lines.len() - 1
        });
        lines[at].x.push(value["step"].as_f64().unwrap_or(f64::NAN));
        lines[at].y.push(value["value"].as_f64().unwrap_or(f64::NAN));
    }
    lines
}

/// The ranges of curves of which the first values are far off: of all steps, and of what comes after the first fifth of them.
pub(super) fn settled(lines: &[Line]) -> Option<[(f64, f64); 2]> {
    let points = |from: f64| {
        let all = lines.iter().flat_map(|l| l.x.iter().copied().zip(l.y.iter().copied()));
        all.filter(move |(x, y)| *x >= from && y.is_finite())
    };
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let (first, last) = range(&mut points(f64::NEG_INFINITY).map(|(x, _)| x));
    let (low, high) = range(&mut points(first + 0.2 * (last - first)).map(|(_, y)| y));
    let margin = 0.1 * (high - low);
    (last > first && margin > 0.0).then_some([(first, last), (low - margin, high + margin)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_do_not_set_the_range() {
        let x: Vec<f64> = (0..=10).map(f64::from).collect();
        let y = x.iter().map(|x| if *x < 2.0 { 1e3 } else { *x }).collect();
        let line = Line { x, y, ..Line::default() };
        assert_eq!(settled(std::slice::from_ref(&line)), Some([(0.0, 10.0), (2.0 - 0.8, 10.0 + 0.8)]));
        assert_eq!(settled(&[]), None);
    }
}
