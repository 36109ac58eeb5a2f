//! Stochastic differential equations.

mod double_well;
mod geometric_brownian;
mod method;
mod ornstein_uhlenbeck;
mod stochastic_lorenz;

pub use double_well::DoubleWell;
pub use geometric_brownian::GeometricBrownian;
pub use method::{SdeField, check_method, path, stepper};
pub use ornstein_uhlenbeck::OrnsteinUhlenbeck;
pub use stochastic_lorenz::StochasticLorenz;

use flowmap_solvers::sde::{NoiseKind, Reading};

/// Means and variances of all entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `E yᵢ`.
    pub mean: Vec<f64>,
    /// `Var yᵢ`.
    pub variance: Vec<f64>,
}

/// A system `dy = f(t, y) dt + g(t, y) dW` with what is known of it.
pub trait SdeProblem: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;
    /// One line of mathematics.
    fn equation(&self) -> &'static str;
    /// The names of the entries of `y`.
    fn variables(&self) -> Vec<String>;
    /// How many noises there are.
    fn noises(&self) -> usize;
    /// How `g dW` is meant.
    fn reading(&self) -> Reading;
    /// How the noise enters.
    fn noise(&self) -> NoiseKind;
    /// Writes `f(t, y)`.
    fn drift(&self, t: f64, y: &[f64], dy: &mut [f64]);
    /// Writes `g(t, y) dw`.
    fn diffusion(&self, t: f64, y: &[f64], dw: &[f64], out: &mut [f64]);
    /// Writes the derivative of `g(t, y) dw` along `v`; zero for additive noise.
    fn diffusion_derivative(&self, t: f64, y: &[f64], v: &[f64], dw: &[f64], out: &mut [f64]);
    /// The textbook start.
    fn initial(&self) -> Vec<f64>;
    /// The solution at `t` from `y0` at zero on the path that ends at `W(t) = w`, where that is known in closed form.
    fn exact(&self, _t: f64, _y0: &[f64], _w: &[f64]) -> Option<Vec<f64>> {
        None
    }
    /// Means and variances at `t` from `y0` at zero, where they are known in closed form.
    fn moments(&self, _t: f64, _y0: &[f64]) -> Option<Moments> {
        None
    }
}
