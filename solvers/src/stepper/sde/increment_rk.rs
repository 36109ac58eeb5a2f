//! Explicit Runge-Kutta methods over increments: Heun, midpoint, Ralston.

use crate::increment::Increment;
use crate::state::{MOST_STAGES, State};
use crate::stepper::explicit_rk::Tableau;
use crate::stepper::{StepFailure, Stepper, Work};

/// An explicit Runge-Kutta method whose slopes are increments: `Fᵢ = F(t, t + h; cᵢ, y + Σⱼ aᵢⱼ Fⱼ)`, `y₁ = y + Σᵢ bᵢ Fᵢ`.
///
/// With [`HEUN`](crate::stepper::explicit_rk::HEUN), [`MIDPOINT`](crate::stepper::explicit_rk::MIDPOINT) or any tableau of order
/// two or more it converges to the Stratonovich solution of an equation [on a path](crate::sde::OnPath): strong order 1 for noise that
/// commutes, ½ for general noise, weak order 1. The error estimate is the difference to the first stage alone, `y + F₁`.
///
/// W. Rüemelin, "Numerical treatment of stochastic differential equations", SIAM Journal on Numerical Analysis 19 (1982) 604-613.
#[derive(Clone, Debug)]
pub struct IncrementRk<I, Y> {
    tableau: &'static Tableau,
    equation: I,
    stages: Vec<Y>,
    scratch: Y,
    work: Work,
}

impl<Y: State, I: Increment<Y>> IncrementRk<I, Y> {
    /// Binds a method to an equation; `like` gives the shape of the state.
    ///
    /// # Panics
    /// If the tableau is of order one: Euler's method does not converge to the solution that increments mean.
    pub fn new(tableau: &'static Tableau, equation: I, like: &Y) -> Self {
        assert!(tableau.order >= 2, "'{}' does not converge to the Stratonovich solution", tableau.name);
        debug_assert!(tableau.stages() <= MOST_STAGES);
        let stages = (0..tableau.stages()).map(|_| like.zeros_like()).collect();
        Self { tableau, equation, stages, scratch: like.zeros_like(), work: Work::default() }
    }
}

impl<Y: State, I: Increment<Y>> Stepper<Y> for IncrementRk<I, Y> {
    fn order(&self) -> usize {
        1
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(0)
    }

    #[inline]
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        let tableau = self.tableau;
        self.equation.increment(t, t + dt, 0.0, y, &mut self.stages[0]);
        for i in 1..tableau.stages() {
            let (known, rest) = self.stages.split_at_mut(i);
            y1.combine_stages(y, 1.0, tableau.row(i), known);
            self.equation.increment(t, t + dt, tableau.c[i], y1, &mut rest[0]);
        }
        y1.combine_stages(y, 1.0, tableau.b, &self.stages);
        self.work.evaluations += tableau.stages() as u64;
        Ok(())
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.scratch.combine(y1, &[(-1.0, y0), (-1.0, &self.stages[0])]);
        Some(Y::error_norm(&self.scratch, y0, y1, atol, rtol))
    }

    fn revisits(&self) -> bool {
        true
    }

    fn work(&self) -> Work {
        self.work
    }
}
