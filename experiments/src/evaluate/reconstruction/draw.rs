//! Pictures of a reconstructed system beside the one it was learned from.

use flowmap_models::state_space::StateSpaceModel;
use ndarray::{Array2, ArrayView2, Axis, s};
use serde_json::Value;

use super::judge::{Entry, Judge};
use crate::error::Error;
use crate::evaluate::Findings;
use crate::metric::{power_spectra, return_map};
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::run_dir::RunDir;

/// Points of an attractor that are drawn.
const POINTS: usize = 6000;
/// Samples of the time series that are drawn, at most.
const SAMPLES: usize = 1500;
/// Lyapunov times that they last, where the exponent is known.
const LYAPUNOV_TIMES: f64 = 12.0;
/// The smoothing of spectra that are drawn, in bins.
const SMOOTHING: f64 = 20.0;
/// Points of a return map that are drawn.
const RETURNS: usize = 1500;

pub(super) fn figures(
    judge: &Judge<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let Some(model) = entries.first() else { return Ok(()) };
    attractors(judge, entries, run, findings)?;
    time_series(judge, model, run, findings)?;
    spectra(judge, entries, run, findings)?;
    errors(judge, entries, run, findings)?;
    returns(judge, model, run, findings)?;
    exponents(judge, model, run, findings)?;
    training(run, findings)
}

/// The two coordinates that show most: the first and the third of three, of a single one a delay.
fn plane(series: ArrayView2<'_, f64>, delay: usize) -> (Vec<f64>, Vec<f64>) {
    let n = series.nrows().min(POINTS);
    let column =
        |c: usize, from: usize| series.slice(s![from..from + n.min(series.nrows() - from), c]).to_vec();
    match series.ncols() {
        1 => {
            let delay = delay.min(series.nrows() - 1);
            let later = column(0, delay);
            (column(0, 0)[..later.len()].to_vec(), later)
        }
        2 => (column(0, 0), column(1, 0)),
        _ => (column(0, 0), column(2, 0)),
    }
}

fn attractors(
    judge: &Judge<'_>,
    entries: &[Entry],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let channels = judge.channels;
    let delay = judge.delay();
    let (x, y) = match channels.len() {
        1 => (format!("{}(t)", channels[0]), format!("{}(t + {:.3})", channels[0], delay as f64 * judge.dt)),
        2 => (channels[0].clone(), channels[1].clone()),
        _ => (channels[0].clone(), channels[2].clone()),
    };
    // All panels have the axes of the test series, so that what strays is seen to stray.
    let window = {
        let (x, y) = plane(judge.test.view(), delay);
        [wide(&x), wide(&y)]
    };
    let panel = |title: &str, series: ArrayView2<'_, f64>| {
        let (px, py) = plane(series, delay);
        let axes = Axes {
            title: title.to_owned(),
            x: x.clone(),
            y: y.clone(),
            window: Some(window),
            ..Axes::default()
        };
        Lines { axes, lines: vec![Line { x: px, y: py, ..Line::default() }] }
    };
    let mut panels = vec![panel("test series", judge.test.view())];
    for entry in entries {
        let mut shown = panel(&entry.name, entry.generated.view());
        if let Some((system, cycles)) = &entry.cycles {
            let fixed: Vec<Vec<f64>> = cycles
                .cycles
                .iter()
                .filter(|c| c.period() == 1 && channels.len() > 1)
                .map(|c| {
                    let mut seen = vec![0.0; channels.len()];
                    system.observe(&c.points[0], &mut seen);
                    seen
                })
                .collect();
            let near = |v: &Vec<f64>| within(judge.test.view(), v);
            let fixed: Vec<_> = fixed.into_iter().filter(near).collect();
            let second = usize::from(channels.len() == 2).max(2 * usize::from(channels.len() > 2));
            shown.lines.push(Line {
                x: fixed.iter().map(|v| v[0]).collect(),
                y: fixed.iter().map(|v| v[second]).collect(),
                style: Style::Points,
                ..Line::default()
            });
        }
        panels.push(shown);
        if let Some(run) = &entry.stochastic {
            panels.push(panel(&format!("{}, innovations", entry.name), run.generated.view()));
        }
    }
    let columns = if panels.len() > 4 { 3 } else { 2 };
    let figure = Panels { title: format!("{}: attractors", judge.name()), columns, panels };
    findings.figure(
        run,
        "attractors",
        "Free runs from the first sample of the test series, in the units that the models see. Dots are fixed points of the learned map near the attractor.",
        &figure,
    )
}

