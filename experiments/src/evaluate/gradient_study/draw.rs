//! The figures of the study.

use super::fields::FIELDS;
use super::{GradientStudyConfig, Measured, Series};
use crate::error::Error;
use crate::evaluate::Findings;
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::run_dir::RunDir;

pub(super) fn draw(
    config: &GradientStudyConfig,
    all: &[Series],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let curves = |field: &str, unsegmented: bool, of: fn(&Measured) -> f64| -> Vec<Line> {
        all.iter()
            .filter(|s| s.field == field && s.method.unsegmented() == unsegmented)
            .map(|s| Line {
                label: s.method.label.clone(),
                x: config.steps.iter().map(|n| *n as f64).collect(),
                y: s.measured.iter().map(of).collect(),
                // What is no reversible scheme is broken.
                style: if s.method.resynchronise.is_some() || unsegmented {
                    Style::Solid
                } else {
                    Style::Dashed
                },
                ..Line::default()
            })
            .collect()
    };
    let axes = |title: String, y: &str| Axes {
        title,
        x: "steps".into(),
        y: y.into(),
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    let memory = Lines {
        axes: axes("Memory of a gradient".into(), "kept states, stages and times (MB)"),
        lines: curves("neural", false, |m| m.peak_mb),
    };
    let caption = format!(
        "On the network, {} rows; {} slots, segments of {} steps.",
        config.rows, config.slots, config.segment
    );
    findings.figure(run, "memory", &caption, &memory)?;
    let time = Lines {
        axes: axes("Time of a solve and its gradient".into(), "seconds"),
        lines: curves("neural", false, |m| m.seconds),
    };
    findings.figure(run, "time", &caption, &time)?;
    // An error of zero is shown at rounding; what is beyond any use, at its edge.
    let error = |m: &Measured| m.error.clamp(1e-17, 1e3);
    for (unsegmented, stem, caption) in [
        (
            false,
            "error",
            "Against keeping everything, for the same discrete solution. Reversible schemes in segments.",
        ),
        (
            true,
            "error_unsegmented",
            "Reversible schemes run back in one go, unchecked; errors above 1000 are shown at 1000, and a solve that was \
             no longer finite is not shown.",
        ),
    ] {
        let panels = FIELDS.iter().map(|field| Lines {
            axes: axes(field.replace('_', " "), "relative error of the gradient"),
            lines: curves(field, unsegmented, error),
        });
        let figure = Panels { title: "Error of the gradient".into(), columns: 2, panels: panels.collect() };
        findings.figure(run, stem, caption, &figure)?;
    }
    Ok(())
}
