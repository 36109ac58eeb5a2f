//! What a twin experiment says in numbers.

use serde_json::{Value, json};

use super::twin::{Course, Trial, Twin};
use super::{Entry, View};
use crate::evaluate::Findings;

/// Averages over the cycles after those that are left out, one for each trial.
pub(super) struct Scores {
    /// Root mean square errors of the analysis and the forecast in observed cycles, and the spread then.
    pub(super) analysis: Vec<f64>,
    pub(super) forecast: Vec<f64>,
    pub(super) spread: Vec<f64>,
    /// Errors over all cycles relative to the truth: of the estimate, and of the forecast before it.
    pub(super) all: Vec<f64>,
    pub(super) predicted: Vec<f64>,
    pub(super) crps: Vec<f64>,
    /// Innovations in units of their noise.
    pub(super) innovation: Vec<f64>,
    /// Milliseconds of a cycle.
    pub(super) cost: Vec<f64>,
    /// How long forecasts from estimates are valid.
    pub(super) valid: Vec<f64>,
}

impl Scores {
    pub(super) fn of(courses: &[Course], trials: &[Trial<'_>], discard: usize) -> Self {
        // A filter that ended early has no average.
        let over = |of: &dyn Fn(&Course, &Trial<'_>) -> f64| -> Vec<f64> {
            let pairs = courses.iter().zip(trials);
            pairs.map(|(c, t)| if c.failure.is_none() { of(c, t) } else { f64::NAN }).collect()
        };
        let relative = |series: &[f64], trial: &Trial<'_>| {
            let squares: Vec<f64> = series.iter().skip(discard).map(|e| e * e).collect();
            let truth: Vec<f64> = trial.truth.states.iter().flatten().map(|v| v * v).collect();
            (mean(&squares) / mean(&truth)).sqrt()
        };
        Self {
            analysis: over(&|c, t| mean(&observed(&c.estimate, t, discard))),
            forecast: over(&|c, t| mean(&observed(&c.forecast, t, discard))),
            spread: over(&|c, t| mean(&observed(&c.spread, t, discard))),
            all: over(&|c, t| relative(&c.estimate, t)),
            predicted: over(&|c, t| relative(&c.forecast, t)),
            crps: over(&|c, _| c.crps.unwrap_or(f64::NAN)),
            innovation: over(&|c, _| {
                let squares: Vec<f64> = c.innovation.iter().map(|d| d * d).collect();
                mean(&squares).sqrt()
            }),
            cost: over(&|c, _| 1e3 * c.seconds / c.estimate.len().max(1) as f64),
            valid: over(&|c, _| mean(&c.valid)),
        }
    }
}

/// The values of the cycles that are averaged over and in which something was seen.
pub(super) fn observed(series: &[f64], trial: &Trial<'_>, discard: usize) -> Vec<f64> {
    let seen = trial.events.iter().enumerate().skip(discard).filter(|(_, e)| e.seen.is_some());
    seen.filter_map(|(k, _)| series.get(k).copied()).collect()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { f64::NAN } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Metrics, tables and notes.
pub(super) fn measure(twin: &Twin<'_>, views: &[View<'_>], findings: &mut Findings) {
    findings.metric("climate_deviation", twin.climate_deviation);
    for view in views {
        let suffix = &view.scene.suffix;
        findings.metric(format!("observation_deviation{suffix}"), view.scene.deviation);
        let mut rows = Vec::new();
        for entry in &view.entries {
            one(twin, entry, view, suffix, findings);
            rows.push(row(entry));
        }
        let scene = suffix.strip_prefix('_').map(|s| format!("{s}: ")).unwrap_or_default();
        findings.tables.push(json!({
            "title": format!("{scene}filters, means over {} trials", view.trials.len()),
            "columns": ["name", "method", "moved by", "RMSE of the analysis", "its range over trials", "RMSE of the forecast", "spread", "CRPS", "relative L2 over all cycles", "innovation / noise", "forecasts valid for, units of time", "ms a cycle"],
            "rows": rows,
        }));
    }
    if views.len() > 1 {
        together(views, findings);
    }
}

