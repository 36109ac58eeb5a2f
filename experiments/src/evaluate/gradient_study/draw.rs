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
    let curves = |field: &str, which: &dyn Fn(&Series) -> bool, of: fn(&Measured) -> f64| -> Vec<Line> {
        all.iter()
            .filter(|s| s.field == field && which(s))
            .map(|s| Line {
                label: s.method.label.clone(),
                x: config.steps.iter().map(|n| *n as f64).collect(),
                y: s.measured.iter().map(of).collect(),
                // What is no reversible scheme is broken.
                style: if s.method.reversible() { Style::Solid } else { Style::Dashed },
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
    // All pairs of states take the same memory.
    let distinct = ["direct", "step_checkpoint", "checkpointed", "backsolve", "reversible_heun", "ees25"];
    let flat = "unsegmented_reversible_heun";
    let mut lines = curves("neural", &|s| distinct.contains(&s.method.name.as_str()), |m| m.peak_mb);
    let whole = curves("neural", &|s| s.method.name == flat, |m| m.peak_mb);
    lines.extend(whole.into_iter().map(|l| Line { label: format!("{}, one segment", l.label), ..l }));
    let memory =
        Lines { axes: axes("Memory of a gradient".into(), "kept states, stages and times (MB)"), lines };
    let caption = format!(
        "On the network, {} rows; {} slots, segments of {} steps, of which the ends are kept.",
        config.rows, config.slots, config.segment
    );
    findings.figure(
        run,
        "memory",
        &format!("{caption} The other schemes with companions take what reversible Heun takes."),
        &memory,
    )?;
    let time = Lines {
        axes: axes("Time of a solve and its gradient".into(), "seconds"),
        lines: curves("neural", &|s| !s.method.unsegmented(), |m| m.seconds),
    };
    findings.figure(run, "time", &caption, &time)?;
    // An error of zero is shown at rounding; what is beyond any use, at its edge.
    let error = |m: &Measured| m.error.clamp(1e-17, 1e3);
    for (unsegmented, stem, title, caption) in [
        (
            false,
            "error",
            "Error of the gradient",
            "Against keeping everything, for the same discrete solution. Reversible schemes in segments.",
        ),
        (
            true,
            "error_unsegmented",
            "Error of the gradient, run back in one go",
            "Reversible schemes run back in one go, unchecked; errors above 1000, and states found that were no longer \
             finite, are shown at 1000; a solve that was no longer finite is not shown.",
        ),
    ] {
        // One legend, in the last panel.
        let panels = FIELDS.iter().enumerate().map(|(i, field)| {
            let lines = curves(field, &|s| s.method.unsegmented() == unsegmented, error);
            let named = i + 1 == FIELDS.len();
            let label = |l: Line| Line { label: if named { l.label } else { String::new() }, ..l };
            Lines {
                axes: axes(field.replace('_', " "), "relative error of the gradient"),
                lines: lines.into_iter().map(label).collect(),
            }
        });
        let figure = Panels { title: title.into(), columns: 2, panels: panels.collect() };
        findings.figure(run, stem, caption, &figure)?;
    }
    Ok(())
}
