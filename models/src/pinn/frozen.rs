//! Random features that stay as they are, and their coefficients as an ordinary differential equation in time.

use flowmap_solvers::control::Control;
use flowmap_solvers::field::{Jacobian, VectorField};
use flowmap_solvers::solve::{Outcome, SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::stiff::{Esdirk, KVAERNO5};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::{Rng, RngExt};

use super::equation::{Equation, SPACE, TERMS, TIME, VALUE};
use super::{Domain, Profile};
use crate::jet::{Activation, Directions, Embedding, Mlp};

/// Places of the least squares for each feature.
const OVERSAMPLING: usize = 3;

/// Singular values below this, relative to the largest, are left out.
const RANK: f64 = 1e-10;

/// The gentlest slope of a feature in its argument.
const GENTLE: f64 = 0.5;

/// Steps after which the solve in time gives up: an equation that is not for this basis needs ever shorter ones.
const STEPS: u64 = 5_000;

/// `u = u₀(x) + Σ a_j(t) φ_j(x)`, `φ_j = tanh(w_j·(cos κx, sin κx) + b_j)` with `w_j, b_j` drawn once: an orthonormal basis of these
/// features by singular values, the equation by least squares on an even grid, `a` by an implicit method of fifth order with step control.
///
/// C. Datar et al., "Fast training of accurate physics-informed neural networks without gradient descent", ICLR 2026.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrozenFeatures {
    /// Features.
    pub features: usize,
    /// The steepest slope in the argument; slopes are even in their logarithm.
    pub steepest: f64,
    /// The relative tolerance in time.
    pub tolerance: f64,
}

/// What they give.
#[derive(Clone, Debug)]
pub struct FrozenSolution {
    /// `u [time, place]`, not a number from where the solve ended.
    pub values: Array2<f64>,
    /// The functions of the basis.
    pub rank: usize,
    /// How the solve in time ended.
    pub outcome: Outcome,
}

impl FrozenFeatures {
    /// Solves an equation on a periodic axis from a start, and evaluates the solution at places `xs` and times `ts` that grow from the
    /// start of the domain.
    pub fn solve(
        &self,
        equation: &Equation,
        domain: &Domain,
        start: &Profile,
        xs: &[f64],
        ts: &[f64],
        rng: &mut impl Rng,
    ) -> FrozenSolution {
        let (network, theta) = self.network(domain, rng);
        let n = OVERSAMPLING * self.features;
        let nodes: Vec<f64> = (0..n).map(|i| domain.origin + domain.length * i as f64 / n as f64).collect();
        let directions = Directions::new(2).axis(0, equation.order());
        let jets = |xs: &[f64]| -> Vec<DMatrix<f64>> {
            let points = Array2::from_shape_fn((xs.len(), 2), |(i, a)| if a == 0 { xs[i] } else { 0.0 });
            let tape = network.jet(&theta, points.view(), &directions);
            (0..directions.components()).map(|c| dense(tape.component(c))).collect()
        };
        let at_nodes = jets(&nodes);
        let svd = at_nodes[0].clone().svd(true, true);
        let least = RANK * svd.singular_values.max();
        let rank = svd.singular_values.iter().filter(|s| **s > least).count();
        let turn = svd.v_t.as_ref().map(|v| v.rows(0, rank).transpose()).unwrap_or_default();
        let scaled = DMatrix::from_fn(turn.nrows(), rank, |i, j| turn[(i, j)] / svd.singular_values[j]);
        let basis: Vec<_> = at_nodes.iter().map(|phi| phi * &scaled).collect();
        let starts = nodes.iter().map(|x| start.at(*x)).collect();
        let projection = basis[0].transpose();
        let field = Frozen { equation: equation.clone(), starts, basis, projection };
        let like = Array1::zeros(rank);
        let mut stepper = Esdirk::new(&KVAERNO5, field, &like, self.tolerance, 1e-2 * self.tolerance);
        let end = ts.last().copied().unwrap_or(domain.start);
        let mut options =
            SolveOptions::new(domain.start, end, Control::adaptive(self.tolerance, 1e-2 * self.tolerance));
        options.save = SaveAt::Times(ts.to_vec());
        options.max_steps = STEPS;
        let solution = solve(&mut stepper, &like, &mut options);
        let shown = &jets(xs)[0] * scaled;
        let mut values = Array2::from_elem((ts.len(), xs.len()), f64::NAN);
        let base: Vec<f64> = xs.iter().map(|x| start.at(*x)[0]).collect();
        for (mut row, a) in values.rows_mut().into_iter().zip(&solution.ys) {
            let sum = &shown * DVector::from_iterator(rank, a.iter().copied());
            row.iter_mut().zip(&base).zip(sum.iter()).for_each(|((v, b), s)| *v = b + s);
        }
        FrozenSolution { values, rank, outcome: solution.outcome }
    }

