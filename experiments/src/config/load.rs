//! From a file, overrides and `--quick` to a checked configuration.

use std::ops::Range;
use std::path::{Path, PathBuf};

use flowmap_solvers::issue::Issue;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::{CHOICES, ConfigErrors, ExperimentConfig, Problem};

/// What the command line changes.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `a.b=value`, in order.
    pub set: Vec<String>,
    /// The seed.
    pub seed: Option<u64>,
    /// A smaller version of the same experiment.
    pub quick: bool,
}

/// A checked configuration with its source.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration with all overrides.
    pub config: ExperimentConfig,
    /// The file's text.
    pub source: String,
    /// The file.
    pub path: PathBuf,
    /// Of a sweep: the name and the configuration of every member.
    pub members: Vec<(String, Loaded)>,
}

/// Reads, overrides and checks a configuration.
///
/// # Errors
/// All problems at once, each with its position where it has one.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, ConfigErrors> {
    let fail =
        |source: &str, problems| ConfigErrors { path: path.to_owned(), source: source.to_owned(), problems };
    let lone = |message: String, hint: &str| Problem { message, span: None, hint: Some(hint.to_owned()) };
    let source = std::fs::read_to_string(path).map_err(|e| {
        let hint =
            "give the path of a config file; `experiment list configs` shows those that come with Flowmap";
        fail("", vec![lone(format!("{}: {e}", path.display()), hint)])
    })?;
    let document = DeTable::parse(&source).map_err(|e| fail(&source, vec![from_toml(&e)]))?;
    let choices = ambiguous(document.get_ref());
    if !choices.is_empty() {
        return Err(fail(&source, choices));
    }
    let config: ExperimentConfig = toml::from_str(&source).map_err(|e| fail(&source, vec![from_toml(&e)]))?;
    let mut table: Table = toml::from_str(&source).map_err(|e| fail(&source, vec![from_toml(&e)]))?;
    let mut applied = Vec::new();
    if overrides.quick {
        for (key, value) in &config.quick {
            set(&mut table, key, value.clone()).map_err(|e| fail(&source, vec![e]))?;
            applied.push(format!("quick.{key}"));
        }
    }
    for text in &overrides.set {
        let Some((key, value)) = text.split_once('=') else {
            let message = format!("--set {text}: no '='");
            return Err(fail(&source, vec![lone(message, "write --set a.b=value")]));
        };
        set(&mut table, key.trim(), parse_value(value.trim())).map_err(|e| fail(&source, vec![e]))?;
        applied.push(format!("--set {text}"));
    }
    if let Some(seed) = overrides.seed {
        table.insert("seed".to_owned(), Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX)));
    }
    let finish = |config: Result<ExperimentConfig, toml::de::Error>, applied: &[String]| {
        let mut config = config.map_err(|e| {
            let mut problem = from_toml(&e);
            problem.span = None;
            problem.message = format!("{} (after {})", problem.message, applied.join(", "));
            fail(&source, vec![problem])
        })?;
        if overrides.quick && config.quick.is_empty() {
            shrink(&mut config);
        }
        config.settle();
        if let Some(file) = &mut config.data.file
            && let Some(folder) = path.parent()
        {
            // What is absolute stays so.
            file.path = folder.join(&file.path);
            file.test = file.test.take().map(|test| folder.join(test));
        }
        let start = config.train.as_mut().and_then(|t| t.start.as_mut());
        if let (Some(start), Some(folder)) = (start, path.parent()) {
            start.path = folder.join(&start.path);
        }
        let observations = config.assimilation.as_mut().and_then(|a| a.file.as_mut());
        if let (Some(file), Some(folder)) = (observations, path.parent()) {
            file.path = folder.join(&file.path);
        }
        let problems: Vec<_> = config
            .problems()
            .into_iter()
            .map(|issue| {
                let key = |a: &&String| a.split('=').next().is_some_and(|k| k.trim().ends_with(&issue.path));
                match applied.iter().rfind(key) {
                    // The value is not the file's.
                    Some(change) => Problem {
                        message: format!("{}: {} (after {change})", issue.path, issue.message),
                        span: None,
                        hint: issue.hint,
                    },
                    None => placed(&source, issue),
                }
            })
            .collect();
        if problems.is_empty() { Ok(config) } else { Err(fail(&source, problems)) }
    };
    let in_sweep = |message: String| {
        let span = locate(document.get_ref(), "sweep");
        fail(&source, vec![Problem { message, span, hint: Some(SWEEP_HINT.to_owned()) }])
    };
    let sweep = match table.remove("sweep") {
        Some(Value::Table(sweep)) => flattened(&sweep),
        Some(other) => return Err(in_sweep(format!("sweep: {other} is no table"))),
        None => Table::new(),
    };
    let mut members: Vec<(String, Loaded)> = Vec::new();
    for combination in combinations(&sweep).map_err(in_sweep)? {
        let mut table = table.clone();
        let mut applied = applied.clone();
        for (key, value) in &combination {
            set(&mut table, key, value.clone()).map_err(|e| fail(&source, vec![e]))?;
            applied.push(format!("sweep: {key} = {value}"));
        }
        let config = finish(ExperimentConfig::deserialize(table), &applied)?;
        let member = Loaded { config, source: source.clone(), path: path.to_owned(), members: Vec::new() };
        let name = member_name(&combination);
        if members.iter().any(|(n, _)| *n == name) {
            return Err(in_sweep(format!("sweep: two members are '{name}'")));
        }
        members.push((name, member));
    }
    if members.is_empty() && document.get_ref().contains_key("sweep") {
        return Err(in_sweep("sweep: no key to vary".to_owned()));
    }
    let mut config = finish(ExperimentConfig::deserialize(table), &applied)?;
    config.sweep = sweep;
    Ok(Loaded { config, source, path: path.to_owned(), members })
}

