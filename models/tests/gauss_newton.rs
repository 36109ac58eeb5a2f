//! Optimisers of sums of squares: on problems with known minima, and against each other.

#![allow(clippy::unwrap_used)]

use std::ops::Range;

use flowmap_models::gauss_newton::{
    Adam, GaussNewtonError, Lbfgs, LeastSquares, LevenbergMarquardt, Memory, NaturalGradient, Optimiser,
    Solve, Step, cost,
};
use ndarray::{Array2, ArrayViewMut2};

/// `Σ (θ·φ(x_i) − y_i)²` made nonlinear by `θ ↦ θ + θ³/10`, with more weights than one block of the factorisation.
struct Curved {
    features: Array2<f64>,
    target: Vec<f64>,
}

impl Curved {
    fn new(rows: usize, weights: usize) -> Self {
        let features =
            Array2::from_shape_fn((rows, weights), |(i, j)| ((i * 37 + j * 17 + i * j) as f64).sin());
        let bent: Vec<f64> = (0..weights).map(|j| bend((j as f64).cos())).collect();
        let target = features.dot(&ndarray::aview1(&bent)).to_vec();
        Self { features, target }
    }
}

fn bend(t: f64) -> f64 {
    t + 0.1 * t * t * t
}

impl LeastSquares for Curved {
    fn parameters(&self) -> usize {
        self.features.ncols()
    }
    fn chunks(&self) -> Vec<Range<usize>> {
        let n = self.target.len();
        (0..n).step_by(50).map(|a| a..(a + 50).min(n)).collect()
    }
    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        for (r, i) in r.iter_mut().zip(self.chunks()[chunk].clone()) {
            let sum: f64 = theta.iter().zip(self.features.row(i)).map(|(t, f)| bend(*t) * f).sum();
            *r = sum - self.target[i];
        }
    }
    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        self.residual(theta, chunk, r);
        for (n, i) in self.chunks()[chunk].clone().enumerate() {
            for (j, t) in theta.iter().enumerate() {
                jacobian[[n, j]] = self.features[[i, j]] * (1.0 + 0.3 * t * t);
            }
        }
    }
}

/// The Rosenbrock function, `r = (10(y − x²), 1 − x)`.
struct Rosenbrock;

impl LeastSquares for Rosenbrock {
    fn parameters(&self) -> usize {
        2
    }
    fn chunks(&self) -> Vec<Range<usize>> {
        std::iter::once(0..2).collect()
    }
    fn residual(&self, t: &[f64], _: usize, r: &mut [f64]) {
        r.copy_from_slice(&[10.0 * (t[1] - t[0] * t[0]), 1.0 - t[0]]);
    }
    fn linearise(&self, t: &[f64], chunk: usize, r: &mut [f64], mut j: ArrayViewMut2<'_, f64>) {
        self.residual(t, chunk, r);
        j[[0, 0]] = -20.0 * t[0];
        j[[0, 1]] = 10.0;
        j[[1, 0]] = -1.0;
        j[[1, 1]] = 0.0;
    }
}

fn run(optimiser: &Optimiser, problem: &impl LeastSquares, theta: &mut [f64], steps: usize) -> f64 {
    let mut memory = Memory::default();
    for _ in 0..steps {
        if let Step::Stalled { .. } = optimiser.step(problem, theta, &mut memory).unwrap() {
            break;
        }
    }
    cost(problem, theta)
}

#[test]
fn every_optimiser_finds_the_minimum_of_rosenbrock() {
    let all = [
        (Optimiser::LevenbergMarquardt(LevenbergMarquardt::default()), 60, 1e-20),
        (Optimiser::NaturalGradient(NaturalGradient::default()), 60, 1e-20),
        (Optimiser::Lbfgs(Lbfgs::default()), 120, 1e-18),
        (Optimiser::Adam(Adam { rate: 0.02 }), 6000, 1e-8),
    ];
    for (optimiser, steps, tolerance) in all {
        let mut theta = [-1.2, 1.0];
        let cost = run(&optimiser, &Rosenbrock, &mut theta, steps);
        assert!(cost < tolerance, "{}: {cost:.1e} at {theta:?}", optimiser.name());
    }
}

