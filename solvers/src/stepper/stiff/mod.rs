//! Implicit methods for stiff problems: ESDIRK Runge-Kutta with a simplified Newton iteration and dense LU.

mod finite_difference;
mod kvaerno3;
mod kvaerno5;
mod newton;

pub use finite_difference::FiniteDifference;
pub use kvaerno3::KVAERNO3;
pub use kvaerno5::KVAERNO5;

use super::{DenseStep, StepFailure, Stepper, Work};
use crate::field::Jacobian;
use crate::state::DenseState;
use newton::Newton;

/// A singly diagonally implicit Runge-Kutta method with an explicit first stage, stiffly accurate:
/// `Yᵢ = y + h Σ_{j<i} aᵢⱼ kⱼ + hγ f(t + cᵢh, Yᵢ)`, `y₁ = Y_s`. The error estimate is `Y_s − Y_{s−1}`, itself an
/// embedded stiffly accurate solution, so the next step's first slope is this step's last.
#[derive(Clone, Copy, Debug)]
pub struct EsdirkTableau {
    /// The name in configs and messages.
    pub name: &'static str,
    /// The order of `y₁`.
    pub order: usize,
    /// The order of the embedded solution `Y_{s−1}`.
    pub embedded_order: usize,
    /// The diagonal coefficient of all implicit stages.
    pub gamma: f64,
    /// The strictly lower triangle: row `i` holds the coefficients of stage `i + 1`.
    pub a: &'static [&'static [f64]],
    /// The nodes.
    pub c: &'static [f64],
}

/// Every tableau, in ascending order.
pub const ESDIRKS: [&EsdirkTableau; 2] = [&KVAERNO3, &KVAERNO5];

/// An ESDIRK method bound to a field with a Jacobian.
///
/// The Jacobian is kept over steps while Newton's method converges fast with it; the iteration matrix `I − hγJ` is
/// factored once per step size.
#[derive(Clone, Debug)]
pub struct Esdirk<F, Y> {
    tableau: &'static EsdirkTableau,
    field: F,
    slopes: Vec<Y>,
    base: Y,
    before_last: Y,
    newton: Newton,
    last: (f64, f64),
    /// Whether `slopes[0]` holds the slope at the state from which the next step starts.
    first_known: bool,
    work: Work,
}

impl<Y: DenseState, F: Jacobian<Y>> Esdirk<F, Y> {
    /// Binds a method to a field; `like` gives the shape of the state. Newton's iterations end well below the
    /// tolerances `rtol` and `atol` of the solve.
    pub fn new(tableau: &'static EsdirkTableau, field: F, like: &Y, rtol: f64, atol: f64) -> Self {
        Self {
            tableau,
            field,
            slopes: tableau.c.iter().map(|_| like.zeros_like()).collect(),
            base: like.zeros_like(),
            before_last: like.zeros_like(),
            newton: Newton::new(like.as_slice().len(), rtol, atol),
            last: (0.0, 0.0),
            first_known: false,
            work: Work::default(),
        }
    }

    /// All stages with the iteration matrix at hand.
    fn stages(&mut self, t: f64, h: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        let tableau = self.tableau;
        let (s, hg) = (tableau.c.len(), h * tableau.gamma);
        for i in 1..s {
            let row = tableau.a[i - 1];
            let terms: Vec<_> = row.iter().zip(&self.slopes).map(|(a, k)| (h * a, k)).collect();
            self.base.combine(y, &terms);
            // Predictor: the slope of the stage before.
            y1.combine(&self.base, &[(hg, &self.slopes[i - 1])]);
            let at = t + tableau.c[i] * h;
            self.newton.solve(
                &mut self.field,
                at,
                hg,
                y,
                &self.base,
                y1,
                &mut self.slopes[i],
                &mut self.work,
            )?;
            // The slope that the converged stage stands for: smoother than f(Y) where f is stiff.
            self.slopes[i].combine(y1, &[(-1.0, &self.base)]);
            self.slopes[i].scale(1.0 / hg);
            if i + 2 == s {
                self.before_last.assign(y1);
            }
        }
        Ok(())
    }
}

impl<Y: DenseState, F: Jacobian<Y>> Stepper<Y> for Esdirk<F, Y> {
    fn order(&self) -> usize {
        self.tableau.order
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(self.tableau.embedded_order)
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        if !self.first_known {
            self.field.eval(t, y, &mut self.slopes[0]);
            self.work.evaluations += 1;
            if !self.slopes[0].same_shape(y) {
                self.slopes[0] = y.zeros_like();
                return Err(StepFailure::Shape);
            }
            self.first_known = true;
        }
        self.last = (t, dt);
        let hg = dt * self.tableau.gamma;
        self.newton.prepare(&mut self.field, t, y, hg, &mut self.work)?;
        match self.stages(t, dt, y, y1) {
            Err(failure) if failure != StepFailure::Shape && !self.newton.is_fresh() => {
                self.newton.refresh(&mut self.field, t, y, hg, &mut self.work)?;
                self.stages(t, dt, y, y1)
            }
            result => result,
        }
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.base.combine(y1, &[(-1.0, &self.before_last)]);
        Some(Y::error_norm(&self.base, y0, y1, atol, rtol))
    }

    fn accept(&mut self) {
        // The dense output of the accepted step needs both ends: the first slope moves with a copy kept.
        let last = self.slopes.len() - 1;
        let (first, rest) = self.slopes.split_at_mut(last);
        self.base.assign(&first[0]);
        first[0].assign(&rest[0]);
        self.newton.moved();
    }

    fn reset(&mut self) {
        self.first_known = false;
        self.newton.forget();
    }

    /// The slope at the state and the Jacobian with its age.
    fn write_memory(&self, out: &mut Vec<f64>) {
        if self.first_known {
            self.slopes[0].write_entries(out);
            self.newton.write(out);
        }
    }

    fn read_memory(&mut self, memory: &[f64]) -> bool {
        self.reset();
        let mut rest = memory;
        self.first_known = self.slopes[0].read_entries(&mut rest) && self.newton.read(&mut rest);
        memory.is_empty() || (self.first_known && rest.is_empty())
    }

    fn dense_order(&self) -> usize {
        3
    }

    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        let [a, b, c, d] = super::hermite(theta);
        let dt = self.last.1;
        out.combine(y0, &[(a, y0), (b, y1), (c * dt, &self.base), (d * dt, &self.slopes[0])]);
    }

    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        super::hermite_step(y0, y1, self.last.1, &self.base, &self.slopes[0])
    }

    fn derivative(&mut self, t: f64, y: &Y, dy: &mut Y) -> bool {
        self.field.eval(t, y, dy);
        self.work.evaluations += 1;
        true
    }

    fn work(&self) -> Work {
        self.work
    }
}