const SWEEP_HINT: &str = "write for example [sweep] seed = [0, 1, 2]";

/// The most members of a sweep.
const MOST_MEMBERS: usize = 10_000;

/// A sweep as dotted keys: they may be written so, or as nested tables.
fn flattened(sweep: &Table) -> Table {
    fn walk(table: &Table, prefix: &str, out: &mut Table) {
        for (key, value) in table {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Table(inner) => walk(inner, &key, out),
                // What `--set` or `[quick]` gave later stands.
                value => drop(out.insert(key, value.clone())),
            }
        }
    }
    let mut out = Table::new();
    walk(sweep, "", &mut out);
    out
}

/// Every combination of the values of a sweep, the last key fastest; none without a key.
fn combinations(sweep: &Table) -> Result<Vec<Vec<(String, Value)>>, String> {
    let mut all: Vec<Vec<(String, Value)>> = Vec::new();
    for (key, value) in sweep {
        let values = value.as_array().filter(|v| !v.is_empty());
        let values = values.ok_or_else(|| format!("sweep.{key}: {value} is no list of values"))?;
        if all.len().max(1) * values.len() > MOST_MEMBERS {
            return Err(format!("sweep: more than {MOST_MEMBERS} members"));
        }
        if all.is_empty() {
            all.push(Vec::new());
        }
        let with = |done: &Vec<(String, Value)>, v: &Value| {
            let mut next = done.clone();
            next.push((key.clone(), v.clone()));
            next
        };
        all = all.iter().flat_map(|done| values.iter().map(|v| with(done, v)).collect::<Vec<_>>()).collect();
    }
    Ok(all)
}

/// A folder's name for a combination: `system=halvorsen,seed=3`.
fn member_name(combination: &[(String, Value)]) -> String {
    let plain = |value: &Value| match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    let parts = combination.iter().map(|(key, value)| {
        let text = format!("{}={}", key.rsplit('.').next().unwrap_or(key), plain(value));
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.=+".contains(c) { c } else { '_' }).collect()
    });
    parts.collect::<Vec<String>>().join(",")
}

impl Loaded {
    /// A problem that shows only when the experiment runs, at its place in the file.
    pub fn explain(&self, issue: Issue) -> ConfigErrors {
        ConfigErrors {
            path: self.path.clone(),
            source: self.source.clone(),
            problems: vec![placed(&self.source, issue)],
        }
    }
}

