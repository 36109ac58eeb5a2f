//! Delay differential equations.

mod mackey_glass;

pub use mackey_glass::MackeyGlass;

/// A system `y'(t) = f(t, y(t), y(t − τ))`; before its start at zero `y` is constant.
pub trait DdeProblem: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;
    /// One line of mathematics.
    fn equation(&self) -> &'static str;
    /// The names of the entries of `y`.
    fn variables(&self) -> Vec<String>;
    /// The delay `τ`.
    fn delay(&self) -> f64;
    /// Writes `f(t, y, y(t − τ))`.
    fn rhs(&self, t: f64, y: &[f64], delayed: &[f64], dy: &mut [f64]);
    /// The textbook start.
    fn initial(&self) -> Vec<f64>;
}
