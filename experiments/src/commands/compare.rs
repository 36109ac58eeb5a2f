//! `experiment compare`.

use std::path::{Path, PathBuf};

use super::print;
use crate::error::Error;
use crate::plot::{Axes, Line, Lines, save};
use crate::report::Summary;

/// Prints one table of the runs' metrics and draws their training curves, or their shared metrics, in one picture.
///
/// # Errors
/// If a folder is no run folder, or the picture cannot be written.
pub fn compare(runs: &[PathBuf], out: &Path) -> Result<(), Error> {
    let summaries = runs.iter().map(|r| Summary::read(r)).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<&String> = Vec::new();
    for summary in &summaries {
        names.extend(summary.metrics.keys().filter(|n| !names.contains(n)).collect::<Vec<_>>());
    }
    let headings: Vec<String> = runs
        .iter()
        .zip(&summaries)
        .map(|(r, s)| {
            let folder = r.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
            if folder == s.name { folder } else { format!("{}/{folder}", s.name) }
        })
        .collect();
    let width = names.iter().map(|n| n.len()).max().unwrap_or(0);
    let show = |v: Option<&serde_json::Value>| match v.and_then(serde_json::Value::as_f64) {
        Some(v) if v != 0.0 && (v.abs() < 1e-3 || v.abs() >= 1e6) => format!("{v:.3e}"),
        Some(v) => format!("{v:.4}"),
        None => "–".to_owned(),
    };
    let column = headings.iter().map(|h| h.chars().count()).max().unwrap_or(0).max(12);
    let mut header = format!("{:width$}", "");
    headings.iter().for_each(|h| header.push_str(&format!("  {h:>column$}")));
    print(&header);
    for name in &names {
        let mut line = format!("{name:width$}");
        for summary in &summaries {
            line.push_str(&format!("  {:>column$}", show(summary.metrics.get(*name))));
        }
        print(&line);
    }
    let shared: Vec<_> = names.iter().filter(|n| n.contains("rel_l2")).collect();
    let lines = headings.iter().zip(&summaries).map(|(label, summary)| {
        let value =
            |n: &&&String| summary.metrics.get(**n).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        let y: Vec<f64> = shared.iter().map(value).collect();
        Line { label: label.clone(), x: (1..=y.len()).map(|i| i as f64).collect(), y, ..Line::default() }
    });
    let legend =
        shared.iter().enumerate().map(|(i, n)| format!("{}: {n}", i + 1)).collect::<Vec<_>>().join(", ");
    let axes = Axes {
        title: "relative L2 errors".into(),
        x: "metric".into(),
        y: "relative L2 error".into(),
        log_y: true,
        ..Axes::default()
    };
    let stem = out.join("comparison");
    save(&Lines { axes, lines: lines.collect() }, &stem)?;
    print(&format!("{} ({legend})", stem.with_extension("png").display()));
    Ok(())
}
