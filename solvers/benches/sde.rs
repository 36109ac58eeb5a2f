//! Geometric Brownian motion, 1000 paths of 1000 steps, beside its peers.
//!
//! `dy = μ y dt + σ y dW`, `μ = 0.05`, `σ = 0.2`, `y(0) = 1`, `t` from 0 to 1, in `f64`; only the ends are kept. Euler-Maruyama for the
//! Itô equation, Heun for the Stratonovich one. The check is the mean of the ends: `e^0.05` and `e^0.07` to sampling error.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod peers;

use flowmap_solvers::brownian::Brownian;
use flowmap_solvers::control::Control;
use flowmap_solvers::sde::{Calculus, Diagonal, Ito, OnPath, Sde, Stratonovich};
use flowmap_solvers::solve::{SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::HEUN;
use flowmap_solvers::stepper::sde::{EulerMaruyama, IncrementRk};
use ndarray::{Array2, Zip};
use rayon::prelude::*;

type Batch = Array2<f64>;

const PATHS: usize = 1000;
const STEPS: u64 = 1000;
/// Paths that one task moves: what a step touches stays in the nearest cache.
const ROWS: usize = 125;
const DRIFT: f64 = 0.05;
const VOLATILITY: f64 = 0.2;

struct Asset<C>(std::marker::PhantomData<C>);

impl<C: Calculus> Sde<Batch> for Asset<C> {
    type Noise = Batch;
    type Calculus = C;
    type Structure = Diagonal;
    fn noise_like(&self, y: &Batch) -> Batch {
        Batch::zeros(y.dim())
    }
    fn drift(&mut self, _t: f64, y: &Batch, out: &mut Batch) {
        Zip::from(out).and(y).for_each(|o, y| *o = DRIFT * y);
    }
    fn diffusion(&mut self, _t: f64, y: &Batch, dw: &Batch, out: &mut Batch) {
        Zip::from(out).and(y).and(dw).for_each(|o, y, w| *o = VOLATILITY * y * w);
    }
}

/// The mean of all ends.
fn mean<C: Calculus, S: Stepper<Batch>>(
    method: impl Fn(OnPath<Asset<C>, Brownian, Batch>, &Batch) -> S + Sync,
) -> f64 {
    let dt = 1.0 / STEPS as f64;
    let sums: f64 = (0..PATHS / ROWS)
        .into_par_iter()
        .map(|i| {
            let y0 = Batch::ones((ROWS, 1));
            let path = Brownian::on_grid(0, 0.0, dt, STEPS, &y0).first_row(i * ROWS);
            let equation = OnPath::new(Asset(std::marker::PhantomData), path, &y0);
            let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt });
            solve(&mut method(equation, &y0), &y0, &mut options).ys[0].sum()
        })
        .sum();
    sums / PATHS as f64
}

fn main() {
    peers::compare(
        "sde.py",
        &[
            ("euler-maruyama", &|| mean::<Ito, _>(EulerMaruyama::new)),
            ("heun", &|| mean::<Stratonovich, _>(|e, y| IncrementRk::new(&HEUN, e, y))),
        ],
    );
}
