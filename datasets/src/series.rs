//! Plain series of a file: data without a problem behind them.

use std::path::Path;

use flowmap_solvers::issue::Issue;
use ndarray::{ArrayD, Axis, Slice};
use sha2::{Digest, Sha256};

use crate::card::{DataCard, FORMAT_VERSION};
use crate::data::{DataConfig, FileConfig};
use crate::dataset::{Dataset, Part, Split};
use crate::format::{Series, open};
use crate::generate::DataError;
use crate::observe::ObserveConfig;

/// The share of a long series that trains and validates.
const TRAIN_FRACTION: f64 = 0.8;
/// The share of that stretch that validates.
const VALIDATION_FRACTION: f64 = 0.1;
/// The fewest samples of a stretch that trains or tests.
const SHORTEST: usize = 8;

/// The series of `data.file`, `[trajectory, time, channel]`, split and observed as `data` says.
///
/// Whole trajectories serve as `data.train` and its companions say if there is any to train on; otherwise each is split
/// in time. A second file tests in the place of the last stretch. Where the two differ in length, values that no part
/// covers are not a number.
///
/// # Errors
/// If there is no file, it cannot be read, holds fields or numbers that are not finite, is too short, has a channel that
/// does not vary, or does not fit `data`.
pub fn obtain(data: &DataConfig, seed: u64) -> Result<Dataset, DataError> {
    let Some(file) = &data.file else {
        let issue = Issue::new("data", "neither a problem nor a file");
        return Err(DataError::Config(issue.hint("give [problem.NAME] and [solver.NAME], or [data.file]")));
    };
    let first = load(&file.path, "data.file.path", data)?;
    let second = file.test.as_deref().map(|path| load(path, "data.file.test", data)).transpose()?;
    let mut warnings = Vec::new();
    if let (Some(second), Some(path)) = (&second, &file.test) {
        let (a, b) = (first.values.shape()[2], second.values.shape()[2]);
        if a != b {
            let message = format!("{}: {b} channels, and {a} in the file that trains", path.display());
            return Err(misfit("data.file.test", message, "give two files of the same channels"));
        }
        if first.values == second.values {
            warnings.push(
                "The test file holds the same values as the training file: a score on it is a training score.".to_owned(),
            );
        }
    }
    let split = split(data, file, &first, second.as_ref())?;
    let dt = spacing(data, &first)?;
    let channels = match first.channels.is_empty() {
        true => (1..=first.values.shape()[2]).map(|c| format!("x{c}")).collect(),
        false => first.channels.clone(),
    };
    let values = match second {
        Some(second) => stack(&first.values, &second.values),
        None => first.values,
    };
    let mut card = DataCard {
        format_version: FORMAT_VERSION,
        data: serde_json::to_value(data).unwrap_or_default(),
        seed,
        source: Some(match &file.test {
            Some(test) => format!("{} to train, {} to test", file.path.display(), test.display()),
            None => file.path.display().to_string(),
        }),
        warnings,
        ..DataCard::default()
    };
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&card).unwrap_or_default());
    values.iter().for_each(|v| hash.update(v.to_le_bytes()));
    card.hash = hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
    let times = (0..values.shape()[1]).map(|i| i as f64 * dt).collect();
    let dataset = Dataset { values, stored: None, times, coordinates: Vec::new(), channels, split, card };
    let all = ObserveConfig::default();
    data.observe.as_ref().unwrap_or(&all).apply(dataset, seed).map_err(DataError::Config)
}

fn misfit(key: &str, message: String, hint: &str) -> DataError {
    DataError::Config(Issue::new(key, message).hint(hint))
}

/// Reads, cuts to `data.steps`, and checks.
fn load(path: &Path, key: &str, data: &DataConfig) -> Result<Series, DataError> {
    let opened = open(path)?;
    let sample = opened.sample_shape();
    if sample.len() != 2 {
        return Err(misfit(
            key,
            format!("{}: fields of shape {:?}, not series", path.display(), &sample[1..]),
            "name the [problem] and the [solver] of these fields",
        ));
    }
    let mut series = opened.whole()?;
    let shape = series.values.shape().to_vec();
    if shape[1] <= data.steps {
        return Err(misfit(
            key,
            format!("{}: {} samples, and data.steps = {}", path.display(), shape[1], data.steps),
            "lower data.steps, or leave it out to take all",
        ));
    }
    if data.steps > 0 {
        series.values.slice_axis_inplace(Axis(1), Slice::from(..=data.steps));
        series.times.truncate(data.steps + 1);
    }
    series.require_finite(path)?;
    Ok(series)
}