/// The relative errors of all filters in all scenes.
fn together(views: &[View<'_>], findings: &mut Findings) {
    let mut columns = vec![json!("name"), json!("moved by")];
    columns.extend(views.iter().map(|v| json!(v.scene.suffix.trim_start_matches('_'))));
    let rows: Vec<Value> = (0..views[0].entries.len())
        .map(|i| {
            let entry = &views[0].entries[i];
            let mut row = vec![json!(entry.name), json!(entry.moved)];
            row.extend(views.iter().map(|v| json!(shown(&v.entries[i].scores.all))));
            Value::Array(row)
        })
        .collect();
    findings.tables.insert(
        0,
        json!({"title": "Relative L2 error over all cycles, means over trials", "columns": columns, "rows": rows}),
    );
}

fn ensemble(entry: &Entry<'_>) -> bool {
    entry.courses[0].ranks.len() > 2
}

fn shown(values: &[f64]) -> String {
    let mean = mean(values);
    if mean.is_finite() { format!("{mean:.4}") } else { String::new() }
}

fn row(entry: &Entry<'_>) -> Value {
    let s = &entry.scores;
    let range = |l: f64, h: f64| if l.is_finite() { format!("{l:.4} … {h:.4}") } else { String::new() };
    let finite = || s.analysis.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let of_ensemble = |v: &[f64]| if ensemble(entry) { shown(v) } else { String::new() };
    json!([
        entry.name,
        entry.method,
        entry.moved,
        shown(&s.analysis),
        range(low, high),
        shown(&s.forecast),
        of_ensemble(&s.spread),
        of_ensemble(&s.crps),
        shown(&s.all),
        shown(&s.innovation),
        shown(&s.valid),
        format!("{:.3}", mean(&s.cost)),
    ])
}

fn one(twin: &Twin<'_>, entry: &Entry<'_>, view: &View<'_>, suffix: &str, findings: &mut Findings) {
    let (name, s) = (format!("{}{suffix}", entry.name), &entry.scores);
    // Without a truth there are innovations only.
    let told = view.trials.iter().any(|t| !t.truth.states.is_empty());
    if told {
        findings.metric(format!("rmse_a_{name}"), mean(&s.analysis));
        findings.metric(format!("rmse_f_{name}"), mean(&s.forecast));
        findings.metric(format!("rel_l2_{name}"), mean(&s.all));
        findings.metric(format!("rel_l2_f_{name}"), mean(&s.predicted));
    }
    if twin.config.forecasts > 0 {
        findings.metric(format!("valid_time_{name}"), mean(&s.valid));
        if let Some(exponent) = twin.problem.lyapunov_exponent() {
            findings.metric(format!("valid_lyapunov_times_{name}"), exponent * mean(&s.valid));
        }
    }
    let longest = entry.courses.iter().map(|c| &c.drift).max_by_key(|d| d.len());
    for (i, (quantity, _)) in longest.into_iter().flatten().enumerate() {
        let of = |c: &Course| c.drift.get(i).map_or(f64::NAN, |d| d.1);
        let worst = entry.courses.iter().map(of).fold(0.0, |a: f64, b| if b.is_nan() { b } else { a.max(b) });
        findings.metric(format!("{quantity}_drift_{name}"), worst);
    }
    findings.metric(format!("innovation_{name}"), mean(&s.innovation));
    findings.metric(format!("ms_per_cycle_{name}"), mean(&s.cost));
    if ensemble(entry) {
        findings.metric(format!("spread_{name}"), mean(&s.spread));
        if told {
            findings.metric(format!("crps_{name}"), mean(&s.crps));
        }
    }
    for (course, trial) in entry.courses.iter().zip(&view.trials) {
        let trial = trial.truth.index + 1;
        if let Some((cycle, why)) = &course.failure {
            findings.notes.push(format!("{name} ended in cycle {cycle} of trial {trial}: {why}."));
        }
        if let Some(cycle) = course.lost {
            findings.notes.push(format!(
                "{name} lost the truth in cycle {cycle} of trial {trial}: from there its error stays above the climate's deviation."
            ));
        }
    }
    if entry.courses.iter().any(|c| c.failure.is_some()) {
        findings.notes.push(format!("{name}: trials that ended early make its averages null."));
    }
}
