//! `report.html`, from the files of a run folder alone.

mod html;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::Error;
use html::{escape, table};

/// What `summary.json` says.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The experiment's name.
    pub name: String,
    /// The metrics.
    pub metrics: Map<String, Value>,
    value: Value,
}

impl Summary {
    /// Reads a run folder's summary.
    ///
    /// # Errors
    /// If the folder has none, or it is damaged.
    pub fn read(run: &Path) -> Result<Self, Error> {
        let path = run.join("summary.json");
        let text = fs::read_to_string(&path).map_err(|e| Error::Usage {
            message: format!("{}: {e}", path.display()),
            hint: "give the folder of a run that has ended".into(),
        })?;
        let value: Value = serde_json::from_str(&text).map_err(|e| Error::Usage {
            message: format!("{}: {e}", path.display()),
            hint: "the file is damaged: run the experiment again".into(),
        })?;
        Ok(Self {
            name: value["name"].as_str().unwrap_or_default().to_owned(),
            metrics: value["metrics"].as_object().cloned().unwrap_or_default(),
            value,
        })
    }
}

impl Summary {
    /// How the run ended.
    pub fn status(&self) -> &str {
        self.value["status"].as_str().unwrap_or_default()
    }
}

/// Writes the report: one file that needs no network.
///
/// # Errors
/// If the folder is no run folder, or the report cannot be written.
pub fn write(run: &Path) -> Result<PathBuf, Error> {
    let summary = Summary::read(run)?;
    let read = |name: &str| fs::read_to_string(run.join(name)).unwrap_or_default();
    let json = |name: &str| serde_json::from_str::<Value>(&read(name)).unwrap_or_default();
    let mut body = format!("<h1>{}</h1>\n", escape(&summary.name));
    let config: toml::Table = toml::from_str(&read("config.toml")).unwrap_or_default();
    if let Some(text) = config.get("description").and_then(|d| d.as_str()) {
        body += &format!("<p>{}</p>\n", escape(text));
    }
    let status = summary.status();
    let class = if status == "done" { "good" } else { "bad" };
    body += &format!("<p class=\"{class}\">Status: {}</p>\n", escape(status));
    for note in summary.value["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        body += &format!("<p>{}</p>\n", escape(note));
    }
    for t in summary.value["tables"].as_array().into_iter().flatten() {
        let cells = |v: &Value| -> Vec<String> { v.as_array().into_iter().flatten().map(show).collect() };
        let rows: Vec<_> = t["rows"].as_array().into_iter().flatten().map(cells).collect();
        body += &table(t["title"].as_str().unwrap_or_default(), &cells(&t["columns"]), &rows);
    }
    for figure in json("plots/index.json").as_array().into_iter().flatten() {
        let (Some(file), Some(title)) = (figure["file"].as_str(), figure["title"].as_str()) else { continue };
        let svg = read(&format!("plots/{file}"));
        // The drawing alone, without the declaration of a document of its own; an animation stays in its file.
        let drawing = match svg.find("<svg") {
            Some(start) => svg[start..].to_owned(),
            None if file.ends_with(".png") => format!("<img src=\"plots/{0}\" alt=\"{0}\">", escape(file)),
            None => continue,
        };
        let caption = figure["caption"].as_str().unwrap_or_default();
        body += &format!(
            "<figure><h2>{}</h2>\n{drawing}\n<figcaption>{}</figcaption></figure>\n",
            escape(title),
            escape(caption)
        );
    }
    let pairs = |m: &Map<String, Value>| m.iter().map(|(k, v)| vec![k.clone(), show(v)]).collect::<Vec<_>>();
    body += &table("Metrics", &["metric".into(), "value".into()], &pairs(&summary.metrics));
    let heading = ["".to_owned(), "".to_owned()];
    let mut facts = json("run.json").as_object().cloned().unwrap_or_default();
    facts.insert("wall_s".into(), summary.value["wall_s"].clone());
    facts.insert("peak_rss_mb".into(), summary.value["peak_rss_mb"].clone());
    body += &table("Provenance", &heading, &pairs(&facts));
    if let Some(card) = json("data_card.json").as_object() {
        body += &table("Data card", &heading, &pairs(card));
    }
    body += &format!("<h2>Config</h2>\n<pre>{}</pre>\n", escape(&read("resolved.toml")));
    let path = run.join("report.html");
    crate::run_dir::write_atomically(&path, html::page(&summary.name, &body).as_bytes())?;
    Ok(path)
}

/// A value in a table.
fn show(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(s) => s.clone(),
        Value::Number(n) => match n.as_f64() {
            Some(x) if x != 0.0 && x.fract() != 0.0 && !(1e-3..1e6).contains(&x.abs()) => format!("{x:.3e}"),
            Some(x) if x.fract() != 0.0 => format!("{x:.5}"),
            _ => n.to_string(),
        },
        other => other.to_string(),
    }
}
