//! Tables of text: one sample a line, one channel a column.
//!
//! Columns stand between semicolons, commas, tabs or spaces, whichever the first line has, in this order. A first line with
//! a word in it names the channels; a first column named `t` or `time` holds the times. Empty lines and those that
//! begin with `#` are left out.

use std::path::Path;

use ndarray::{Array2, Axis};

use super::{FormatError, Series};

/// Whether a file is called like a table.
pub fn named(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["csv", "tsv", "txt", "dat"].contains(&ending.as_str())
}

/// Reads a table.
///
/// # Errors
/// If it is no text, holds no number, or a line has a word among its numbers or another number of columns than the first.
pub fn read(path: &Path) -> Result<Series, FormatError> {
    let bytes = std::fs::read(path).map_err(|source| FormatError::Open { path: path.to_owned(), source })?;
    let damaged = |message: &str| FormatError::Damaged { path: path.to_owned(), message: message.to_owned() };
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is no text"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim_matches(['\r', ' '])))
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .peekable();
    let first =
        lines.peek().map(|(_, line)| *line).ok_or_else(|| FormatError::Empty { path: path.to_owned() })?;
    let separator = [';', ',', '\t'].into_iter().find(|s| first.contains(*s));
    let mut channels: Vec<String> = Vec::new();
    if cells(first, separator).any(|cell| !cell.is_empty() && cell.parse::<f64>().is_err()) {
        channels = cells(first, separator).map(|c| c.trim_matches(['"', '\'']).trim().to_owned()).collect();
        lines.next();
    }
    let mut width = channels.len();
    let (mut values, mut rows) = (Vec::new(), 0);
    for (line, text) in lines {
        let fail = |column, message| Err(FormatError::Cell { path: path.to_owned(), line, column, message });
        let mut found = 0;
        for cell in cells(text, separator) {
            found += 1;
            match cell.parse::<f64>() {
                Ok(value) => values.push(value),
                Err(_) if cell.is_empty() => return fail(found, "an empty cell".into()),
                Err(_) => return fail(found, format!("'{cell}' is no number")),
            }
        }
        if width == 0 {
            width = found;
        } else if found != width {
            return fail(found.min(width) + 1, format!("{found} columns, and {width} in the lines before"));
        }
        rows += 1;
    }
    let mut values = Array2::from_shape_vec((rows, width), values)
        .ok()
        .filter(|v| !v.is_empty())
        .ok_or_else(|| FormatError::Empty { path: path.to_owned() })?;
    let mut times = Vec::new();
    if width > 1 && channels.first().is_some_and(|c| ["t", "time"].contains(&c.to_lowercase().as_str())) {
        times = values.column(0).to_vec();
        values.remove_index(Axis(1), 0);
        channels.remove(0);
    }
    let values = values.insert_axis(Axis(0)).into_dyn().as_standard_layout().into_owned();
    Ok(Series { values, times, coordinates: Vec::new(), channels })
}

/// The cells of a line; spaces separate where nothing else does.
fn cells(line: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    let (by_sign, by_space) = match separator {
        Some(sign) => (Some(line.split(sign)), None),
        None => (None, Some(line.split_whitespace())),
    };
    by_sign.into_iter().flatten().chain(by_space.into_iter().flatten()).map(str::trim)
}
