//! Clouds of points of a density.

use ndarray::{ArrayD, IxDyn};
use sha2::{Digest, Sha256};

use crate::card::{DataCard, FORMAT_VERSION};
use crate::data::DataConfig;
use crate::dataset::{Dataset, Split};
use crate::problem::ProblemConfig;
use crate::problem::density::Density;
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
    let json = |v: Result<serde_json::Value, serde_json::Error>| v.unwrap_or_default();
    let mut card = DataCard {
        format_version: FORMAT_VERSION,
        equation: density.equation().to_owned(),
        problem: json(serde_json::to_value(problem)),
        data: json(serde_json::to_value(data)),
        seed,
        ..DataCard::default()
    };
    let digest = Sha256::digest(serde_json::to_vec(&card).unwrap_or_default());
    card.hash = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    Dataset {
        stored: None,
        // Two numbers a point, and as many points as the parts have together.
        values: ArrayD::from_shape_vec(IxDyn(&[data.trajectories(), 1, 2]), values).unwrap_or_default(),
        times: vec![0.0],
        coordinates: Vec::new(),
        channels: vec!["x".into(), "y".into()],
        split: Split::new(data.train, data.validation, data.test, 1),
        card,
    }
}
