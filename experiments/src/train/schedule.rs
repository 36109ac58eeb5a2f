//! The learning rate over time.

use serde::{Deserialize, Serialize};

use super::TrainConfig;

/// How the rate falls from its highest value to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// As half a cosine.
    Cosine,
    /// By the same factor every step.
    Exponential,
}

/// The rate of step `step` of `total`, relative to the highest: a linear rise, then the fall.
pub(super) fn rate(config: &TrainConfig, step: u64, total: u64) -> f64 {
    let warm = (config.warm_up * total as f64).round();
    let at = step as f64;
    if at < warm {
        return (at + 1.0) / warm;
    }
    let s = (at - warm) / (total as f64 - warm).max(1.0);
    let s = s.min(1.0);
    match config.schedule {
        Schedule::Cosine => {
            config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + (std::f64::consts::PI * s).cos())
        }
        Schedule::Exponential => config.final_rate.powf(s),
    }
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

    #[test]
    fn falls_by_the_same_factor() {
        let schedule = Schedule::Exponential;
        let config = TrainConfig { warm_up: 0.0, final_rate: 1e-3, schedule, ..TrainConfig::default() };
        let at = |step| rate(&config, step, 3);
        for (step, expected) in [(0, 1.0), (1, 0.1), (2, 0.01), (3, 1e-3)] {
            assert!((at(step) - expected).abs() < 1e-12);
        }
    }
}
