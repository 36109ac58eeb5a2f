//! The continuous ranked probability score of an ensemble.

/// `∫ (F(x) − 1[x ≥ y])² dx` of the empirical distribution of `sorted` members and the value `y` that came true, in the
/// units of `y`: `mean |xᵢ − y| − ½ mean |xᵢ − xⱼ|`; the absolute error of a single forecast.
///
/// H. Hersbach, Weather and Forecasting 15 (2000) 559.
pub fn crps(sorted: &[f64], y: f64) -> f64 {
    let n = sorted.len() as f64;
    let (mut near, mut between) = (0.0, 0.0);
    for (i, x) in sorted.iter().enumerate() {
        near += (x - y).abs();
        // Σᵢⱼ |xᵢ − xⱼ| = 2 Σᵢ (2i + 1 − n) xᵢ for ascending x.
        between += (2.0 * i as f64 + 1.0 - n) * x;
    }
    near / n - between / (n * n)
}

#[cfg(test)]
mod tests {
    use super::crps;

    #[test]
    fn of_one_member_it_is_the_absolute_error() {
        assert_eq!(crps(&[2.0], 3.5), 1.5);
    }

    #[test]
    fn it_is_the_integral_of_the_squared_difference_of_distributions() {
        let (members, y) = ([-1.0, 0.25, 0.5, 2.0], 0.8);
        let dx = 1e-4;
        let integral: f64 = (-40_000..40_000)
            .map(|i| (f64::from(i) + 0.5) * dx)
            .map(|x| {
                let below = members.iter().filter(|m| **m <= x).count() as f64 / 4.0;
                (below - f64::from(u8::from(x >= y))).powi(2) * dx
            })
            .sum();
        assert!((crps(&members, y) - integral).abs() < 1e-4, "{} {integral}", crps(&members, y));
    }
}
