//! How well a generated trajectory fills the state space of the true one.

use flowmap_datasets::rng::stream;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Bins a dimension of the histogram.
const BINS: u32 = 30;
/// What Laplace smoothing adds to every cell's count.
const PSEUDO_COUNT: f64 = 1e-5;
/// By how many standard deviations the box of the true data is widened.
const MARGIN: f64 = 0.1;
/// The most dimensions for which a histogram is used.
const BINNED: usize = 5;
/// The variance of a mixture's components, in squared units of the data.
const VARIANCE: f64 = 1.0;
/// The most points that become components.
const COMPONENTS: usize = 10_000;
/// Monte Carlo samples of the mixtures' divergence.
const SAMPLES: usize = 1000;
/// Samples whose distances to all components are held at once.
const BLOCK: usize = 32;

/// `D_stsp`, the Kullback-Leibler divergence (in nats) of the generated invariant measure from the true one, of two
/// trajectories `[time, channel]`: [`binned_divergence`] up to five channels, [`mixture_divergence`] beyond.
///
/// The defaults are the published ones (30 bins; unit variance, 10 000 components, 1000 samples), made for data of
/// unit variance. Infinite where a generated value is not finite, NaN where there are no samples. Zero is not
/// reached: two stretches of one attractor stand at a positive distance, the floor of that length.
///
/// F. Hess et al., "Generalized Teacher Forcing for Learning Chaotic Dynamics", ICML 2023, appendix A.4.
pub fn state_space_divergence(truth: ArrayView2<'_, f64>, generated: ArrayView2<'_, f64>, seed: u64) -> f64 {
    if truth.ncols() <= BINNED {
        binned_divergence(truth, generated, BINS)
    } else {
        mixture_divergence(truth, generated, SAMPLES, seed)
    }
}

/// `Σ p log(p/q)` over the cells of a grid with `bins` a dimension on the true data's box, widened by a tenth of a
/// standard deviation on every side; `p = (n + ε)/(Σ n + ε·cells)` with `n` the true samples in a cell, `ε = 10⁻⁵`,
/// and `q` the same of the generated ones.
///
/// Generated samples outside the box are left out of `n` and of `Σ n`, as published: the measure compares the
/// densities where the true data are. All cells count, the empty ones in closed form, so the number of channels is
/// free.
pub fn binned_divergence(truth: ArrayView2<'_, f64>, generated: ArrayView2<'_, f64>, bins: u32) -> f64 {
    if let Some(verdict) = degenerate(truth, generated) {
        return verdict;
    }
    let sides: Vec<(f64, f64)> = truth
        .columns()
        .into_iter()
        .map(|c| {
            let margin = MARGIN * c.std(0.0);
            let (low, high) = c.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
            (low - margin, high + margin)
        })
        .collect();
    let mut samples = cells(&[truth, generated], &sides, bins);
    samples.sort_unstable();
    let counts: Vec<[f64; 2]> = samples
        .chunk_by(|a, b| a.0 == b.0)
        .map(|cell| {
            let generated = cell.iter().filter(|(_, generated)| *generated).count();
            [(cell.len() - generated) as f64, generated as f64]
        })
        .collect();
    let all = f64::from(bins).powi(sides.len() as i32);
    let total = |which: usize| counts.iter().map(|n| n[which]).sum::<f64>() + PSEUDO_COUNT * all;
    let (norm_p, norm_q) = (total(0), total(1));
    let term = |[n, m]: [f64; 2]| {
        let (p, q) = ((n + PSEUDO_COUNT) / norm_p, (m + PSEUDO_COUNT) / norm_q);
        p * (p / q).ln()
    };
    counts.iter().copied().map(term).sum::<f64>() + (all - counts.len() as f64) * term([0.0; 2])
}

