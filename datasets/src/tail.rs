//! What a grid resolves.

use flowmap_solvers::fourier::FourierGrid;
use num_complex::Complex64;

use crate::problem::pde::PdeProblem;

/// Modes from this share of the highest that the two-thirds rule keeps.
const HIGHEST: f64 = 0.9;

/// Energy below this share of the mean's is rounding.
const ROUNDING: f64 = 1e-24;

/// The largest share, over states and channels, that the highest tenth of the modes kept has of a channel's deviation from its
/// mean: relative L2 norm. A spectrum falls on from there, so that it bounds what is missing to a factor of the order of one.
pub(crate) fn tail(problem: &dyn PdeProblem, states: &[Vec<f64>]) -> f64 {
    let grid = problem.grid();
    let Ok(grid) = FourierGrid::new(grid.shape(), grid.lengths()) else { return 0.0 };
    let mut reach = vec![0.0_f64; grid.modes()];
    for (axis, n) in grid.shape().iter().enumerate() {
        let kept = *n as f64 / 3.0;
        for (r, m) in reach.iter_mut().zip(grid.frequencies(axis)) {
            *r = r.max(m.abs() as f64 / kept);
        }
    }
    let halved = grid.frequencies(grid.axes() - 1);
    let (mut transform, mut u_hat) = (grid.transform(), vec![Complex64::ZERO; grid.modes()]);
    let mut largest: f64 = 0.0;
    for u in states.iter().flat_map(|state| state.chunks_exact(grid.points())) {
        transform.forward(u, &mut u_hat);
        let (mut high, mut all) = (0.0, 0.0);
        for ((u, r), m) in u_hat.iter().zip(&reach).zip(&halved) {
            // Modes off the edge of the halved axis stand for two.
            let energy = u.norm_sqr() * if *m == 0 { 1.0 } else { 2.0 };
            all += if *r > 0.0 { energy } else { 0.0 };
            high += if *r >= HIGHEST { energy } else { 0.0 };
        }
        if all > ROUNDING * u_hat[0].norm_sqr() {
            largest = largest.max((high / all).sqrt());
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::pde::{Burgers, Pde};

    #[test]
    fn only_the_highest_modes_count() {
        let problem = Pde::new(Burgers { points: 60, length: 1.0, viscosity: 0.1 });
        let Ok(problem) = problem else { panic!("a grid of 60 points") };
        let wave = |m: f64, a: f64| -> Vec<f64> {
            (0..60).map(|i| a * (std::f64::consts::TAU * m * f64::from(i) / 60.0).cos()).collect()
        };
        let sum = |other: Vec<f64>| -> Vec<f64> {
            wave(1.0, 3.0).iter().zip(other).map(|(a, b)| 5.0 + a + b).collect()
        };
        // Nineteen modes are kept; those from eighteen on are the highest.
        for (m, expected) in [(17.0, 0.0), (18.0, 0.8), (19.0, 0.8)] {
            let share = tail(&problem, &[vec![1.0; 60], sum(wave(m, 4.0))]);
            assert!((share - expected).abs() < 1e-12, "{m}: {share}");
        }
    }
}
