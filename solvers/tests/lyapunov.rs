//! Exponents of systems whose exponents are known.

#![allow(clippy::unwrap_used)]

use flowmap_solvers::field::{Jacobian, VectorField};
use flowmap_solvers::lyapunov::{
    LyapunovOptions, LyapunovSpectrum, flow_exponents, kaplan_yorke_dimension, map_exponents,
};
use flowmap_solvers::solve::Outcome;
use flowmap_solvers::stepper::explicit_rk::{DOPRI8, RK4};
use nalgebra::DMatrix;

/// A field or a map of `N` variables with its Jacobian by rows.
struct System<const N: usize> {
    value: fn(&[f64; N]) -> [f64; N],
    slope: fn(&[f64; N]) -> [[f64; N]; N],
}

impl<const N: usize> VectorField<[f64; N]> for System<N> {
    fn eval(&mut self, _t: f64, y: &[f64; N], dy: &mut [f64; N]) {
        *dy = (self.value)(y);
    }
}

impl<const N: usize> Jacobian<[f64; N]> for System<N> {
    fn jacobian(&mut self, _t: f64, y: &[f64; N], j: &mut DMatrix<f64>) {
        let rows = (self.slope)(y);
        j.iter_mut().enumerate().for_each(|(k, x)| *x = rows[k % N][k / N]);
    }
}

const LORENZ: System<3> = System {
    value: |&[x, y, z]| [10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z],
    slope: |&[x, y, z]| [[-10.0, 10.0, 0.0], [28.0 - z, -1.0, -x], [y, x, -8.0 / 3.0]],
};

const HENON: System<2> = System {
    value: |&[x, y]| [1.0 - 1.4 * x * x + y, 0.3 * x],
    slope: |&[x, _]| [[-2.8 * x, 1.0], [0.3, 0.0]],
};

fn options(count: usize, transient: f64, duration: f64, interval: f64) -> LyapunovOptions {
    LyapunovOptions { count, transient, duration, interval }
}

fn close(measured: &LyapunovSpectrum, expected: &[f64], tolerance: f64) {
    assert_eq!(measured.exponents.len(), expected.len());
    for (a, b) in measured.exponents.iter().zip(expected) {
        assert!((a - b).abs() < tolerance, "{:?} {expected:?}", measured.exponents);
    }
}

#[test]
fn a_linear_system_has_its_eigenvalues() {
    // Far from normal: eigenvalues 0.5, −1 ± 2i (twice −1), −6.
    let linear = System {
        value: |&[a, b, c, d]: &[f64; 4]| [0.5 * a + 9.0 * b, -b + 2.0 * c + d, -2.0 * b - c, -6.0 * d],
        slope: |_| {
            [[0.5, 9.0, 0.0, 0.0], [0.0, -1.0, 2.0, 1.0], [0.0, -2.0, -1.0, 0.0], [0.0, 0.0, 0.0, -6.0]]
        },
    };
    // Whole turns of the pair, over which its growth is even.
    let turns = std::f64::consts::PI;
    let spectrum =
        flow_exponents(linear, &[0.0; 4], &DOPRI8, 0.02, &options(4, 8.0 * turns, 40.0 * turns, turns / 2.0));
    close(&spectrum.unwrap(), &[0.5, -1.0, -1.0, -6.0], 1e-7);
}

#[test]
fn the_logistic_map_gains_one_bit_a_step() {
    let logistic = System { value: |&[x]| [4.0 * x * (1.0 - x)], slope: |&[x]| [[4.0 - 8.0 * x]] };
    let spectrum = map_exponents(logistic, &[0.3], &options(1, 100.0, 200_000.0, 1.0)).unwrap();
    close(&spectrum, &[2.0_f64.ln()], 2e-3);
    assert_eq!((spectrum.times.len(), spectrum.times[9], spectrum.running.len()), (200_000, 10.0, 200_000));
}

