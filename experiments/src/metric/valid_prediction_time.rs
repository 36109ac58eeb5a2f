//! How long a reconstructed system predicts.

use flowmap_models::state_space::StateSpaceModel;
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::{quantile, valid_time};

/// The usual threshold on [`valid_prediction_time`]'s error.
pub const VALID_THRESHOLD: f64 = 0.4;

/// Valid prediction times from several starts.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidPredictions {
    /// The time of every start.
    pub times: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their first quartile, median and third quartile.
    pub quartiles: [f64; 3],
}

/// The times, from each of the samples `starts`, at which `√(mean_c ((x̂_c − x_c)/σ_c)²)` first passes the
/// threshold, linear between samples; `σ_c` is the standard deviation of channel `c` of the series `[time,
/// channel]`, after whose channels the inputs of a driven model follow.
///
/// `unit` is the length of a sample: with `λ₁ Δt`, the times are Lyapunov times. A prediction ends after `horizon`
/// samples or with the series, and counts in full if it is valid until then. Starts beyond the end are left out;
/// all is NaN where none is left.
pub fn valid_prediction_time(
    model: &dyn StateSpaceModel,
    series: ArrayView2<'_, f64>,
    starts: &[usize],
    horizon: usize,
    threshold: f64,
    unit: f64,
) -> ValidPredictions {
    let states = model.filter(series);
    let deviation = series.std_axis(Axis(0), 0.0);
    let times: Vec<f64> = starts
        .par_iter()
        .filter(|t| **t < series.nrows())
        .map(|&t| {
            let mut z = states.row(t).to_vec();
            let (mut next, mut x) = (z.clone(), vec![0.0; model.channels()]);
            let (mut ages, mut errors) = (Vec::new(), Vec::new());
            for (age, target) in series.slice(s![t.., ..]).rows().into_iter().take(horizon + 1).enumerate() {
                if age > 0 {
                    model.advance(&z, target, &mut next);
                    std::mem::swap(&mut z, &mut next);
                }
                model.observe(&z, &mut x);
                let squares = x.iter().zip(target).zip(&deviation).map(|((x, y), s)| ((x - y) / s).powi(2));
                ages.push(age as f64 * unit);
                errors.push((squares.sum::<f64>() / x.len() as f64).sqrt());
                if !errors.last().is_some_and(|e| *e <= threshold) {
                    break;
                }
            }
            valid_time(&ages, &errors, threshold)
        })
        .collect();
    ValidPredictions {
        mean: times.iter().sum::<f64>() / times.len() as f64,
        quartiles: [0.25, 0.5, 0.75].map(|q| quantile(&times, q)),
        times,
    }
}

/// At most `count` starts, evenly from sample `first` on, with `horizon` samples after each of them.
pub fn even_starts(samples: usize, first: usize, horizon: usize, count: usize) -> Vec<usize> {
    let room = samples.saturating_sub(first + horizon);
    let count = count.min(room);
    (0..count).map(|i| first + i * room / count).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::metric::golden::Linear;

    #[test]
    fn by_hand() {
        // The model keeps its state; the deviation of the series is one in both channels.
        let series = array![[1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]];
        let model = Linear { channels: 2, factor: 1.0, memory: 0 };
        // After one sample one channel of two is off by 2 deviations: √2; the threshold is passed on the way there.
        let found = valid_prediction_time(&model, series.view(), &[0, 1, 3, 9], 10, 0.4, 0.5);
        let time = 0.4 / 2f64.sqrt() * 0.5;
        assert!((found.times[0] - time).abs() < 1e-15 && (found.times[1] - time).abs() < 1e-15);
        // The last sample is valid as far as it goes.
        assert_eq!(found.times[2..], [0.0]);
        assert!((found.mean - 2.0 * time / 3.0).abs() < 1e-15);
        assert_eq!(found.quartiles[1], found.times[0]);
        let none = valid_prediction_time(&model, series.view(), &[], 10, 0.4, 0.5);
        assert!(none.mean.is_nan() && none.quartiles[1].is_nan());
    }

    #[test]
    fn the_horizon_ends_a_perfect_prediction_and_divergence_a_bad_one() {
        let series = Array2::from_shape_fn((100, 1), |(t, _)| 0.9f64.powi(t as i32));
        let perfect = Linear { channels: 1, factor: 0.9, memory: 0 };
        let found = valid_prediction_time(&perfect, series.view(), &even_starts(100, 0, 20, 4), 20, 0.4, 1.0);
        assert_eq!(found.times, [20.0; 4]);
        let diverging = Linear { channels: 1, factor: f64::INFINITY, memory: 0 };
        let found = valid_prediction_time(&diverging, series.view(), &[0], 20, 0.4, 1.0);
        assert_eq!(found.times, [0.0]);
    }

    #[test]
    fn starts_are_spread_over_the_room() {
        assert_eq!(even_starts(100, 10, 50, 4), [10, 20, 30, 40]);
        assert_eq!(even_starts(12, 0, 10, 5), [0, 1]);
        assert!(even_starts(5, 0, 10, 5).is_empty());
    }
}
