//! The error of short predictions along a series.

use flowmap_models::state_space::StateSpaceModel;
use ndarray::{ArrayView2, s};
use rayon::prelude::*;

/// Starts that one task goes through: fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 256;

/// `PE(n)` for `n = 1 … steps`: the mean over the starts `t` and the channels of `|g(Fⁿ(z_t)) − x_{t+n}|²`, in
/// squared units of the series `[time, channel]`, with `z_t` the model's state after the samples up to `t`.
///
/// Inputs of a driven model follow the channels. Every sample is a start, but for the first ones of a model with memory and those whose target is beyond the end.
/// Infinite where a prediction is not finite, NaN where there is no start.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023, appendix A.4.
pub fn prediction_errors(model: &dyn StateSpaceModel, series: ArrayView2<'_, f64>, steps: usize) -> Vec<f64> {
    let states = model.filter(series);
    let starts: Vec<usize> = (model.memory()..series.nrows()).collect();
    let sums: Vec<Vec<f64>> = starts
        .par_chunks(CHUNK)
        .map(|starts| {
            let mut sums = vec![0.0; steps];
            let (mut z, mut next) = (vec![0.0; model.state_size()], vec![0.0; model.state_size()]);
            let mut x = vec![0.0; model.channels()];
            for &t in starts {
                z.iter_mut().zip(states.row(t)).for_each(|(z, s)| *z = *s);
                for (sum, target) in sums.iter_mut().zip(series.slice(s![t + 1.., ..]).rows()) {
                    model.advance(&z, target, &mut next);
                    std::mem::swap(&mut z, &mut next);
                    model.observe(&z, &mut x);
                    *sum += x.iter().zip(target).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
                }
            }
            sums
        })
        .collect();
    (0..steps)
        .map(|n| {
            let sum: f64 = sums.iter().map(|s| s[n]).sum();
            let terms = starts.len().saturating_sub(n + 1) * model.channels();
            match terms {
                0 => f64::NAN,
                _ if !sum.is_finite() => f64::INFINITY,
                _ => sum / terms as f64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::metric::golden::{Linear, logistic_delays};

    #[test]
    fn by_hand() {
        // The series doubles, the model triples: after n steps from 2ᵗ the error is 2ᵗ (3ⁿ − 2ⁿ).
        let series = Array2::from_shape_fn((5, 1), |(t, _)| 2f64.powi(t as i32));
        let model = Linear { channels: 1, factor: 3.0, memory: 0 };
        let errors = prediction_errors(&model, series.view(), 5);
        let mean_square =
            |starts: &[i32]| starts.iter().map(|t| 4f64.powi(*t)).sum::<f64>() / starts.len() as f64;
        assert_eq!(errors[0], mean_square(&[0, 1, 2, 3]));
        assert_eq!(errors[1], 25.0 * mean_square(&[0, 1, 2]));
        assert_eq!(errors[3], 65.0 * 65.0);
        assert!(errors[4].is_nan());
        // Without the first two starts.
        let errors = prediction_errors(&Linear { channels: 1, factor: 3.0, memory: 2 }, series.view(), 2);
        assert_eq!(errors, [mean_square(&[2, 3]), 25.0 * mean_square(&[2])]);
    }

    #[test]
    fn an_exact_model_has_none_and_a_diverging_one_an_infinite_one() {
        let series = Array2::from_shape_fn((300, 2), |(t, c)| (1.0 + c as f64) * 0.5f64.powi(t as i32));
        assert_eq!(
            prediction_errors(&Linear { channels: 2, factor: 0.5, memory: 0 }, series.view(), 20),
            [0.0; 20]
        );
        let errors = prediction_errors(&Linear { channels: 2, factor: 1e200, memory: 0 }, series.view(), 2);
        assert_eq!(errors, [f64::INFINITY; 2]);
    }

    #[test]
    fn as_the_golden_script_has_it() {
        let series = logistic_delays(3.9, 0.3, 1000, 3);
        let errors = prediction_errors(&Linear { channels: 3, factor: 0.9, memory: 0 }, series.view(), 20);
        for (n, golden) in [(1, GOLDEN[0]), (5, GOLDEN[1]), (20, GOLDEN[2])] {
            assert!((errors[n - 1] / golden - 1.0).abs() < 1e-12, "{:.17}", errors[n - 1]);
        }
    }

    const GOLDEN: [f64; 3] = [0.2590136948889126, 0.16368385259946486, 0.35715772125248035];
}