/// An issue at its place in the file's text.
fn placed(source: &str, issue: Issue) -> Problem {
    let span = DeTable::parse(source).ok().and_then(|d| locate(d.get_ref(), &issue.path));
    Problem { message: format!("{}: {}", issue.path, issue.message), span, hint: issue.hint }
}

/// Without a `[quick]` table: fewer trajectories, fewer epochs.
fn shrink(config: &mut ExperimentConfig) {
    let data = &mut config.data;
    data.train = data.train.min(4);
    data.validation = data.validation.min(1);
    data.test = data.test.min(2);
    if config.problem.is_none() {
        data.steps = if data.steps == 0 { 2000 } else { data.steps.min(2000) };
    }
    if let Some(train) = &mut config.train {
        train.epochs = train.epochs.min(1);
    }
}

/// Tables of one choice that hold several.
fn ambiguous(document: &DeTable<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for choice in CHOICES {
        let mut table = document;
        let mut found = true;
        for key in choice.split('.') {
            match table.get(key).and_then(|v| v.get_ref().as_table()) {
                Some(next) => table = next,
                None => found = false,
            }
        }
        if !found || table.len() < 2 {
            continue;
        }
        let names: Vec<_> = table.iter().map(|(k, _)| k.get_ref().to_string()).collect();
        if let Some((second, _)) = table.iter().max_by_key(|(k, _)| k.span().start) {
            problems.push(Problem {
                message: format!("several choices for [{choice}]: {}", names.join(", ")),
                span: Some(second.span()),
                hint: Some(format!("keep exactly one [{choice}.NAME]")),
            });
        }
    }
    problems
}

/// The place of a dotted path, or of the longest part of it that is there.
fn locate(document: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let mut table = document;
    let mut span = None;
    for key in path.split('.') {
        let Some((name, value)) = table.get_key_value(key) else { break };
        let whole = matches!(value.get_ref(), DeValue::Table(_));
        span = Some(if whole { name.span() } else { value.span() });
        match value.get_ref().as_table() {
            Some(next) => table = next,
            None => break,
        }
    }
    span
}

/// Sets a dotted key. A choice of another variant replaces the one that was there.
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), Problem> {
    let keys: Vec<_> = key.split('.').collect();
    let fail = |what: String| Problem {
        message: format!("{key}: {what}"),
        span: None,
        hint: Some("write --set a.b=value with the keys of the config".into()),
    };
    let (Some((last, parents)), false) = (keys.split_last(), keys.iter().any(|k| k.is_empty())) else {
        return Err(fail("no key".into()));
    };
    let mut table = table;
    for (depth, name) in parents.iter().enumerate() {
        let choice = CHOICES.contains(&parents[..depth].join(".").as_str());
        if choice && !table.contains_key(*name) {
            table.clear();
        }
        let next = table.entry((*name).to_owned()).or_insert_with(|| Value::Table(Table::new()));
        table = next.as_table_mut().ok_or_else(|| fail(format!("'{name}' is no table")))?;
    }
    if CHOICES.contains(&parents.join(".").as_str()) && !table.contains_key(*last) {
        table.clear();
    }
    table.insert((*last).to_owned(), value);
    Ok(())
}

/// A TOML value; what is none is a string.
fn parse_value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("x = {text}"))
        .ok()
        .and_then(|mut t| t.remove("x"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// An error of the parser, with a suggestion where a name is nearly right.
fn from_toml(error: &toml::de::Error) -> Problem {
    let message = error.message().to_owned();
    // "unknown field `x`, expected one of `a`, `b`": the names stand between backticks.
    let mut names = message.split('`').skip(1).step_by(2);
    let hint = if message.starts_with("unknown ") {
        let wrong = names.next().unwrap_or_default().to_owned();
        let known: Vec<_> = names.map(str::to_owned).collect();
        let distance = |name: &str| strsim::osa_distance(name, &wrong);
        let nearest = known.iter().min_by_key(|n| distance(n));
        nearest.filter(|n| distance(n) <= 2.max(wrong.len() / 3)).map(|n| format!("did you mean '{n}'?"))
    } else if message.contains("wanted exactly 1 element") {
        Some("name one choice as a sub-table, such as [problem.kdv]".into())
    } else {
        None
    };
    Problem { message, span: error.span(), hint }
}
