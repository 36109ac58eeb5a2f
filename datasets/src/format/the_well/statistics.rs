//! `stats.yaml`: means and deviations that come with a data set.

use std::path::{Path, PathBuf};

use super::Field;
use crate::dataset::Normalisation;
use crate::format::{FormatError, Trajectories};

/// Means and deviations that come with a data set, channel by channel.
#[derive(Debug)]
pub struct Statistics {
    /// The file that holds them.
    pub path: PathBuf,
    /// Of every channel; a deviation of zero is that of a channel that does not vary.
    pub of: Normalisation,
}

/// Gives the parts of a folder the means and deviations of its `stats.yaml`, if it has one.
///
/// # Errors
/// If it cannot be read, or is about other fields.
pub(in crate::format) fn with_statistics(
    folder: &Path,
    parts: &mut [Option<Trajectories>; 3],
) -> Result<(), FormatError> {
    let path = folder.join("stats.yaml");
    let path = if path.is_file() { path } else { folder.join("../stats.yaml") };
    if !path.is_file() {
        return Ok(());
    }
    let text =
        std::fs::read_to_string(&path).map_err(|source| FormatError::Open { path: path.clone(), source })?;
    let entries = entries(&text);
    let (mean, std) = (values(&entries, "mean"), values(&entries, "std"));
    for part in parts.iter_mut().flatten() {
        let find = |of: &[(String, f64)], measure: &str| {
            let value = |name: &String| match of.iter().find(|(n, _)| n == name) {
                Some((_, value)) => Ok(*value),
                None => {
                    let there: Vec<_> = of.iter().map(|(n, _)| n.as_str()).collect();
                    let message = format!("no {measure} of '{name}'; there are {}", there.join(", "));
                    Err(FormatError::Statistics { path: path.clone(), message })
                }
            };
            part.channels.iter().map(value).collect::<Result<Vec<f64>, _>>()
        };
        let of = Normalisation { mean: find(&mean, "mean")?, std: find(&std, "std")? };
        part.statistics = Some(Statistics { path: path.clone(), of });
    }
    Ok(())
}

/// Of a text such as `mean:`, below it `  velocity:` and `  - 0.5`: every number with the keys above it and its place in their list.
fn entries(text: &str) -> Vec<(String, String, usize, f64)> {
    let (mut measure, mut field, mut found) = (String::new(), String::new(), Vec::new());
    let mut place = 0;
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')) {
        let mut rest = line.trim();
        if let Some((key, after)) = rest.split_once(':') {
            let key = key.trim_matches(['"', '\'']).to_owned();
            if line.starts_with(' ') {
                field = key
            } else {
                measure = key
            }
            (place, rest) = (0, after);
        }
        // A list of its own lines, in brackets, or one number; a list in a list is one.
        let numbers = rest.split([',', '[', ']', ' ']).filter_map(|n| n.parse::<f64>().ok());
        for value in numbers {
            found.push((measure.clone(), field.clone(), place, value));
            place += 1;
        }
    }
    found
}

/// The channels of one measure by the names that [`Field::channels`] gives them.
fn values(entries: &[(String, String, usize, f64)], measure: &str) -> Vec<(String, f64)> {
    let of: Vec<_> = entries.iter().filter(|(m, ..)| m == measure).collect();
    let name = |(_, field, place, _): &(String, String, usize, f64)| {
        let components = of.iter().filter(|(_, f, ..)| f == field).count();
        // Two or three of a vector, four or nine of a tensor.
        let (rank, axes) = match components {
            1 => (0, 1),
            2 | 3 => (1, components),
            n => (2, n.isqrt()),
        };
        Field { name: field.clone(), rank, components }.channels(axes).swap_remove(*place)
    };
    of.iter().map(|e| (name(e), e.3)).collect()
}
