//! Burgers' equation from a sum of waves, against published values.

#![allow(clippy::unwrap_used)]

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use flowmap_datasets::initial::{InitialConfig, Wave, Waves};
use flowmap_datasets::problem::pde::{Burgers, Pde, PdeProblem};

/// The exact field on 128 points of `length` at a time, from `sin κx + mean`.
fn field(length: f64, viscosity: f64, mean: f64, t: f64) -> Vec<f64> {
    let wave = |amplitude, mode, phase| Wave { amplitude, modes: vec![mode], phase };
    let waves = vec![wave(1.0, 1, -FRAC_PI_2), wave(mean, 0, 0.0)];
    let problem = Pde::new(Burgers { length, points: 128, viscosity }).unwrap();
    problem.exact(&InitialConfig::Waves(Waves { waves })).unwrap()(t)
}

#[test]
fn the_shock_of_the_benchmark_has_its_values() {
    // −sin πz on [−1, 1] is sin πx with x = z + 1, ν = 0.01/π.
    for (t, values) in [
        (0.5, [(0.25, -0.84735452), (0.5, -0.59276953), (0.75, -0.30284271)]),
        (0.99, [(0.25, -0.56325010), (0.5, -0.37899629), (0.75, -0.19043420)]),
    ] {
        let u = field(2.0, 0.01 / PI, 0.0, t);
        for (z, value) in values {
            let at = u[((z + 1.0) * 64.0_f64).round() as usize];
            assert!((at - value).abs() < 1e-8, "u({z}, {t}) = {at}, not {value}");
        }
    }
}

#[test]
fn a_moving_shock_is_the_resting_one_seen_from_a_train() {
    let h = TAU / 128.0;
    let resting = field(TAU, 0.01, 0.0, 1.0);
    // In a unit of time it moves by 16 cells.
    let c = 16.0 * h;
    let moving = field(TAU, 0.01, c, 1.0);
    for i in 0..128 {
        assert!((moving[(i + 16) % 128] - c - resting[i]).abs() < 1e-12);
    }
    // v(2, 1) = 0.88963929 by the trapezoidal rule in y with 6000 nodes; v rises there.
    let i = (2.0 / h).floor() as usize;
    assert!(resting[i] < 0.88963929 && 0.88963929 < resting[i + 1], "{} {}", resting[i], resting[i + 1]);
}

#[test]
fn without_viscosity_values_follow_characteristics_up_to_the_shock() {
    // Before the wave breaks u(ξ + t u₀(ξ), t) = u₀(ξ).
    let (mean, t) = (0.4, 0.9);
    let h = TAU / 128.0;
    let u = field(TAU, 0.0, mean, t);
    for (i, u) in u.iter().enumerate() {
        let foot = i as f64 * h - t * u;
        assert!((u - mean - foot.sin()).abs() < 1e-10, "{i}: {u}");
    }
    // Then the shock of the sine rests at π, and viscosity that vanishes has the same solution away from it.
    let (sharp, smooth) = (field(TAU, 0.0, 0.0, 2.5), field(TAU, 1e-3, 0.0, 2.5));
    for i in (0..128).filter(|i| (*i as f64 - 64.0).abs() > 3.0) {
        assert!((sharp[i] - smooth[i]).abs() < 2e-3, "{i}: {} and {}", sharp[i], smooth[i]);
    }
    assert!(sharp[63] > 0.9 * sharp[60] && sharp[65] < 0.0);
}
