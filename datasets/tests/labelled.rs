//! Labelled series: their classes, times, and what is lost.

#![allow(clippy::unwrap_used)]

use flowmap_datasets::data::DataConfig;
use flowmap_datasets::labelled::{LabelledData, LabelledSeries, draw};
use flowmap_datasets::problem::labelled::Spirals;
use flowmap_datasets::problem::{Problem, ProblemConfig};
use flowmap_datasets::rng::stream;

fn spirals(noise: f64, train: usize) -> LabelledData {
    let config = ProblemConfig::Spirals(Spirals { noise, ..Spirals::default() });
    let Problem::Labelled(labelled) = config.build().unwrap() else { panic!("{}", config.name()) };
    let data: DataConfig = serde_json::from_value(serde_json::json!({
        "train": train, "validation": 5, "test": 7, "dt": 0.1, "steps": 60,
    }))
    .unwrap();
    draw(&config, &*labelled, &data, 3)
}

/// The angle that a series sweeps around the origin.
fn turn(series: &LabelledSeries) -> f64 {
    let angle = |i: usize| series.values[[i, 1]].atan2(series.values[[i, 0]]);
    let wrapped =
        |d: f64| (d + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI;
    (1..series.times.len()).map(|i| wrapped(angle(i) - angle(i - 1))).sum()
}

#[test]
fn labels_are_the_sense_of_turning_and_parts_do_not_depend_on_each_other() {
    let data = spirals(0.0, 8);
    assert_eq!((data.series.len(), data.test.clone(), data.classes.len()), (20, 13..20, 2));
    for series in &data.series {
        assert!(
            series.times.windows(2).all(|t| t[1] > t[0]) && series.times[60] <= 6.0 && series.times[0] >= 0.0
        );
        let exact = if series.label == 0 { 2.0 } else { -2.0 } * (series.times[60] - series.times[0]);
        assert!((turn(series) - exact).abs() < 1e-9, "{} {exact}", turn(series));
        for (t, x) in series.times.iter().zip(series.values.rows()) {
            assert!((x.dot(&x).sqrt() - (-0.3 * t).exp()).abs() < 1e-12);
        }
    }
    let zeros = data.series[data.train.clone()].iter().filter(|s| s.label == 0).count();
    assert_eq!(zeros, 4);
    let other = spirals(0.0, 3);
    assert_eq!(data.series[..3], other.series[..3]);
    assert_eq!(data.series[data.test], other.series[other.test]);
    assert_ne!(data.card.hash, other.card.hash);
    // Noise is on top.
    let noisy = spirals(0.1, 3);
    assert_eq!(noisy.series[0].times, other.series[0].times);
    let difference = &noisy.series[0].values - &other.series[0].values;
    let deviation = difference.std(0.0);
    assert!((deviation - 0.1).abs() < 0.02, "{deviation}");
}

#[test]
fn lost_samples_are_a_random_share_and_the_rest_keeps_its_order() {
    let data = spirals(0.1, 3);
    let whole = &data.series[0];
    let mut rng = stream(0, "test", 0);
    let mut counts = vec![0; 61];
    for _ in 0..2000 {
        let half = whole.thinned(0.5, &mut rng);
        assert_eq!((half.times.len(), half.values.nrows(), half.label), (30, 30, whole.label));
        assert!(half.times.windows(2).all(|t| t[1] > t[0]));
        for (t, x) in half.times.iter().zip(half.values.rows()) {
            let at = whole.times.iter().position(|s| s == t).unwrap();
            assert_eq!(x, whole.values.row(at));
            counts[at] += 1;
        }
    }
    // Binomial with mean 984 and deviation 22.
    assert!(counts.iter().all(|c| (880..1090).contains(c)), "{counts:?}");
    assert_eq!(whole.thinned(1.0, &mut rng).times.len(), 2);
    assert_eq!(&whole.thinned(0.0, &mut rng), whole);
}