/// The cell of every sample inside the box, and whether it is of the second series.
fn cells(series: &[ArrayView2<'_, f64>; 2], sides: &[(f64, f64)], bins: u32) -> Vec<(u64, bool)> {
    let inside = |x: &f64, (low, high): &(f64, f64)| (*low..=*high).contains(x);
    let rows =
        series.iter().enumerate().flat_map(|(which, s)| s.rows().into_iter().map(move |x| (x, which == 1)));
    let rows: Vec<_> = rows.filter(|(x, _)| x.iter().zip(sides).all(|(x, s)| inside(x, s))).collect();
    let mut cells: Vec<_> = rows.iter().map(|(_, which)| (0, *which)).collect();
    // Numbers below this have been given.
    let mut end = 1_u64;
    for (channel, side) in sides.iter().enumerate() {
        if end.checked_mul(u64::from(bins)).is_none() {
            // Too many for a number: those that are taken are numbered anew.
            let mut taken: Vec<u64> = cells.iter().map(|(cell, _)| *cell).collect();
            taken.sort_unstable();
            taken.dedup();
            cells.iter_mut().for_each(|(cell, _)| *cell = taken.partition_point(|t| t < cell) as u64);
            end = taken.len() as u64;
        }
        for ((cell, _), (x, _)) in cells.iter_mut().zip(&rows) {
            *cell = *cell * u64::from(bins) + u64::from(bin(x[channel], *side, bins));
        }
        end *= u64::from(bins);
    }
    cells
}

/// The Monte Carlo mean of `log p(s) − log q(s)` over `samples` draws `s` from `p`, a mixture of one normal density
/// of unit variance at each of the first 10 000 true samples; `q` is the same of the generated ones.
///
/// The logarithm of a mixture is taken as a whole (log-sum-exp), so samples far from every component count in full.
/// The estimate's standard error is that of a mean of `samples` terms: a few hundredths where the measures overlap,
/// more beyond.
pub fn mixture_divergence(
    truth: ArrayView2<'_, f64>,
    generated: ArrayView2<'_, f64>,
    samples: usize,
    seed: u64,
) -> f64 {
    if let Some(verdict) = degenerate(truth, generated) {
        return verdict;
    }
    let first = |a: ArrayView2<'_, f64>| a.slice_move(s![..COMPONENTS.min(a.nrows()), ..]).to_owned();
    let (truth, generated) = (first(truth), first(generated));
    let mut random = stream(seed, "state space divergence", 0);
    let mut draws = Array2::zeros((samples, truth.ncols()));
    for mut draw in draws.rows_mut() {
        let centre = truth.row(random.random_range(0..truth.nrows()));
        for (x, c) in draw.iter_mut().zip(centre) {
            *x = c + VARIANCE.sqrt() * random.sample::<f64, _>(StandardNormal);
        }
    }
    let (p, q) = (log_mixture(&truth, &draws, VARIANCE), log_mixture(&generated, &draws, VARIANCE));
    (p - q).mean().unwrap_or(f64::NAN)
}

/// `log Σᵢ exp(−|x − cᵢ|²/2σ²)/n` at every row `x`: the log density but for a constant that divergences do not see.
fn log_mixture(centres: &Array2<f64>, at: &Array2<f64>, variance: f64) -> Array1<f64> {
    // Distances by a product of matrices: about the mean of the places, so that nothing large cancels where centres are far.
    let origin = at.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(centres.ncols()));
    let (centres, at) = (centres - &origin, at - &origin);
    let squares = |a: &Array2<f64>| a.map_axis(Axis(1), |x| x.dot(&x));
    let (c2, x2) = (squares(&centres), squares(&at));
    let blocks: Vec<Vec<f64>> = at
        .axis_chunks_iter(Axis(0), BLOCK)
        .into_par_iter()
        .zip(x2.axis_chunks_iter(Axis(0), BLOCK))
        .map(|(x, x2)| {
            let mut d = x.dot(&centres.t());
            d.rows_mut()
                .into_iter()
                .zip(x2)
                .map(|(mut d, x2)| {
                    d.zip_mut_with(&c2, |d, c2| {
                        let square = x2 + c2 - 2.0 * *d;
                        *d = if square.is_nan() { f64::INFINITY } else { square.max(0.0) };
                    });
                    let nearest = d.fold(f64::INFINITY, |a, b| a.min(*b));
                    if nearest == f64::INFINITY {
                        return f64::NEG_INFINITY;
                    }
                    let sum: f64 = d.iter().map(|d| ((nearest - d) / (2.0 * variance)).exp()).sum();
                    (sum / d.len() as f64).ln() - nearest / (2.0 * variance)
                })
                .collect()
        })
        .collect();
    blocks.concat().into()
}

/// The bin of a value on a side that holds it.
fn bin(x: f64, (low, high): (f64, f64), bins: u32) -> u32 {
    let place = if high > low { (x - low) / (high - low) } else { 0.0 };
    ((place * f64::from(bins)) as u32).min(bins - 1)
}

