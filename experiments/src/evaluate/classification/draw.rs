//! The figures of a classification.

use flowmap_datasets::labelled::LabelledSeries;
use flowmap_models::neural_de::neural_cde::NeuralCde;

use super::{Entry, Learned, Task};
use crate::error::Error;
use crate::evaluate::Findings;
use crate::evaluate::curves::logged;
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::train::{samples, unfit};

/// Series of each class whose states are drawn.
const DRAWN: usize = 12;

/// Points of a control between two knots.
const POINTS: usize = 12;

/// Draws all figures.
///
/// # Errors
/// If one cannot be drawn or written.
pub(super) fn figures(task: &Task<'_>, entries: &[Entry], findings: &mut Findings) -> Result<(), Error> {
    accuracy_by_share(task, entries, findings)?;
    accuracy_by_step(task, findings)?;
    if let Some(Learned::Neural(model)) = entries.first().map(|e| &e.learned) {
        series(task, model, findings)?;
        states(task, model, findings)?;
    }
    Ok(())
}

fn accuracy_by_share(task: &Task<'_>, entries: &[Entry], findings: &mut Findings) -> Result<(), Error> {
    let curve = |entry: &Entry| Line {
        label: entry.role.replace('_', " "),
        x: task.shares.clone(),
        y: entry.accuracies.clone(),
        style: if entry.role == "model" { Style::Solid } else { Style::Dashed },
        ..Line::default()
    };
    let axes = Axes {
        title: "accuracy and lost samples".into(),
        x: "share of the samples lost".into(),
        y: "accuracy on the test series".into(),
        ..Axes::default()
    };
    let caption = format!(
        "Accuracy on the same {} test series after a share of their samples has been lost at random; training series lose \
         up to {:.0} %.",
        task.data.test.len(),
        100.0 * task.config.data.dropped
    );
    let figure = Lines { axes, lines: entries.iter().map(curve).collect() };
    findings.figure(task.job.run, "accuracy_dropped", &caption, &figure)
}

fn accuracy_by_step(task: &Task<'_>, findings: &mut Findings) -> Result<(), Error> {
    let lines = logged(task.job.run, |role, record| {
        let style = if role == "model" { Style::Solid } else { Style::Dashed };
        (record["name"] == "accuracy").then(|| (role.to_owned(), style))
    });
    let axes = Axes {
        title: "training".into(),
        x: "step".into(),
        y: "accuracy on the validation series".into(),
        ..Axes::default()
    };
    let caption = "Accuracy on the validation series, whole and thinned together, along the training.";
    findings.figure(task.job.run, "training", caption, &Lines { axes, lines })
}

/// A series of each class with what is lost of it, and the control of the rest.
fn series(task: &Task<'_>, model: &NeuralCde, findings: &mut Findings) -> Result<(), Error> {
    let at = task.dropped().unwrap_or(0);
    let mut panels = Vec::new();
    for (label, class) in task.data.classes.iter().enumerate() {
        let Some(place) = task.tests[0].iter().position(|s| s.label == label) else { continue };
        let (whole, kept) = (&task.tests[0][place], &task.tests[at][place]);
        let control = control(task, model, kept)?;
        for (c, channel) in task.data.channels.iter().enumerate() {
            let axes = Axes {
                title: format!("{class}: {channel}"),
                x: "time".into(),
                y: channel.clone(),
                ..Axes::default()
            };
            let points = |series: &LabelledSeries, label: &str| Line {
                label: label.to_owned(),
                x: series.times.clone(),
                y: series.values.column(c).to_vec(),
                style: Style::Points,
                ..Line::default()
            };
            let curve = Line {
                label: "control".into(),
                x: control.iter().map(|x| x[0] * task.spec.span).collect(),
                y: control.iter().map(|x| x[c + 1]).collect(),
                ..Line::default()
            };
            panels.push(Lines {
                axes,
                lines: vec![curve, points(&lost(whole, kept), "lost"), points(kept, "seen")],
            });
        }
    }
    let figure = Panels { title: "what a model sees".into(), columns: task.data.channels.len(), panels };
    let caption = "A test series of each class: samples seen and lost, and the control that the model makes of what it sees.";
    findings.figure(task.job.run, "series", caption, &figure)
}

/// The samples that are missing from `kept`.
fn lost(whole: &LabelledSeries, kept: &LabelledSeries) -> LabelledSeries {
    let places: Vec<usize> =
        (0..whole.times.len()).filter(|i| !kept.times.contains(&whole.times[*i])).collect();
    LabelledSeries {
        times: places.iter().map(|i| whole.times[*i]).collect(),
        values: whole.values.select(ndarray::Axis(0), &places),
        label: whole.label,
    }
}

