//! The members of a sweep side by side, and what they say together.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::Progress;
use super::run::Shared;
use crate::config::Loaded;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::metric::quantile;
use crate::plot::{Axes, Line, Lines, Panels, Style};
use crate::report::Summary;
use crate::run_dir::RunDir;

/// Metrics that a table of members shows at most, and a figure at most.
const COLUMNS: usize = 8;
const PANELS: usize = 6;

/// The errors of several methods in one picture.
const FAMILY: &str = "rel_l2_";

/// Metrics that tell of the making, not of the result.
const HOUSEKEEPING: [&str; 7] =
    ["solve_s", "train_s", "params", "macs", "forward_ms", "backward_ms", "reference_rel_l2"];

/// The errors of a model of fields, drawn against what is swept.
const OF_FIELDS: [&str; 2] = ["one_step_rel_l2", "rollout_rel_l2"];

impl Shared<'_> {
    /// Runs every member in a folder of its own below `members/`, as many at once as there are threads. A member that
    /// fails numerically keeps what it has; the others go on. With `--resume`, finished members are left as they are.
    pub(super) fn sweep(&self, loaded: &Loaded, run: &RunDir) -> Result<Findings, Error> {
        let members = &loaded.members;
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let bar = self.progress.bar("members", members.len() as u64, 0);
        let ended: Mutex<Option<Error>> = Mutex::new(None);
        let stop = |error: Error| {
            if let Ok(mut first) = ended.lock() {
                first.get_or_insert(error);
            }
        };
        let stopped = || ended.lock().is_ok_and(|e| e.is_some());
        let work = || {
            while let Some((name, member)) = members.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stopped() {
                    break;
                }
                match self.member(name, member, run) {
                    Ok(()) => {}
                    // What is wrong with one member is not wrong with the others.
                    Err(error @ (Error::Numerical(_) | Error::Data(_))) => {
                        self.progress.say(&format!("{name}: {error}"));
                    }
                    Err(error) => stop(error),
                }
                let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                bar.at(count as u64, name);
                self.progress.say(&format!("member {count}/{}: {name} {}", members.len(), brief(run, name)));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..rayon::current_num_threads().min(members.len()) {
                scope.spawn(work);
            }
            work();
        });
        bar.finish();
        if let Some(error) = ended.into_inner().ok().flatten() {
            return Err(error);
        }
        together(loaded, run)
    }

    fn member(&self, name: &str, member: &Loaded, run: &RunDir) -> Result<(), Error> {
        let folder = run.join("members").join(name);
        let quiet = Progress::new(true, false);
        let here = Shared { progress: &quiet, ..*self };
        if self.resume && folder.join("resolved.toml").exists() {
            let again = RunDir::reopen(Some(&folder), member)?;
            if Summary::read(&folder).is_ok_and(|s| s.status() == "done") {
                return Ok(());
            }
            return here.one(member, &again);
        }
        Shared { resume: false, ..here }.one(member, &RunDir::create(Some(&folder), member)?)
    }
}

/// The first metrics of a finished member, for a line.
fn brief(run: &RunDir, name: &str) -> String {
    let Ok(summary) = Summary::read(&run.join("members").join(name)) else { return String::new() };
    let shown = summary.metrics.iter().filter(|(k, _)| !HOUSEKEEPING.contains(&k.as_str()));
    let shown = shown.filter_map(|(k, v)| v.as_f64().map(|v| format!("{k} {v:.4}")));
    shown.take(4).collect::<Vec<_>>().join(", ")
}

/// What a member without a metric counts as: a failure must not improve a median. A metric without a better and a
/// worse is left out.
fn worst(name: &str) -> Option<f64> {
    let name = name.split_once("baseline_").map_or(name, |(_, of)| of);
    let is = |parts: &[&str]| parts.iter().any(|p| name.contains(p));
    if is(&["valid_", "accuracy"]) {
        Some(f64::NEG_INFINITY)
    } else if is(&["d_stsp", "d_hellinger", "rel_l2", "pe_"]) && !name.starts_with("floor") {
        Some(f64::INFINITY)
    } else {
        None
    }
}