    /// A network of one hidden layer whose outputs are its units.
    fn network(&self, domain: &Domain, rng: &mut impl Rng) -> (Mlp, Vec<f64>) {
        let m = self.features;
        let embedding = Embedding::default().periodic(2, 0, std::f64::consts::TAU / domain.length, 1);
        let network = Mlp::new(embedding, m, 1, m, Activation::Tanh, 1.0);
        let mut theta = vec![0.0; network.parameters()];
        for j in 0..m {
            let slope = GENTLE * (self.steepest / GENTLE).powf(rng.random::<f64>());
            let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
            theta[j] = slope * cos;
            theta[m + j] = slope * sin;
            theta[2 * m + j] = slope * (2.0 * rng.random::<f64>() - 1.0);
            theta[3 * m + j * m + j] = 1.0;
        }
        (network, theta)
    }
}

fn dense(a: ArrayView2<'_, f64>) -> DMatrix<f64> {
    DMatrix::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

/// `a′ = Φ⁺ F(u₀ + Φ a)`.
struct Frozen {
    equation: Equation,
    starts: Vec<[f64; super::MAX_PROFILE]>,
    /// `Φ, Φ_x, …`.
    basis: Vec<DMatrix<f64>>,
    projection: DMatrix<f64>,
}

impl Frozen {
    /// `F = −R` without `u_t` at every node, with its derivatives by `u, u_x, …`.
    fn slopes(&self, a: &Array1<f64>) -> Vec<(f64, [f64; TERMS])> {
        let a = DVector::from_iterator(a.len(), a.iter().copied());
        let parts: Vec<DVector<f64>> = self.basis.iter().map(|phi| phi * &a).collect();
        let at = |(i, start): (usize, &[f64; super::MAX_PROFILE])| {
            let mut u = [0.0; TERMS];
            for (k, part) in parts.iter().enumerate() {
                u[place(k)] = start[k] + part[i];
            }
            u[TIME] = 0.0;
            self.equation.residual(&u)
        };
        self.starts.iter().enumerate().map(at).collect()
    }
}

fn place(k: usize) -> usize {
    if k == 0 { VALUE } else { SPACE + k - 1 }
}

impl VectorField<Array1<f64>> for Frozen {
    fn eval(&mut self, _t: f64, a: &Array1<f64>, da: &mut Array1<f64>) {
        let f = DVector::from_iterator(self.starts.len(), self.slopes(a).iter().map(|(r, _)| -r));
        let slope = &self.projection * f;
        da.slice_mut(s![..]).iter_mut().zip(slope.iter()).for_each(|(d, s)| *d = *s);
    }
}

impl Jacobian<Array1<f64>> for Frozen {
    fn jacobian(&mut self, _t: f64, a: &Array1<f64>, jacobian: &mut DMatrix<f64>) {
        let slopes = self.slopes(a);
        let mut by_a = DMatrix::zeros(self.starts.len(), a.len());
        for (k, phi) in self.basis.iter().enumerate() {
            for (j, mut column) in by_a.column_iter_mut().enumerate() {
                for (i, (_, by)) in slopes.iter().enumerate() {
                    column[i] -= by[place(k)] * phi[(i, j)];
                }
            }
        }
        jacobian.copy_from(&(&self.projection * by_a));
    }
}