/// Points of the control of a series, its time in units of the span first.
fn control(task: &Task<'_>, model: &NeuralCde, series: &LabelledSeries) -> Result<Vec<Vec<f64>>, Error> {
    let samples = samples(std::slice::from_ref(series))?;
    let path = model.control(&samples[0]).map_err(unfit)?;
    let knots = path.knots().windows(2);
    let times =
        knots.flat_map(|k| (0..=POINTS).map(move |i| k[0] + (k[1] - k[0]) * i as f64 / POINTS as f64));
    let mut x = vec![0.0; task.spec.channels + 1];
    Ok(times
        .map(|t| {
            path.value(t, &mut x);
            x.clone()
        })
        .collect())
}

/// How the state of the model moves along series of each class, and what it would say on the way.
fn states(task: &Task<'_>, model: &NeuralCde, findings: &mut Findings) -> Result<(), Error> {
    let at = task.dropped().unwrap_or(0);
    let (mut margins, mut orbits) = (Vec::new(), Vec::new());
    let mut runs = Vec::new();
    for label in 0..task.data.classes.len() {
        let chosen: Vec<LabelledSeries> =
            task.tests[at].iter().filter(|s| s.label == label).take(DRAWN).cloned().collect();
        let controls = samples(&chosen)?.iter().map(|s| model.control(s)).collect::<Result<Vec<_>, _>>();
        let controls = controls.map_err(unfit)?;
        // `[step][series]`: the time, the state, the margin of the first class.
        let steps: Vec<_> = model
            .states(&controls, task.job.device)
            .into_iter()
            .map(|state| {
                let [rows, hidden] = state.dims();
                let logits = model.read_out(state.clone());
                let [_, classes] = logits.dims();
                let read = |x: burn::tensor::Tensor<2>| {
                    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default()
                };
                let (state, logits) = (read(state), read(logits));
                let row = |r: usize| {
                    let odds = &logits[r * classes..][..classes];
                    (
                        state[r * hidden..][..hidden].to_vec(),
                        odds[0] - odds[1..].iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    )
                };
                (0..rows).map(row).collect::<Vec<_>>()
            })
            .collect();
        let times: Vec<Vec<f64>> = controls
            .iter()
            .map(|path| {
                let mut x = vec![0.0; path.channels()];
                let knots = path.knots().iter();
                knots
                    .map(|k| {
                        path.value(*k, &mut x);
                        x[0] * task.spec.span
                    })
                    .collect()
            })
            .collect();
        runs.push((label, times, steps));
    }
    let (i, j) =
        liveliest(runs.iter().flat_map(|(_, _, steps)| steps.iter().flatten().map(|(z, _)| z.as_slice())));
    for (label, times, steps) in &runs {
        let mut margin =
            Line { label: task.data.classes[*label].clone(), style: Style::Thin, ..Line::default() };
        let mut orbit = margin.clone();
        for (r, times) in times.iter().enumerate() {
            for (t, step) in times.iter().zip(steps) {
                let (z, odds) = &step[r];
                margin.x.push(*t);
                margin.y.push(*odds);
                orbit.x.push(z[i]);
                orbit.y.push(z[j]);
            }
            // A gap between two series.
            for line in [&mut margin, &mut orbit] {
                line.x.push(f64::NAN);
                line.y.push(f64::NAN);
            }
        }
        margins.push(margin);
        orbits.push(orbit);
    }
    let told = Axes {
        title: "what the model would say on the way".into(),
        x: "time".into(),
        y: format!("log odds of {}", task.data.classes[0]),
        ..Axes::default()
    };
    let plane = Axes {
        title: "states".into(),
        x: format!("z{}", i + 1),
        y: format!("z{}", j + 1),
        ..Axes::default()
    };
    let panels = vec![Lines { axes: told, lines: margins }, Lines { axes: plane, lines: orbits }];
    let figure = Panels { title: "states along series".into(), columns: 2, panels };
    let caption = "Twelve test series of each class: the read-out of the state at every sample, and the two entries of the state that vary most.";
    findings.figure(task.job.run, "states", caption, &figure)
}

/// The two entries that vary most.
fn liveliest<'a>(states: impl Iterator<Item = &'a [f64]>) -> (usize, usize) {
    let states: Vec<&[f64]> = states.collect();
    let width = states.first().map_or(0, |z| z.len());
    let spread = |k: usize| {
        let n = states.len().max(1) as f64;
        let mean = states.iter().map(|z| z[k]).sum::<f64>() / n;
        states.iter().map(|z| (z[k] - mean).powi(2)).sum::<f64>() / n
    };
    let mut order: Vec<usize> = (0..width).collect();
    let spreads: Vec<f64> = order.iter().map(|k| spread(*k)).collect();
    order.sort_by(|a, b| spreads[*b].total_cmp(&spreads[*a]));
    let first = order.first().copied().unwrap_or(0);
    (first, order.get(1).copied().unwrap_or(first))
}