/// Medians over the members as metrics, a table, a figure.
fn together(loaded: &Loaded, run: &RunDir) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let names: Vec<&String> = loaded.members.iter().map(|(name, _)| name).collect();
    let summaries = names
        .iter()
        .map(|name| Summary::read(&run.join("members").join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut metrics: Vec<&String> = Vec::new();
    for summary in &summaries {
        metrics.extend(summary.metrics.keys().filter(|k| !metrics.contains(k)).collect::<Vec<_>>());
    }
    let value = |s: &Summary, name: &str| s.metrics.get(name).and_then(Value::as_f64);
    let mut quantiles = Vec::new();
    for name in &metrics {
        let values: Vec<f64> =
            summaries.iter().filter_map(|s| value(s, name).or_else(|| worst(name))).collect();
        let [low, median, high] = [0.25, 0.5, 0.75].map(|q| quantile(&values, q));
        findings.metric(name.as_str(), median);
        let missing = summaries.iter().filter(|s| value(s, name).is_none()).count();
        quantiles.push(json!([name, low, median, high, missing]));
    }
    let failed = summaries.iter().filter(|s| s.status() != "done").count();
    findings.metric("members", summaries.len() as f64);
    findings.metric("members_failed", failed as f64);
    if failed == summaries.len() {
        findings.failure = Some(format!("all {failed} members failed; the first: {}", summaries[0].status()));
    }
    findings.notes.push(format!(
        "{} members, {failed} of them failed. Every metric is the median over the members; where a member lacks an error or a valid time, it counts as the worst.",
        summaries.len()
    ));
    findings.tables.push(json!({
        "title": "Over the members",
        "columns": ["metric", "25 %", "median", "75 %", "members without it"],
        "rows": quantiles,
    }));
    let varies = |name: &&&String| {
        let values: Vec<_> = summaries.iter().map(|s| value(s, name)).collect();
        values.windows(2).any(|v| v[0] != v[1])
    };
    let judges = |name: &&&String| !HOUSEKEEPING.contains(&name.as_str());
    let shown: Vec<&&String> = metrics.iter().filter(judges).filter(varies).take(COLUMNS).collect();
    let mut columns = vec![json!("member"), json!("status")];
    columns.extend(shown.iter().map(|n| json!(n)));
    let rows: Vec<Value> = names
        .iter()
        .zip(&summaries)
        .map(|(name, s)| {
            let mut row = vec![json!(name), json!(s.status())];
            row.extend(shown.iter().map(|n| s.metrics.get(**n).cloned().unwrap_or(Value::Null)));
            Value::Array(row)
        })
        .collect();
    findings.tables.push(json!({"title": "Members", "columns": columns, "rows": rows}));
    let panels = shown.iter().take(PANELS).map(|name| {
        let y: Vec<f64> = summaries.iter().map(|s| value(s, name).unwrap_or(f64::NAN)).collect();
        let spread = y
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        let axes = Axes {
            title: (**name).clone(),
            x: "member".into(),
            y: String::new(),
            log_y: spread.0 > 0.0 && spread.1 > 30.0 * spread.0,
            ..Axes::default()
        };
        let x = (1..=y.len()).map(|i| i as f64).collect();
        Lines { axes, lines: vec![Line { x, y, style: Style::Points, ..Line::default() }] }
    });
    let figure = Panels { title: loaded.config.name.clone(), columns: 2, panels: panels.collect() };
    if !figure.panels.is_empty() {
        findings.figure(run, "members", "One point a member, in the order of the table.", &figure)?;
    }
    against(loaded, &summaries, &metrics, run, &mut findings)?;
    Ok(findings)
}

/// The errors of all methods, or of a model of fields, against every number that is swept but the seed: medians, and bands from the 25 %
/// to the 75 % quantile over the members that share it; a line for each value of the words that are swept.
fn against(
    loaded: &Loaded,
    summaries: &[Summary],
    metrics: &[&String],
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let sweep = Swept::new(&loaded.config.sweep, summaries);
    let family: Vec<&str> = metrics
        .iter()
        .map(|m| m.as_str())
        .filter(|m| m.starts_with(FAMILY) && !m.starts_with("rel_l2_f_"))
        .collect();
    let of_fields: Vec<&str> =
        OF_FIELDS.into_iter().filter(|m| metrics.iter().any(|have| *have == m)).collect();
    for (key, numbers) in sweep.numbers() {
        let curve = |metric: &str, word: Option<(&str, &str)>, label: String| {
            let at = |q: f64| -> Vec<f64> {
                let of = |j: usize| {
                    let members = (0..summaries.len()).filter(|i| {
                        sweep.place(key, *i) == j
                            && word.is_none_or(|(k, value)| sweep.word(k, *i) == Some(value))
                    });
                    let found = members.map(|i| summaries[i].metrics.get(metric).and_then(Value::as_f64));
                    quantile(&found.map(|v| v.unwrap_or(f64::INFINITY)).collect::<Vec<_>>(), q)
                };
                (0..numbers.len())
                    .map(|j| Some(of(j)).filter(|v| v.is_finite()).unwrap_or(f64::NAN))
                    .collect()
            };
            Line {
                label,
                x: numbers.clone(),
                y: at(0.5),
                band: Some((at(0.25), at(0.75))),
                ..Line::default()
            }
        };
        let log_x = numbers.iter().all(|n| *n > 0.0);
        let axes = |title: String| Axes {
            title,
            x: key.to_owned(),
            y: "relative L2 error".into(),
            log_x,
            log_y: true,
            ..Axes::default()
        };
        let stem = format!("error_by_{}", key.rsplit('.').next().unwrap_or(key));
        let caption =
            "Medians, and bands from the 25 % to the 75 % quantile, over the members that share a value.";
        if !family.is_empty() {
            let lines = family.iter().map(|m| curve(m, None, m.trim_start_matches(FAMILY).to_owned()));
            let axes = axes(format!("{}: errors", loaded.config.name));
            findings.figure(run, &stem, caption, &Lines { axes, lines: lines.collect() })?;
        } else if !of_fields.is_empty() {
            let words = sweep.words();
            let panels = of_fields.iter().map(|metric| {
                let all = || vec![curve(metric, None, (*metric).to_owned())];
                let lines: Vec<Line> = words
                    .iter()
                    .map(|(k, v)| curve(metric, Some((k, v)), format!("{}: {v}", short(k))))
                    .collect();
                Lines {
                    axes: axes((*metric).to_owned()),
                    lines: if lines.is_empty() { all() } else { lines },
                }
            });
            let figure = Panels { title: loaded.config.name.clone(), columns: 2, panels: panels.collect() };
            findings.figure(run, &stem, caption, &figure)?;
        }
    }
    Ok(())
}

/// The last part of a dotted key.
fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Which member has which values.
struct Swept<'a> {
    /// Keys, their values, and after how many members the value changes.
    keys: Vec<(&'a str, &'a [toml::Value], usize)>,
}

