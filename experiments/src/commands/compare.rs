//! `experiment compare`.

use std::path::{Path, PathBuf};

use super::print;
use crate::error::Error;
use crate::plot::{Axes, Line, Lines, Panels, Style, save};
use crate::report::Summary;

/// Prints one table of the runs' metrics and draws those that they share in one picture, a panel for each kind.
///
/// # Errors
/// If a folder is no run folder, or the picture cannot be written into the folder `out`, which is made if it is not there.
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
    let figure = panels(&headings, &summaries, &names);
    if figure.panels.is_empty() {
        print("no two runs share a metric of a kind that is drawn");
        return Ok(());
    }
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let stem = out.join("comparison");
    save(&figure, &stem)?;
    print(&stem.with_extension("png").display().to_string());
    Ok(())
}

/// A kind of metric: what it measures, the part of a metric's name that tells it.
const KINDS: [(&str, &str); 7] = [
    ("relative L2 error", "rel_l2"),
    ("divergence in state space, D_stsp", "d_stsp"),
    ("Hellinger distance of the spectra, D_H", "d_hellinger"),
    ("squared prediction error, PE", "pe"),
    ("largest Lyapunov exponent", "lyapunov_max"),
    ("valid Lyapunov times", "valid_lyapunov_times"),
    ("accuracy", "accuracy"),
];

/// One panel for each kind of metric that runs share: a row for a metric, a point for a run.
fn panels(headings: &[String], summaries: &[Summary], names: &[&String]) -> Panels {
    let value = |summary: &Summary, name: &str| {
        let value = summary.metrics.get(name).and_then(serde_json::Value::as_f64);
        value.filter(|v| v.is_finite()).unwrap_or(f64::NAN)
    };
    let shared = |name: &str| {
        summaries.iter().filter(|s| value(s, name).is_finite()).count() >= summaries.len().min(2)
    };
    let panels = KINDS.iter().filter_map(|(title, kind)| {
        let rows: Vec<(&str, String)> = names
            .iter()
            .filter(|name| shared(name))
            .filter_map(|name| Some((name.as_str(), row(name, kind)?)))
            .collect();
        let lines: Vec<Line> = headings
            .iter()
            .zip(summaries)
            .map(|(label, summary)| Line {
                label: label.clone(),
                x: rows.iter().map(|(name, _)| value(summary, name)).collect(),
                y: (1..=rows.len()).map(|i| i as f64).collect(),
                style: Style::Points,
                ..Line::default()
            })
            .collect();
        let positive = lines.iter().flat_map(|l| &l.x).all(|v| v.is_nan() || *v > 0.0);
        let axes = Axes {
            title: (*title).to_owned(),
            log_x: positive,
            names: rows.into_iter().map(|(_, row)| row).collect(),
            ..Axes::default()
        };
        (!axes.names.is_empty()).then_some(Lines { axes, lines })
    });
    let panels: Vec<_> = panels.collect();
    Panels { title: "Comparison".into(), columns: if panels.len() > 2 { 2 } else { 1 }, panels }
}

/// What a metric's row is called in the panel of a kind: the metric without that kind's name; none for another kind.
fn row(name: &str, kind: &str) -> Option<String> {
    let words: Vec<&str> = name.split('_').filter(|w| *w != "baseline").collect();
    let kind: Vec<&str> = kind.split('_').collect();
    let at = words.windows(kind.len()).position(|w| w == kind)?;
    let (whose, rest) = (&words[..at], &words[at + kind.len()..]);
    // Prediction errors have their lead behind them.
    if kind == ["pe"] && !matches!(rest, [lead] if lead.parse::<usize>().is_ok()) {
        return None;
    }
    let whose = if whose.is_empty() { &["model"] } else { whose };
    Some([whose, rest].concat().join(" "))
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn metrics_are_told_by_whole_words() {
        assert_eq!(row("baseline_sindy_d_stsp", "d_stsp").as_deref(), Some("sindy"));
        assert_eq!(row("d_stsp", "d_stsp").as_deref(), Some("model"));
        assert_eq!(row("floor_d_hellinger", "d_hellinger").as_deref(), Some("floor"));
        assert_eq!(row("baseline_echo_state_pe_20", "pe").as_deref(), Some("echo state 20"));
        assert_eq!(row("rollout_rel_l2_median", "rel_l2").as_deref(), Some("rollout median"));
        assert_eq!(row("pe_20", "pe").as_deref(), Some("model 20"));
        assert_eq!(row("pe_one", "pe"), None);
        assert_eq!(row("peak_rss_mb", "pe"), None);
        assert_eq!(row("valid_lyapunov_times", "lyapunov_max"), None);
    }
}
