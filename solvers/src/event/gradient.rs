//! How the time of an event, and what comes after it, depends on what came before.

use nalgebra::{DMatrix, DVector};

/// The trajectory touches the condition's zero without crossing it: the time of the event has no derivative.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the condition changes at a rate of {rate:.1e} along the trajectory, within rounding of zero: a grazing event has no \
     derivative; move the start or the condition"
)]
pub struct Grazing {
    /// `dg/dt` along the trajectory.
    pub rate: f64,
}

/// An event `g(t*, y(t*)) = 0` seen from a variation `δy` of the state just before it (at the fixed time `t*`).
///
/// By the implicit function theorem `δt* = −(∇g · δy) / ġ` with `ġ = ∂g/∂t + ∇g · f⁻`, and the state at the event moves by
/// `δy* = δy + f⁻ δt*`. A parameter `θ` of the condition itself moves the time by `−(∂g/∂θ) / ġ`. All vectors have the
/// length of the state.
///
/// I. A. Hiskens, M. A. Pai, "Trajectory sensitivity analysis of hybrid systems", IEEE Trans. Circuits Syst. I 47 (2000)
/// 204-220.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// `dt*/dy = −∇g / ġ`.
    time_gradient: Vec<f64>,
    /// `f⁻`.
    before: Vec<f64>,
    rate: f64,
}

impl Crossing {
    /// From `∇g` and `∂g/∂t` at the event, and the slope `f⁻` just before it.
    ///
    /// # Errors
    /// If the trajectory grazes the condition.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn new(condition_gradient: &[f64], condition_rate: f64, before: &[f64]) -> Result<Self, Grazing> {
        assert_eq!(condition_gradient.len(), before.len(), "a gradient and a slope of one state");
        let products = condition_gradient.iter().zip(before).map(|(g, f)| g * f);
        let (rate, size) =
            products.fold((condition_rate, condition_rate.abs()), |(sum, size), p| (sum + p, size + p.abs()));
        if rate.is_nan() || rate.abs() <= 8.0 * f64::EPSILON * size {
            return Err(Grazing { rate });
        }
        Ok(Self {
            time_gradient: condition_gradient.iter().map(|g| -g / rate).collect(),
            before: before.to_vec(),
            rate,
        })
    }

    /// `dt*/dy`.
    pub fn time_gradient(&self) -> &[f64] {
        &self.time_gradient
    }

    /// `dt*/dg = −1/ġ`: times `∂g/∂θ`, how the time moves with a parameter of the condition.
    pub fn time_by_condition(&self) -> f64 {
        -1.0 / self.rate
    }

    /// The cotangent of the state just before, from those of the state `y*` at the event and of its time: `ȳ ← ȳ +
    /// (t̄ + ȳ · f⁻) dt*/dy`. Returns `t̄ + ȳ · f⁻`, all that depends on the time of the event; its product with
    /// [`time_by_condition`](Self::time_by_condition) is the cotangent of the condition.
    pub fn pull_back(&self, y_bar: &mut [f64], t_bar: f64) -> f64 {
        let total = t_bar + y_bar.iter().zip(&self.before).map(|(y, f)| y * f).sum::<f64>();
        y_bar.iter_mut().zip(&self.time_gradient).for_each(|(y, t)| *y += total * t);
        total
    }

    /// The saltation matrix of a reset `y⁺ = r(t, y⁻)`, which takes `δy` just before to `δy⁺` just after, at a fixed time:
    /// `S = R + (f⁺ − R f⁻ − ∂r/∂t) (∇g)ᵀ / ġ` with `R = ∂r/∂y`, `f⁺` the slope just after. A gradient goes back by `Sᵀ`.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn saltation(
        &self,
        reset_jacobian: &DMatrix<f64>,
        reset_rate: &[f64],
        after: &[f64],
    ) -> DMatrix<f64> {
        let jump = DVector::from_column_slice(after)
            - reset_jacobian * DVector::from_column_slice(&self.before)
            - DVector::from_column_slice(reset_rate);
        reset_jacobian - jump * DVector::from_column_slice(&self.time_gradient).transpose()
    }
}
