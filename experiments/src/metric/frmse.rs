//! The error by bands of the wavenumber.

use flowmap_solvers::fourier::FourierGrid;
use ndarray::{ArrayViewD, Axis};
use num_complex::Complex64;

/// The first shells of the middle and of the high band.
const BANDS: [usize; 2] = [4, 12];

/// The root mean square errors of the Fourier coefficients over samples, `√(mean_s Σ |F(p − u)|²)/points`, the means over the shells
/// `k < 4`, `4 ≤ k < 12`, `k ≥ 12`, over times after the first and over channels, of fields `[sample, time, channel, x, …]`.
///
/// The fRMSE of PDEBench (M. Takamoto et al., NeurIPS 2022) on a domain of length one. On one axis shell `k` is the mode `k`, below Nyquist; on
/// two it is all modes with `⌊|m|⌋ = k` below the shorter axis' Nyquist mode (PDEBench sums the quadrant of positive ones). None for a band
/// without shells.
pub fn frmse(prediction: ArrayViewD<'_, f64>, truth: ArrayViewD<'_, f64>) -> [Option<f64>; 3] {
    let shape = truth.shape()[3..].to_vec();
    let shells = shape.iter().copied().min().unwrap_or(0) / 2;
    let [samples, times, channels] = [truth.shape()[0], truth.shape()[1], truth.shape()[2]];
    let Ok(grid) = FourierGrid::new(&shape, &vec![1.0; shape.len()]) else { return [None; 3] };
    let frequencies: Vec<_> = (0..grid.axes()).map(|a| grid.frequencies(a)).collect();
    let last = grid.axes() - 1;
    // The shell of every mode of the half spectrum, and how often it counts.
    let places: Vec<(usize, f64)> = (0..grid.modes())
        .map(|flat| {
            let m2: i64 = frequencies.iter().map(|f| f[flat] * f[flat]).sum();
            let own = frequencies[last][flat] == 0 || 2 * frequencies[last][flat] == shape[last] as i64;
            let twice = if grid.axes() > 1 && !own { 2.0 } else { 1.0 };
            (((m2 as f64).sqrt() + 1e-12).floor() as usize, twice)
        })
        .collect();
    let mut transform = grid.transform();
    let mut modes = vec![Complex64::ZERO; grid.modes()];
    let mut sums = vec![0.0; shells];
    for t in 1..times {
        for c in 0..channels {
            let mut energy = vec![0.0; shells];
            for s in 0..samples {
                let of = |values: &ArrayViewD<'_, f64>| {
                    let state = values.index_axis(Axis(0), s);
                    let state = state.index_axis(Axis(0), t);
                    state.index_axis(Axis(0), c).iter().copied().collect::<Vec<f64>>()
                };
                let difference: Vec<f64> =
                    of(&prediction).into_iter().zip(of(&truth)).map(|(p, u)| p - u).collect();
                transform.forward(&difference, &mut modes);
                for (mode, (shell, count)) in modes.iter().zip(&places) {
                    if let Some(energy) = energy.get_mut(*shell) {
                        *energy += count * mode.norm_sqr();
                    }
                }
            }
            for (sum, energy) in sums.iter_mut().zip(&energy) {
                *sum += (energy / samples as f64).sqrt() / grid.points() as f64;
            }
        }
    }
    let count = ((times.max(2) - 1) * channels) as f64;
    let [middle, high] = BANDS.map(|b| b.min(shells));
    [0..middle, middle..high, high..shells].map(|band| {
        let shells = band.len();
        (shells > 0).then(|| sums[band].iter().sum::<f64>() / shells as f64 / count)
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden::waves;
    use super::frmse;

    #[test]
    fn as_computed_independently() {
        // NumPy, of the second and the third time, and on two axes of the second of two.
        let (p, u) = waves(&[2, 3, 2, 16]);
        let [Some(low), Some(middle), None] = frmse(p.view(), u.view()) else {
            panic!("sixteen points have no modes of the high band")
        };
        assert!((low - 0.5 * (0.01580849 + 0.01601028)).abs() < 1e-8);
        assert!((middle - 0.5 * (0.01008008 + 0.00974461)).abs() < 1e-8);
        let (p, u) = waves(&[2, 1, 1, 12, 10]);
        let twice = |a: ndarray::ArrayD<f64>| ndarray::concatenate![ndarray::Axis(1), a, a];
        let [Some(low), Some(middle), None] = frmse(twice(p).view(), twice(u).view()) else {
            panic!("ten points have no modes of the high band")
        };
        assert!((low - 0.02097015390960259).abs() < 1e-12);
        assert!((middle - 0.006044291978020823).abs() < 1e-12);
    }
}