#[test]
fn all_forms_of_the_linear_system_give_the_same_step() {
    // More residuals than weights, and fewer; both larger than a block.
    for (rows, weights) in [(330, 210), (130, 250)] {
        let problem = Curved::new(rows, weights);
        let with = |solve: Solve, geodesic: bool| {
            let (cg_tolerance, cg_iterations) = (1e-13, 2000);
            let config = LevenbergMarquardt {
                solve,
                geodesic,
                cg_tolerance,
                cg_iterations,
                ..LevenbergMarquardt::default()
            };
            let mut theta = vec![0.1; weights];
            Optimiser::LevenbergMarquardt(config).step(&problem, &mut theta, &mut Memory::default()).unwrap();
            theta
        };
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let (straight, bent) = (with(Solve::Dense, false), with(Solve::Dense, true));
        for other in [Solve::Auto, Solve::Dual, Solve::Cg] {
            let difference = apart(&with(other, false), &straight);
            assert!(difference < 1e-9, "{other:?}: {difference:.1e}");
        }
        assert!(apart(&with(Solve::Dual, true), &bent) < 1e-9);
        assert!(apart(&straight, &bent) > 1e-6);
    }
}

#[test]
fn a_consistent_problem_is_solved_to_rounding() {
    let problem = Curved::new(330, 210);
    for sketch in [0, 150] {
        let config = LevenbergMarquardt { sketch, ..Default::default() };
        let mut theta = vec![0.0; 210];
        let cost = run(&Optimiser::LevenbergMarquardt(config), &problem, &mut theta, 120);
        assert!(cost < 1e-16, "sketch {sketch}: {cost:.1e}");
    }
}

#[test]
fn geodesic_steps_need_fewer_in_a_bent_valley() {
    let steps = |geodesic: bool| {
        let config = LevenbergMarquardt { geodesic, ..LevenbergMarquardt::default() };
        let (optimiser, mut memory) = (Optimiser::LevenbergMarquardt(config), Memory::default());
        let mut theta = vec![-1.2, 1.0];
        let mut count = 0;
        while cost(&Rosenbrock, &theta) > 1e-20 && count < 200 {
            optimiser.step(&Rosenbrock, &mut theta, &mut memory).unwrap();
            count += 1;
        }
        count
    };
    assert!(steps(true) < steps(false), "{} {}", steps(true), steps(false));
}

#[test]
fn what_is_too_large_is_refused_with_its_size() {
    let config = Optimiser::LevenbergMarquardt(LevenbergMarquardt { memory_gb: 2.0, ..Default::default() });
    let refusal = config.affordable(40_000, 20_000).unwrap_err();
    assert!((refusal.needed - 12.8).abs() < 1e-9);
    assert!(refusal.to_string().contains("12.8 GB"), "{refusal}");
    let cg = LevenbergMarquardt { solve: Solve::Cg, memory_gb: 2.0, ..Default::default() };
    assert!(Optimiser::LevenbergMarquardt(cg).affordable(40_000, 20_000).is_ok());
}

#[test]
fn a_residual_that_is_no_number_is_named() {
    let mut problem = Curved::new(120, 20);
    problem.target[73] = f64::NAN;
    for optimiser in [Optimiser::default(), Optimiser::Lbfgs(Lbfgs::default())] {
        let mut theta = vec![0.0; 20];
        match optimiser.step(&problem, &mut theta, &mut Memory::default()) {
            Err(GaussNewtonError::NonFinite { row: 73, value }) => assert!(value.is_nan()),
            other => panic!("{other:?}"),
        }
        assert_eq!(theta, vec![0.0; 20]);
    }
}