/// The range of values, a fifth wider.
fn wide(values: &[f64]) -> (f64, f64) {
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let pad = (0.1 * (high - low)).max(f64::MIN_POSITIVE);
    (low - pad, high + pad)
}

/// Whether a point lies within the box of the series, twice as large.
fn within(series: ArrayView2<'_, f64>, point: &[f64]) -> bool {
    series.axis_iter(Axis(1)).zip(point).all(|(c, v)| {
        let (low, high) = c.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
        let pad = 0.5 * (high - low);
        *v > low - pad && *v < high + pad
    })
}

fn time_series(judge: &Judge<'_>, model: &Entry, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let wanted =
        judge.exponent.filter(|e| *e > 0.0).map_or(SAMPLES, |e| (LYAPUNOV_TIMES / e / judge.dt) as usize);
    let n = wanted.clamp(2, SAMPLES).min(judge.test.nrows());
    let times: Vec<f64> = (0..n).map(|i| i as f64 * judge.dt).collect();
    let panels = judge.channels.iter().take(3).enumerate().map(|(c, channel)| {
        let line = |label: &str, series: &Array2<f64>, style: Style| Line {
            label: label.to_owned(),
            x: times.clone(),
            y: series.slice(s![..n, c]).to_vec(),
            style,
            band: None,
        };
        let axes = Axes { title: String::new(), x: "t".into(), y: channel.clone(), ..Axes::default() };
        let lines = vec![
            line("test series", &judge.test, Style::Solid),
            line(&model.name, &model.generated, Style::Dashed),
        ];
        Lines { axes, lines }
    });
    let figure = Panels {
        title: format!("{}: a free run beside the test series", judge.name()),
        columns: 1,
        panels: panels.collect(),
    };
    findings.figure(run, "time_series", "From the same start; chaos parts them sooner or later.", &figure)
}

fn spectra(judge: &Judge<'_>, entries: &[Entry], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let curve = |label: &str, series: ArrayView2<'_, f64>, style: Style| {
        let power = power_spectra(series, SMOOTHING);
        let n = series.nrows() as f64;
        // As many points as a picture can show, evenly on the logarithmic axis.
        let top = power.nrows().saturating_sub(1);
        let mut bins: Vec<usize> =
            (0..=400).map(|i| (top as f64).powf(f64::from(i) / 400.0).round() as usize).collect();
        bins.dedup();
        bins.retain(|k| (1..power.nrows()).contains(k));
        Line {
            label: label.to_owned(),
            x: bins.iter().map(|k| *k as f64 / (n * judge.dt)).collect(),
            y: bins.iter().map(|k| power[[*k, 0]]).collect(),
            style,
            band: None,
        }
    };
    let mut lines = vec![curve("test series", judge.test.view(), Style::Solid)];
    let finite = |e: &&Entry| e.generated.iter().all(|v| v.is_finite());
    for entry in entries.iter().filter(finite) {
        let style = if entry.role == "model" { Style::Solid } else { Style::Dashed };
        lines.push(curve(&entry.name, entry.generated.view(), style));
        if let Some(run) = entry.stochastic.as_ref().filter(|r| r.generated.iter().all(|v| v.is_finite())) {
            lines.push(curve(&format!("{}, innovations", entry.name), run.generated.view(), style));
        }
    }
    let axes = Axes {
        title: format!("power spectrum of {}", judge.channels[0]),
        x: "frequency, cycles per unit of time".into(),
        y: "share of the power".into(),
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "spectrum", "Smoothed over 20 bins, the sum of each is one.", &Lines { axes, lines })
}

