//! Stochastic processes: paths are drawn, and their laws are what a model learns.

mod ornstein_uhlenbeck;
mod stochastic_lorenz;

pub use ornstein_uhlenbeck::OrnsteinUhlenbeck;
pub use stochastic_lorenz::StochasticLorenz;

use rand_chacha::ChaCha8Rng;

/// A process, sampled at given times.
pub trait Process: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;

    /// One line of mathematics.
    fn equation(&self) -> &'static str;

    /// The names of the variables.
    fn variables(&self) -> Vec<String>;

    /// Draws a path `[time, variable]`, flattened, at ascending times from the first on.
    fn sample(&self, times: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64>;

    /// The mean and the standard deviation of every variable a time after the start, where they are known.
    fn marginal(&self, _t: f64) -> Option<Vec<(f64, f64)>> {
        None
    }
}
