//! A model of a series together with what it does not foresee.

use ndarray::{Array2, ArrayView2, Axis, s};
use rand::{Rng, RngExt};

use crate::state_space::StateSpaceModel;

/// The gains that are tried.
const GAINS: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The innovations form of a model: `x_t = g(z_t) + e_t`, `z_{t+1} = F(z̃_t)`, where `z̃_t` is the state `z_t` that the sample `x_t`
/// has pulled towards itself with the gain `γ` ([`StateSpaceModel::correct`]), as teacher forcing does in training.
///
/// A deterministic free run of a series that is not deterministic dies out or is too smooth, because it lacks the
/// `e_t`. Here they are measured along the training series and drawn again, all channels of one time together: a free run of a stochastic model
/// with the same map. The gain is the one with the least mean squared innovation.
///
/// R. E. Kalman, J. Basic Eng. 82 (1960); T. Kailath, IEEE Trans. Autom. Control 13 (1968); the resampling is that of B. Efron,
/// Ann. Statist. 7 (1979).
#[derive(Clone, Debug)]
pub struct Innovations {
    /// `γ`.
    pub gain: f64,
    /// `e_t`, `[time, channel]`.
    pub residuals: Array2<f64>,
}

impl Innovations {
    /// Measures the innovations of a model along series `[time, channel + input]`; none if it cannot be corrected, or does not
    /// stay finite with any gain.
    pub fn measure(model: &dyn StateSpaceModel, series: &[ArrayView2<'_, f64>]) -> Option<Self> {
        let of = |gain: f64| {
            let parts: Option<Vec<_>> = series.iter().filter_map(|s| along(model, *s, gain)).collect();
            let views: Vec<_> = parts.as_ref()?.iter().map(|r| r.view()).collect();
            let residuals = ndarray::concatenate(Axis(0), &views).ok().filter(|r| !r.is_empty())?;
            let square = residuals.iter().map(|e| e * e).sum::<f64>() / residuals.len() as f64;
            square.is_finite().then_some((square, Self { gain, residuals }))
        };
        GAINS.into_iter().filter_map(of).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, found)| found)
    }

    /// A run `[time, channel]` of `samples` samples that starts as `series`, `[time, channel + input]`, does and is driven by its inputs;
    /// not a number after a divergence.
    pub fn run(
        &self,
        model: &dyn StateSpaceModel,
        series: ArrayView2<'_, f64>,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Array2<f64> {
        let channels = model.channels();
        let given = model.memory().min(series.nrows().saturating_sub(1)).min(samples.saturating_sub(1));
        let mut out = Array2::from_elem((samples, channels), f64::NAN);
        out.slice_mut(s![..=given, ..]).assign(&series.slice(s![..=given, ..channels]));
        let mut z = model.filter(series.slice(s![..=given, ..])).row(given).to_vec();
        let mut next = z.clone();
        let mut x = vec![0.0; channels];
        for t in given + 1..samples {
            if model.inputs() > 0 && t >= series.nrows() {
                break;
            }
            model.advance(&z, series.row(t.min(series.nrows() - 1)), &mut next);
            model.observe(&next, &mut x);
            let drawn = self.residuals.row(rng.random_range(0..self.residuals.nrows()));
            x.iter_mut().zip(drawn).for_each(|(x, e)| *x += e);
            if x.iter().any(|v| !v.is_finite()) {
                break;
            }
            model.correct(&mut next, &x, self.gain);
            out.row_mut(t).iter_mut().zip(&x).for_each(|(o, x)| *o = *x);
            std::mem::swap(&mut z, &mut next);
        }
        out
    }
}

/// The innovations along one series with one gain, those of the model's memory left out; some only if the model can be corrected.
fn along(model: &dyn StateSpaceModel, series: ArrayView2<'_, f64>, gain: f64) -> Option<Option<Array2<f64>>> {
    let (channels, first) = (model.channels(), model.memory() + 1);
    if series.nrows() <= first {
        return None;
    }
    let mut z = model.filter(series.slice(s![..first, ..])).row(first - 1).to_vec();
    let mut next = z.clone();
    let mut x = vec![0.0; channels];
    let mut residuals = Array2::zeros((series.nrows() - first, channels));
    for (sample, mut e) in series.rows().into_iter().skip(first).zip(residuals.rows_mut()) {
        model.advance(&z, sample, &mut next);
        model.observe(&next, &mut x);
        e.iter_mut().zip(&sample).zip(&x).for_each(|((e, seen), x)| *e = seen - x);
        let seen: Vec<f64> = sample.iter().take(channels).copied().collect();
        if !model.correct(&mut next, &seen, gain) {
            return Some(None);
        }
        std::mem::swap(&mut z, &mut next);
    }
    Some(Some(residuals))
}
