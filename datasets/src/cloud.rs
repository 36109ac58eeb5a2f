//! Clouds of points of a density, and paths of a process.

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::card::{DataCard, FORMAT_VERSION};
use crate::data::DataConfig;
use crate::dataset::{Dataset, Split};
use crate::problem::ProblemConfig;
use crate::problem::density::Density;
use crate::problem::process::Process;
use crate::rng::stream;

/// `data.train + validation + test` independent points of a density, as trajectories of one sample: `[point, 1, 2]`.
///
/// Each part has a stream of its own, so that a larger part begins with the points of a smaller one.
pub fn draw(problem: &ProblemConfig, density: &dyn Density, data: &DataConfig, seed: u64) -> Dataset {
    let parts = [("train", data.train), ("validation", data.validation), ("test", data.test)];
    let values: Vec<f64> = parts
        .into_iter()
        .flat_map(|(part, count)| {
            let mut rng = stream(seed, part, 0);
            (0..count).flat_map(move |_| density.sample(&mut rng))
        })
        .collect();
    Dataset {
        // Two numbers a point, and as many points as the parts have together.
        values: ArrayD::from_shape_vec(IxDyn(&[data.trajectories(), 1, 2]), values).unwrap_or_default(),
        times: vec![0.0],
        coordinates: Vec::new(),
        channels: vec!["x".into(), "y".into()],
        split: Split::new(data.train, data.validation, data.test, 1),
        card: card(problem, density.equation(), data, seed),
    }
}

/// `data.train + validation + test` independent paths of a process at the times of `data`, `[path, time, variable]`.
pub fn draw_paths(problem: &ProblemConfig, process: &dyn Process, data: &DataConfig, seed: u64) -> Dataset {
    let parts = [("train", data.train), ("validation", data.validation), ("test", data.test)];
    let (times, channels) = (data.times(), process.variables());
    let paths: Vec<(&str, u64)> =
        parts.into_iter().flat_map(|(part, count)| (0..count as u64).map(move |i| (part, i))).collect();
    let drawn: Vec<Vec<f64>> =
        paths.into_par_iter().map(|(part, i)| process.sample(&times, &mut stream(seed, part, i))).collect();
    let shape = [data.trajectories(), times.len(), channels.len()];
    Dataset {
        // As many numbers as the paths have together.
        values: ArrayD::from_shape_vec(IxDyn(&shape), drawn.concat()).unwrap_or_default(),
        split: Split::new(data.train, data.validation, data.test, times.len()),
        times,
        coordinates: Vec::new(),
        channels,
        card: card(problem, process.equation(), data, seed),
    }
}

fn card(problem: &ProblemConfig, equation: &str, data: &DataConfig, seed: u64) -> DataCard {
    let json = |v: Result<serde_json::Value, serde_json::Error>| v.unwrap_or_default();
    let mut card = DataCard {
        format_version: FORMAT_VERSION,
        equation: equation.to_owned(),
        problem: json(serde_json::to_value(problem)),
        data: json(serde_json::to_value(data)),
        seed,
        ..DataCard::default()
    };
    let digest = Sha256::digest(serde_json::to_vec(&card).unwrap_or_default());
    card.hash = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    card
}
