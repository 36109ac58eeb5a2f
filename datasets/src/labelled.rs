//! Labelled series at irregular times, and what is left when samples are lost.

use std::ops::Range;

use ndarray::{Array2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::card::{DataCard, FORMAT_VERSION};
use crate::data::DataConfig;
use crate::problem::ProblemConfig;
use crate::problem::labelled::Labelled;
use crate::rng::stream;

/// The fewest samples that are left of a series.
const FEWEST: usize = 2;

/// A series with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledSeries {
    /// The times of the samples, ascending.
    pub times: Vec<f64>,
    /// `[time, channel]`.
    pub values: Array2<f64>,
    /// The place of its class.
    pub label: usize,
}

/// Series of several classes.
#[derive(Clone, Debug)]
pub struct LabelledData {
    /// The series; classes by turns, so that every part has as many of each as it can.
    pub series: Vec<LabelledSeries>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The names of the channels.
    pub channels: Vec<String>,
    /// The series that train.
    pub train: Range<usize>,
    /// The series that choose.
    pub validation: Range<usize>,
    /// The series that judge.
    pub test: Range<usize>,
    /// Where they come from.
    pub card: DataCard,
}

impl LabelledSeries {
    /// The series after a share of its samples has been lost at random, each as likely as any other; at least two are left.
    #[must_use]
    pub fn thinned(&self, share: f64, rng: &mut ChaCha8Rng) -> Self {
        let n = self.times.len();
        let keep = n - ((share * n as f64).round() as usize).min(n.saturating_sub(FEWEST));
        let mut places: Vec<usize> = (0..n).collect();
        for i in 0..keep {
            places.swap(i, rng.random_range(i..n));
        }
        places.truncate(keep);
        places.sort_unstable();
        Self {
            times: places.iter().map(|i| self.times[*i]).collect(),
            values: self.values.select(Axis(0), &places),
            label: self.label,
        }
    }
}

/// Draws `data.train + validation + test` series of `data.steps + 1` samples each, at times that are uniform in
/// `[0, steps · dt]`.
///
/// Each part has streams of its own, so that a larger part begins with the series of a smaller one.
pub fn draw(problem: &ProblemConfig, labelled: &dyn Labelled, data: &DataConfig, seed: u64) -> LabelledData {
    let classes = labelled.classes();
    let span = data.steps as f64 * data.dt;
    let part = |name: &str, count: usize| -> Vec<LabelledSeries> {
        let one = |i: usize| {
            let mut rng = stream(seed, name, i as u64);
            let mut times: Vec<f64> = (0..=data.steps).map(|_| span * rng.random::<f64>()).collect();
            times.sort_by(f64::total_cmp);
            // Two equal times are as good as impossible, and would be no path.
            times.dedup();
            let label = i % classes.len();
            LabelledSeries { values: labelled.draw(label, &times, &mut rng), times, label }
        };
        (0..count).map(one).collect()
    };
    let mut series = part("train", data.train);
    series.extend(part("validation", data.validation));
    series.extend(part("test", data.test));
    let json = |v: Result<serde_json::Value, serde_json::Error>| v.unwrap_or_default();
    let mut card = DataCard {
        format_version: FORMAT_VERSION,
        equation: labelled.equation().to_owned(),
        problem: json(serde_json::to_value(problem)),
        data: json(serde_json::to_value(data)),
        seed,
        ..DataCard::default()
    };
    let digest = Sha256::digest(serde_json::to_vec(&card).unwrap_or_default());
    card.hash = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let middle = data.train + data.validation;
    LabelledData {
        series,
        channels: labelled.channels(),
        train: 0..data.train,
        validation: data.train..middle,
        test: middle..middle + data.test,
        classes,
        card,
    }
}