/// The time between two samples.
fn spacing(data: &DataConfig, series: &Series) -> Result<f64, DataError> {
    let times = &series.times;
    let [Some(first), Some(last)] = [times.first(), times.last()] else {
        return Ok(if data.dt > 0.0 { data.dt } else { 1.0 });
    };
    let dt = (last - first) / (times.len() - 1).max(1) as f64;
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(dt);
    let even = |pair: &[f64]| usual > 0.0 && ((pair[1] - pair[0]) / usual - 1.0).abs() < 1e-2;
    if let Some(i) = times.windows(2).position(|pair| pair[1] <= pair[0]) {
        let (before, now) = (times[i], times[i + 1]);
        let (what, hint) = if now == before {
            (
                format!("the time {now} is there twice, in rows {} and {}", i + 1, i + 2),
                "keep one of the rows",
            )
        } else {
            let what = format!("times do not ascend: {before} in row {} is followed by {now}", i + 1);
            (what, "sort the rows by their times")
        };
        return Err(misfit("data.file.path", what, hint));
    }
    if let Some(i) = times.windows(2).position(|pair| !even(pair)) {
        return Err(misfit(
            "data.file.path",
            format!("times are uneven: {} is followed by {} in row {}", times[i], times[i + 1], i + 2),
            "resample the series to even times",
        ));
    }
    if data.dt > 0.0 && (data.dt / dt - 1.0).abs() > 1e-3 {
        return Err(misfit(
            "data.dt",
            format!("{}, and samples of the file are {dt} apart", data.dt),
            "leave data.dt out",
        ));
    }
    Ok(dt)
}

fn split(
    data: &DataConfig,
    file: &FileConfig,
    first: &Series,
    second: Option<&Series>,
) -> Result<Split, DataError> {
    let (n, samples) = (first.values.shape()[0], first.values.shape()[1]);
    if data.train > 0 {
        if second.is_some() || file.train_fraction.is_some() {
            return Err(misfit(
                "data.train",
                "whole trajectories and shares of them cannot be had at once".into(),
                "leave out data.train, or data.file.test and data.file.train_fraction",
            ));
        }
        if n < data.trajectories() {
            return Err(misfit(
                "data.file.path",
                format!("{n} trajectories, and data.train + validation + test = {}", data.trajectories()),
                "ask for fewer",
            ));
        }
        return Ok(Split::new(data.train, data.validation, data.test, samples));
    }
    let training = match second {
        Some(_) => samples,
        None => share(samples, file.train_fraction.unwrap_or(TRAIN_FRACTION)),
    };
    let middle = training - share(training, file.validation_fraction.unwrap_or(VALIDATION_FRACTION));
    let test = match second {
        Some(second) => {
            Part { trajectories: n..n + second.values.shape()[0], samples: 0..second.values.shape()[1] }
        }
        None => Part { trajectories: 0..n, samples: training..samples },
    };
    let split = Split {
        train: Part { trajectories: 0..n, samples: 0..middle },
        validation: Part { trajectories: 0..n, samples: middle..training },
        test,
    };
    for (name, part) in [("train", &split.train), ("test", &split.test)] {
        if part.samples.len() < SHORTEST {
            let message = format!("{} samples to {name} in a series of {samples}", part.samples.len());
            return Err(misfit("data.file.path", message, "give a longer series, or change train_fraction"));
        }
    }
    Ok(split)
}

fn share(samples: usize, fraction: f64) -> usize {
    (samples as f64 * fraction).round() as usize
}

/// One array of both, as long as the longer.
fn stack(a: &ArrayD<f64>, b: &ArrayD<f64>) -> ArrayD<f64> {
    let (a_shape, b_shape) = (a.shape(), b.shape());
    let shape = vec![a_shape[0] + b_shape[0], a_shape[1].max(b_shape[1]), a_shape[2]];
    let mut out = ArrayD::from_elem(shape, f64::NAN);
    for (values, trajectories) in [(a, 0..a_shape[0]), (b, a_shape[0]..a_shape[0] + b_shape[0])] {
        let mut target = out.slice_axis_mut(Axis(0), Slice::from(trajectories));
        target.slice_axis_inplace(Axis(1), Slice::from(..values.shape()[1]));
        target.assign(values);
    }
    out
}