#[test]
fn henon_has_its_exponents_and_contracts_by_its_determinant() {
    let spectrum = map_exponents(HENON, &[0.1, 0.1], &options(2, 100.0, 500_000.0, 1.0)).unwrap();
    close(&spectrum, &[0.4192, 0.3_f64.ln() - 0.4192], 2e-3);
    assert!((spectrum.exponents.iter().sum::<f64>() - 0.3_f64.ln()).abs() < 1e-12);
    // Several steps between two decompositions change nothing.
    let rarely = map_exponents(HENON, &[0.1, 0.1], &options(2, 100.0, 500_000.0, 5.0)).unwrap();
    close(&rarely, &spectrum.exponents, 1e-8);
}

#[test]
fn lorenz_has_its_spectrum_its_divergence_and_its_dimension() {
    let spectrum =
        flow_exponents(LORENZ, &[1.0, 1.0, 1.0], &DOPRI8, 0.02, &options(3, 50.0, 10_000.0, 0.5)).unwrap();
    close(&spectrum, &[0.9056, 0.0, -14.5723], 0.01);
    assert!((spectrum.exponents.iter().sum::<f64>() + 10.0 + 1.0 + 8.0 / 3.0).abs() < 1e-6);
    assert!((kaplan_yorke_dimension(&spectrum.exponents) - 2.062).abs() < 1e-3);
    // The running estimate settles: its scatter falls as the time grows.
    let scatter = |range: std::ops::Range<usize>| {
        spectrum.running[range].iter().map(|r| (r[0] - 0.9056).abs()).fold(0.0, f64::max)
    };
    assert!(scatter(10_000..20_000) < 0.3 * scatter(10..1000));
}

#[test]
fn one_exponent_alone_is_the_first_of_all() {
    let one = flow_exponents(LORENZ, &[1.0, 1.0, 1.0], &RK4, 0.01, &options(1, 50.0, 3000.0, 0.5)).unwrap();
    let all = flow_exponents(LORENZ, &[1.0, 1.0, 1.0], &RK4, 0.01, &options(9, 50.0, 3000.0, 0.5)).unwrap();
    assert_eq!((one.exponents.len(), all.exponents.len()), (1, 3));
    assert!((one.exponents[0] - all.exponents[0]).abs() < 1e-6, "{:?} {:?}", one.exponents, all.exponents);
}

#[test]
fn an_orbit_that_ends_says_where() {
    let blow_up = System { value: |&[x]| [x * x], slope: |&[x]| [[2.0 * x]] };
    // y = 1/(1 − t).
    match flow_exponents(blow_up, &[1.0], &RK4, 1e-3, &options(1, 0.0, 10.0, 0.25)) {
        Err(Outcome::NonFinite { t }) => assert!((t - 1.0).abs() < 0.01, "{t}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_direction_has_no_finite_exponent() {
    let projection =
        System { value: |&[x, _]: &[f64; 2]| [0.5 * x, 0.0], slope: |_| [[0.5, 0.0], [0.0, 0.0]] };
    let spectrum = map_exponents(projection, &[1.0, 1.0], &options(2, 3.0, 50.0, 1.0)).unwrap();
    assert!((spectrum.exponents[0] - 0.5_f64.ln()).abs() < 1e-12);
    assert_eq!(spectrum.exponents[1], f64::NEG_INFINITY);
}

#[test]
fn the_dimension_of_kaplan_and_yorke() {
    assert_eq!(kaplan_yorke_dimension(&[-0.5, -1.0]), 0.0);
    assert_eq!(kaplan_yorke_dimension(&[0.0, -1.0]), 1.0);
    assert_eq!(kaplan_yorke_dimension(&[-4.0, 1.0, 0.0]), 2.25);
    assert_eq!(kaplan_yorke_dimension(&[0.5, -0.25, -0.25]), 3.0);
    assert_eq!(kaplan_yorke_dimension(&[0.3, f64::NEG_INFINITY]), 1.0);
    assert_eq!(kaplan_yorke_dimension(&[]), 0.0);
}
