//! The return map of successive maxima.

use ndarray::ArrayView1;

/// A maximum of a series, by a parabola through its highest sample and the two beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maximum {
    /// Where it is, in samples.
    pub time: f64,
    /// Its value.
    pub value: f64,
}

/// The local maxima of one coordinate; the ends are none, a plateau is its first sample.
pub fn maxima(series: ArrayView1<'_, f64>) -> Vec<Maximum> {
    (1..series.len().saturating_sub(1))
        .filter(|&t| {
            // Only where it has risen: the way along a plateau is looked at once.
            let after = || (t + 1..series.len()).map(|k| series[k]).find(|x| *x != series[t]);
            series[t - 1] < series[t] && after().is_some_and(|x| x < series[t])
        })
        .map(|t| {
            let (a, b, c) = (series[t - 1], series[t], series[t + 1]);
            let shift = 0.5 * (a - c) / (a - 2.0 * b + c);
            Maximum { time: t as f64 + shift, value: b - 0.25 * (a - c) * shift }
        })
        .collect()
}

/// Each maximum with the next one, `(m_n, m_{n+1})`: for the `z` of the Lorenz system a curve close to a tent.
///
/// E. N. Lorenz, "Deterministic Nonperiodic Flow", J. Atmos. Sci. 20, 130 (1963).
pub fn return_map(series: ArrayView1<'_, f64>) -> Vec<(f64, f64)> {
    maxima(series).windows(2).map(|pair| (pair[0].value, pair[1].value)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, arr1};

    use super::*;
    use crate::metric::golden::lorenz;

    #[test]
    fn by_hand() {
        let found = maxima(arr1(&[0.0, 2.0, 1.0, 1.0, 3.0, 3.0, 0.0, 4.0]).view());
        // The parabola through (0, 0), (1, 2), (2, 1) has its top at 7/6; the plateau's top is half a sample on.
        assert_eq!(found.len(), 2);
        assert!((found[0].time - 7.0 / 6.0).abs() < 1e-15);
        assert!((found[0].value - (2.0 + 1.0 / 24.0)).abs() < 1e-15);
        assert_eq!((found[1].time, found[1].value), (4.5, 3.25));
        assert!(maxima(arr1(&[1.0, 1.0, 1.0]).view()).is_empty());
        assert!(maxima(arr1(&[f64::NAN, 1.0, f64::NAN]).view()).is_empty());
        assert!(maxima(Array1::zeros(0).view()).is_empty());
    }

    #[test]
    fn a_parabola_between_samples_is_found_to_rounding() {
        let series = Array1::from_shape_fn(9, |t| 5.0 - (t as f64 - 4.3).powi(2));
        let found = maxima(series.view());
        assert_eq!(found.len(), 1);
        assert!((found[0].time - 4.3).abs() < 1e-13 && (found[0].value - 5.0).abs() < 1e-13);
    }

    #[test]
    fn lorenz_makes_a_tent() {
        // It rises up to its cusp near 38.6 and falls beyond, steeper than one everywhere.
        let orbit = lorenz(20_000);
        let mut pairs = return_map(orbit.column(2));
        assert!(pairs.len() > 450);
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let top = pairs.iter().copied().fold((0.0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        assert!((top.0 - 38.6).abs() < 0.3, "{top:?}");
        // Points further apart than the error of a maximum.
        let mut last = pairs[0];
        for &(m, next) in &pairs[1..] {
            if m - last.0 > 0.2 && (m < top.0 - 0.5 || last.0 > top.0 + 0.5) {
                assert!(((next - last.1) / (m - last.0)).abs() > 1.0, "{last:?} {m} {next}");
                assert_eq!(next > last.1, m < top.0);
                last = (m, next);
            } else if m > top.0 && last.0 < top.0 {
                last = (m, next);
            }
        }
    }
}