/// The divergence of series that have none in the proper sense.
fn degenerate(truth: ArrayView2<'_, f64>, generated: ArrayView2<'_, f64>) -> Option<f64> {
    if truth.is_empty() || generated.is_empty() || !truth.iter().all(|x| x.is_finite()) {
        return Some(f64::NAN);
    }
    (!generated.iter().all(|x| x.is_finite())).then_some(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::metric::golden::logistic_delays;

    #[test]
    fn a_histogram_by_hand() {
        // Two bins on [−0.05, 1.05]; the sample at 9 is outside.
        let truth = array![[0.0], [0.0], [1.0], [1.0]];
        let generated = array![[0.0], [9.0], [0.1], [0.2], [1.0]];
        let e = PSEUDO_COUNT;
        let p = (2.0 + e) / (4.0 + 2.0 * e);
        let q = [3.0, 1.0].map(|n| (n + e) / (4.0 + 2.0 * e));
        let by_hand = p * (p / q[0]).ln() + p * (p / q[1]).ln();
        assert!((binned_divergence(truth.view(), generated.view(), 2) - by_hand).abs() < 1e-15);
        assert!(binned_divergence(truth.view(), truth.view(), 30).abs() < 1e-15);
        // Nothing in the box: the generated measure is uniform.
        let p0 = e / (4.0 + 30.0 * e);
        let p1 = (2.0 + e) / (4.0 + 30.0 * e);
        let uniform = 2.0 * p1 * (30.0 * p1).ln() + 28.0 * p0 * (30.0 * p0).ln();
        assert!((binned_divergence(truth.view(), array![[7.0]].view(), 30) - uniform).abs() < 1e-14);
    }

    #[test]
    fn a_histogram_as_the_golden_script_has_it() {
        let truth = logistic_delays(3.9, 0.3, 2000, 3);
        let generated = logistic_delays(3.95, 0.4, 1500, 3);
        let d = state_space_divergence(truth.view(), generated.view(), 0);
        assert!((d - GOLDEN_BINNED).abs() < 1e-12 * GOLDEN_BINNED, "{d:.17}");
    }

    #[test]
    fn cells_of_many_channels_are_told_apart() {
        // More cells than a number of 64 bits counts: a copy of each channel changes nothing but what is empty.
        let (truth, generated) = (logistic_delays(3.9, 0.3, 400, 2), logistic_delays(3.95, 0.4, 300, 2));
        let tiled = |x: &Array2<f64>| Array2::from_shape_fn((x.nrows(), 20), |(i, j)| x[[i, j % 2]]);
        let count = |a: &Array2<f64>, b: &Array2<f64>| {
            let mut found = cells(&[a.view(), b.view()], &vec![(0.0, 1.0); a.ncols()], 30);
            found.sort_unstable();
            let sizes: Vec<usize> = found.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).collect();
            sizes
        };
        assert_eq!(count(&tiled(&truth), &tiled(&generated)), count(&truth, &generated));
    }

    #[test]
    fn the_density_of_a_mixture_as_the_golden_script_has_it() {
        let centres = logistic_delays(3.9, 0.3, 500, 7);
        let at = logistic_delays(3.95, 0.4, 40, 7) * 10.0;
        let sum = log_mixture(&centres, &at, VARIANCE).sum();
        assert!((sum / GOLDEN_LOG_MIXTURE - 1.0).abs() < 1e-13, "{sum:.17}");
    }

    #[test]
    fn two_normal_densities_diverge_by_half_their_squared_distance() {
        let p = Array2::from_elem((3, 6), 100.0);
        let q = &p + 0.5;
        let exact = 0.5 * 6.0 * 0.25;
        let d = mixture_divergence(p.view(), q.view(), 20_000, 1);
        // The standard error is |p − q|/√samples, 0.0087.
        assert!((d - exact).abs() < 0.035, "{d}");
        // Far apart, where a density underflows.
        let far = state_space_divergence(p.view(), (&p + 100.0).view(), 1);
        assert!((far / 30_000.0 - 1.0).abs() < 0.01, "{far}");
    }

    #[test]
    fn what_explodes_is_far_however_large_it_is() {
        let truth = logistic_delays(3.9, 0.3, 60, 7);
        for size in [1e6, 1e9, 1e12, 1e150, 1e200] {
            // Some of it still near, about a mean that is far.
            let run = Array2::from_shape_fn((60, 7), |(t, _)| if t < 3 { 0.5 } else { size * t as f64 });
            let near = truth.slice(s![..3, ..]);
            let all = state_space_divergence(truth.view(), run.view(), 1);
            assert!(all > state_space_divergence(truth.view(), near, 1) - 0.5 && all > 0.0, "{size}: {all}");
            let gone = run.slice(s![3.., ..]);
            assert!(state_space_divergence(truth.view(), gone, 1) > 0.1 * size.min(1e9).powi(2), "{size}");
        }
    }

    #[test]
    fn divergence_is_infinite_and_nothing_is_not_a_number() {
        for channels in [3, 8] {
            let truth = logistic_delays(3.9, 0.3, 50, channels);
            let mut generated = truth.clone();
            assert_eq!(state_space_divergence(truth.view(), generated.view(), 0), 0.0);
            generated[[4, 1]] = f64::NAN;
            assert_eq!(state_space_divergence(truth.view(), generated.view(), 0), f64::INFINITY);
            assert!(state_space_divergence(generated.view(), truth.view(), 0).is_nan());
            let nothing = Array2::zeros((0, channels));
            assert!(state_space_divergence(truth.view(), nothing.view(), 0).is_nan());
        }
    }

    const GOLDEN_BINNED: f64 = 3.1714682249777906;
    const GOLDEN_LOG_MIXTURE: f64 = -5253.732873559008;
}
