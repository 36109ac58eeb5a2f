//! Quantiles.

/// The `q`-quantile, linear between order statistics (Hyndman and Fan's type 7); NaN of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (i, s) = (place as usize, place.fract());
    if s == 0.0 { sorted[i] } else { sorted[i] * (1.0 - s) + sorted[i + 1] * s }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn by_hand() {
        let v = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([quantile(&v, 0.0), quantile(&v, 0.5), quantile(&v, 1.0)], [1.0, 2.5, 4.0]);
        assert!((quantile(&v, 0.25) - 1.75).abs() < 1e-15);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(quantile(&[1.0, f64::INFINITY], 0.0), 1.0);
    }
}