impl<'a> Swept<'a> {
    fn new(sweep: &'a toml::Table, summaries: &[Summary]) -> Self {
        let mut stride = summaries.len();
        let mut keys = Vec::new();
        for (key, values) in sweep {
            let Some(values) = values.as_array().filter(|v| !v.is_empty()) else { continue };
            // The last key varies fastest.
            stride /= values.len();
            keys.push((key.as_str(), &values[..], stride.max(1)));
        }
        Self { keys }
    }

    /// The keys whose values are several numbers, but the seed.
    fn numbers(&self) -> Vec<(&'a str, Vec<f64>)> {
        let number = |v: &toml::Value| v.as_float().or_else(|| v.as_integer().map(|i| i as f64));
        let of = |(key, values, _): &(&'a str, &'a [toml::Value], usize)| {
            let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
            numbers.filter(|n| n.len() > 1 && *key != "seed").map(|numbers| (*key, numbers))
        };
        self.keys.iter().filter_map(of).collect()
    }

    /// The keys whose values are several words, with each of them.
    fn words(&self) -> Vec<(&'a str, &'a str)> {
        let several = self.keys.iter().filter(|(_, values, _)| values.len() > 1);
        several.flat_map(|(key, values, _)| values.iter().filter_map(|v| Some((*key, v.as_str()?)))).collect()
    }

    /// The place of a member's value among those of a key.
    fn place(&self, key: &str, member: usize) -> usize {
        let found = self.keys.iter().find(|(k, ..)| *k == key);
        found.map_or(0, |(_, values, stride)| member / stride % values.len())
    }

    /// The member's word of a key.
    fn word(&self, key: &str, member: usize) -> Option<&'a str> {
        let (_, values, _) = self.keys.iter().find(|(k, ..)| *k == key)?;
        values[self.place(key, member)].as_str()
    }
}
