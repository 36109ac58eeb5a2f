//! The learning rate over time.

use super::TrainConfig;

/// The rate of step `step` of `total`, relative to the highest: a linear rise, then half a cosine.
pub(super) fn rate(config: &TrainConfig, step: u64, total: u64) -> f64 {
    let warm = (config.warm_up * total as f64).round();
    let at = step as f64;
    if at < warm {
        return (at + 1.0) / warm;
    }
    let s = (at - warm) / (total as f64 - warm).max(1.0);
    config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + (std::f64::consts::PI * s.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls_to_the_final_rate() {
        let config = TrainConfig { warm_up: 0.1, final_rate: 0.02, ..TrainConfig::default() };
        let at = |step| rate(&config, step, 100);
        assert!((at(0) - 0.1).abs() < 1e-12 && (at(9) - 1.0).abs() < 1e-12 && (at(10) - 1.0).abs() < 1e-12);
        assert!((at(55) - 0.51).abs() < 1e-12 && (at(100) - 0.02).abs() < 1e-12);
        assert!((10..100).all(|s| at(s + 1) <= at(s)));
    }
}
