//! Systems of ordinary differential equations.

mod bursting_neuron;
mod chua;
mod cubic_spiral;
mod double_pendulum;
mod fitzhugh_nagumo;
mod harmonic;
mod kepler;
mod linear;
mod logistic;
mod lorenz63;
mod lorenz96;
mod lotka_volterra;
mod pendulum;
mod robertson;
mod rossler;
mod spiral;
mod van_der_pol;
pub mod zoo;

pub use bursting_neuron::BurstingNeuron;
pub use chua::Chua;
pub use cubic_spiral::CubicSpiral;
pub use double_pendulum::DoublePendulum;
pub use fitzhugh_nagumo::FitzhughNagumo;
pub use harmonic::Harmonic;
pub use kepler::Kepler;
pub use linear::Linear;
pub use logistic::Logistic;
pub use lorenz63::Lorenz63;
pub use lorenz96::Lorenz96;
pub use lotka_volterra::LotkaVolterra;
pub use pendulum::Pendulum;
pub use robertson::Robertson;
pub use rossler::Rossler;
pub use spiral::Spiral;
pub use van_der_pol::VanDerPol;
pub use zoo::ChaoticFlow;

use std::sync::Arc;

use flowmap_solvers::field::{Jacobian, Separable, VectorField};
use flowmap_solvers::increment::VectorJacobian;
use flowmap_solvers::state::DenseState;
use nalgebra::DMatrix;
use ndarray::Array1;

/// A system `y' = f(t, y)` with what is known of it.
pub trait OdeProblem: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;
    /// One line of mathematics.
    fn equation(&self) -> &'static str;
    /// The names of the entries of `y`.
    fn variables(&self) -> Vec<String>;
    /// Writes `f(t, y)`.
    fn rhs(&self, t: f64, y: &[f64], dy: &mut [f64]);
    /// Writes `∂fᵢ/∂yⱼ`.
    fn jacobian(&self, t: f64, y: &[f64], j: &mut DMatrix<f64>);
    /// The textbook start.
    fn initial(&self) -> Vec<f64>;
    /// The solution at `t` from `y0` at zero, where it is known in closed form.
    fn exact(&self, _t: f64, _y0: &[f64]) -> Option<Vec<f64>> {
        None
    }
    /// Conserved quantities.
    fn invariants(&self, _y: &[f64]) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
    /// Whether `y = (q, p)` with `H = T(p) + V(q)`; then `q' ` depends on `p` alone and `p'` on `q` alone.
    fn separable(&self) -> bool {
        false
    }
    /// Writes `q' = ∂T/∂p`; to be given by a separable problem, never called on another.
    fn velocity(&self, _p: &[f64], _dq: &mut [f64]) {}
    /// Writes `p' = −∂V/∂q`; to be given by a separable problem, never called on another.
    fn force(&self, _t: f64, _q: &[f64], _dp: &mut [f64]) {}
    /// A time between samples that resolves the motion, where one is known.
    fn time_step(&self) -> Option<f64> {
        None
    }
    /// The largest Lyapunov exponent, where it is known.
    fn lyapunov_exponent(&self) -> Option<f64> {
        None
    }
}

/// A problem as a field for the steppers.
///
/// As a [`Separable`] field it is what the problem's `velocity` and `force` say: only for a problem that is
/// [separable](OdeProblem::separable).
#[derive(Clone)]
pub struct OdeField {
    problem: Arc<dyn OdeProblem>,
}

impl OdeField {
    /// A field of its own for one thread.
    pub fn new(problem: Arc<dyn OdeProblem>) -> Self {
        Self { problem }
    }
}

impl<Y: DenseState> VectorField<Y> for OdeField {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        self.problem.rhs(t, y.as_slice(), dy.as_mut_slice());
    }
}

impl<Y: DenseState> Jacobian<Y> for OdeField {
    fn jacobian(&mut self, t: f64, y: &Y, jacobian: &mut DMatrix<f64>) {
        self.problem.jacobian(t, y.as_slice(), jacobian);
    }
}

/// By the Jacobian; nothing is a parameter.
impl<Y: DenseState> VectorJacobian<Y> for OdeField {
    type Gradient = ();

    fn zero_gradient(&self) {}

    fn vector_jacobian(&mut self, t: f64, y: &Y, v: &Y, scale: f64, y_bar: &mut Y, _gradient: &mut ()) {
        let n = y.as_slice().len();
        let mut jacobian = DMatrix::zeros(n, n);
        self.problem.jacobian(t, y.as_slice(), &mut jacobian);
        let (v, y_bar) = (v.as_slice(), y_bar.as_mut_slice());
        for (j, bar) in y_bar.iter_mut().enumerate() {
            *bar += scale * jacobian.column(j).iter().zip(v).map(|(d, v)| d * v).sum::<f64>();
        }
    }
}

impl Separable<Array1<f64>> for OdeField {
    fn velocity(&mut self, p: &Array1<f64>, dq: &mut Array1<f64>) {
        self.problem.velocity(DenseState::as_slice(p), dq.as_mut_slice());
    }

    fn force(&mut self, t: f64, q: &Array1<f64>, dp: &mut Array1<f64>) {
        self.problem.force(t, DenseState::as_slice(q), dp.as_mut_slice());
    }
}

/// Names of the entries.
fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// Writes a matrix given by rows.
fn fill(j: &mut DMatrix<f64>, rows: &[&[f64]]) {
    for (i, row) in rows.iter().enumerate() {
        for (k, x) in row.iter().enumerate() {
            j[(i, k)] = *x;
        }
    }
}
