//! The curves of a training.

use serde_json::Value;

use super::Findings;
use crate::error::Error;
use crate::plot::{Axes, Line, Lines, Style};
use crate::run_dir::RunDir;

/// The curves of `metrics.jsonl`.
pub(super) fn training_curves(run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let mut lines: Vec<Line> = Vec::new();
    for value in text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
        let (Some(model), Some(name)) = (value["model"].as_str(), value["name"].as_str()) else { continue };
        let what = match name {
            "epoch_loss" => "loss",
            "rollout_rel_l2" => "validation",
            _ => continue,
        };
        let label = format!("{}: {what}", if model == "model" { "semilinear" } else { model });
        let at = lines.iter().position(|l| l.label == label).unwrap_or_else(|| {
            let style = if what == "loss" { Style::Dashed } else { Style::Solid };
            lines.push(Line { label, style, ..Line::default() });
            lines.len() - 1
        });
        lines[at].x.push(value["step"].as_f64().unwrap_or(f64::NAN));
        lines[at].y.push(value["value"].as_f64().unwrap_or(f64::NAN));
    }
    let axes = Axes {
        title: "training".into(),
        x: "step".into(),
        y: "loss, relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let caption = "Mean loss of every epoch (squared, relative), and the mean relative L2 error of validation rollouts.";
    findings.figure(run, "training", caption, &Lines { axes, lines })
}