fn errors(judge: &Judge<'_>, entries: &[Entry], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let leads: Vec<f64> = (1..=entries[0].errors.len()).map(|n| n as f64 * judge.dt).collect();
    let mut lines: Vec<Line> = entries
        .iter()
        .map(|e| Line {
            label: e.name.clone(),
            x: leads.clone(),
            y: e.errors.clone(),
            style: if e.role == "model" { Style::Solid } else { Style::Dashed },
            band: None,
        })
        .collect();
    lines.push(Line {
        label: "persistence".into(),
        x: leads.clone(),
        y: (1..=leads.len()).map(|lead| judge.persistence(lead)).collect(),
        style: Style::Dashed,
        band: None,
    });
    let axes = Axes {
        title: "prediction error".into(),
        x: "lead time t".into(),
        y: "mean squared error".into(),
        log_y: true,
        ..Axes::default()
    };
    findings.figure(run, "prediction_error", "From every sample of the test series.", &Lines { axes, lines })
}

fn returns(judge: &Judge<'_>, model: &Entry, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let last = judge.channels.len().min(3) - 1;
    let points = |label: &str, series: &Array2<f64>| {
        let pairs = return_map(series.column(last));
        let pairs = &pairs[..pairs.len().min(RETURNS)];
        Line {
            label: label.to_owned(),
            x: pairs.iter().map(|p| p.0).collect(),
            y: pairs.iter().map(|p| p.1).collect(),
            style: Style::Points,
            band: None,
        }
    };
    let channel = &judge.channels[last];
    let axes = Axes {
        title: format!("successive maxima of {channel}"),
        x: "maximum".into(),
        y: "next maximum".into(),
        ..Axes::default()
    };
    let lines = vec![points("test series", &judge.test), points(&model.name, &model.generated)];
    findings.figure(run, "return_map", "Of the test series and of the free run.", &Lines { axes, lines })
}

fn exponents(judge: &Judge<'_>, model: &Entry, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let Ok(spectrum) = &model.spectrum else { return Ok(()) };
    let stride = spectrum.times.len().div_ceil(400).max(1);
    // The first estimates are of few factors, and would stretch the axis.
    let settled = spectrum.times.len() / 20;
    let times: Vec<f64> = spectrum.times.iter().skip(settled).step_by(stride).map(|t| t * judge.dt).collect();
    let shown = spectrum.exponents.len().min(3);
    let mut lines: Vec<Line> = (0..shown)
        .map(|k| Line {
            label: format!("λ{}, {}", k + 1, model.name),
            x: times.clone(),
            y: spectrum.running.iter().skip(settled).step_by(stride).map(|r| r[k] / judge.dt).collect(),
            ..Line::default()
        })
        .collect();
    if let (Some(known), Some(last)) = (judge.exponent, times.last()) {
        lines.push(Line {
            label: format!("λ1, {}", judge.exponent_source),
            x: vec![times[0], *last],
            y: vec![known, known],
            style: Style::Dashed,
            band: None,
        });
    }
    // The largest ones decide about chaos; the strongly contracting ones would flatten them.
    if shown > 2 && spectrum.exponents[2] < -2.0 * spectrum.exponents[0].abs() {
        lines.remove(2);
    }
    let axes = Axes {
        title: "Lyapunov exponents".into(),
        x: "time along the free run".into(),
        y: "estimate, per unit of time".into(),
        ..Axes::default()
    };
    findings.figure(run, "lyapunov", "Estimates as the run goes on.", &Lines { axes, lines })
}

/// What `metrics.jsonl` tells of a training, if there was one.
fn training(run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let logged: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let curve = |name: &str, title: &str, log_y: bool| {
        let mut line = Line::default();
        for value in logged.iter().filter(|v| v["name"] == name && v["model"] == "model") {
            line.x.push(value["epoch"].as_f64().unwrap_or(f64::NAN));
            line.y.push(value["value"].as_f64().unwrap_or(f64::NAN));
        }
        let axes =
            Axes { title: title.into(), x: "epoch".into(), y: String::new(), log_y, ..Axes::default() };
        (!line.x.is_empty()).then_some(Lines { axes, lines: vec![line] })
    };
    let panels: Vec<Lines> = [
        curve("epoch_loss", "loss", true),
        curve("d_stsp_plus_d_hellinger", "validation: D_stsp + D_H of a free run", true),
        curve("alpha", "strength of forcing α", false),
    ]
    .into_iter()
    .flatten()
    .collect();
    if panels.is_empty() {
        return Ok(());
    }
    let figure = Panels { title: "training".into(), columns: 3, panels };
    findings.figure(run, "training", "The weights kept are those of the lowest validation score.", &figure)
}
