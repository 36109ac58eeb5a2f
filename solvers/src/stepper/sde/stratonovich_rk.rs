//! Stochastic Runge-Kutta methods that use the space-time Lévy area.

use crate::brownian::LevyPath;
use crate::sde::{MeansIn, OnPath, Sde, Stratonovich};
use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// The coefficients of a method: `zᵢ = y + Σⱼ (aᵢⱼ h f(zⱼ) + g(zⱼ) (αᵢⱼ W + βᵢⱼ H))`, and the same with the last row for `y₁`.
///
/// A row holds the triples `(a, α, β)` of the stages before it.
#[derive(Clone, Copy, Debug)]
pub struct StratonovichTableau {
    /// The name in configs.
    pub name: &'static str,
    /// The rows of the stages after the first; then that of the solution.
    pub rows: &'static [&'static [(f64, f64, f64)]],
    /// The places of the stages.
    pub c: &'static [f64],
    /// The difference of the solution to an embedded one; empty if there is none.
    pub error: &'static [(f64, f64, f64)],
    /// The weak order.
    pub weak_order: usize,
}

impl StratonovichTableau {
    /// Whether anything uses the drift, the increment and the area at stage `j`.
    fn uses(&self, j: usize) -> [bool; 3] {
        let entries = self.rows.iter().chain([&self.error]).filter_map(|row| row.get(j));
        entries.fold([false; 3], |u, e| [u[0] || e.0 != 0.0, u[1] || e.1 != 0.0, u[2] || e.2 != 0.0])
    }
}

/// A stochastic Runge-Kutta method bound to a Stratonovich equation on a path whose Lévy area is known.
#[derive(Clone, Debug)]
pub struct StratonovichRk<S: Sde<Y>, P, Y: State> {
    tableau: &'static StratonovichTableau,
    equation: OnPath<S, P, Y>,
    uses: Vec<[bool; 3]>,
    /// `f`, `g W` and `g H` of every stage.
    stages: Vec<[Y; 3]>,
    stage: Y,
    zero: Y,
    dt: f64,
    work: Work,
}

impl<Y: State, S: Sde<Y>, P> StratonovichRk<S, P, Y> {
    /// Binds a method to an equation on a path; `like` gives the shape of the state.
    pub fn new(tableau: &'static StratonovichTableau, equation: OnPath<S, P, Y>, like: &Y) -> Self {
        let stages = tableau.c.len();
        Self {
            tableau,
            equation,
            uses: (0..stages).map(|j| tableau.uses(j)).collect(),
            stages: (0..stages).map(|_| std::array::from_fn(|_| like.zeros_like())).collect(),
            stage: like.zeros_like(),
            zero: like.zeros_like(),
            dt: 0.0,
            work: Work::default(),
        }
    }
}

/// `out ← base + Σⱼ (a h fⱼ + α gⱼ W + β gⱼ H)`.
#[inline]
fn sum<Y: State>(out: &mut Y, base: &Y, dt: f64, row: &[(f64, f64, f64)], stages: &[[Y; 3]]) {
    out.assign(base);
    for ((a, w, h), [f, gw, gh]) in row.iter().zip(stages) {
        for (weight, term) in [(a * dt, f), (*w, gw), (*h, gh)] {
            if weight != 0.0 {
                out.axpy(weight, term);
            }
        }
    }
}

impl<Y: State, S: Sde<Y>, P: LevyPath<S::Noise>> Stepper<Y> for StratonovichRk<S, P, Y>
where
    (S::Calculus, S::Structure): MeansIn<Stratonovich>,
{
    fn order(&self) -> usize {
        self.tableau.weak_order
    }

    fn embedded_order(&self) -> Option<usize> {
        (!self.tableau.error.is_empty()).then_some(0)
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        let StratonovichTableau { rows, c, .. } = *self.tableau;
        let interval = (t, t + dt);
        self.dt = dt;
        self.stage.assign(y);
        for (j, place) in c.iter().enumerate() {
            if j > 0 {
                sum(&mut self.stage, y, dt, rows[j - 1], &self.stages);
            }
            let ([drift, increment, area], at) = (self.uses[j], t + place * dt);
            let [f, gw, gh] = &mut self.stages[j];
            if drift {
                self.equation.drift(at, &self.stage, f);
                self.work.evaluations += 1;
            }
            if increment {
                self.equation.along_increment(interval, at, &self.stage, gw);
            }
            if area {
                self.equation.along_area(interval, at, &self.stage, gh);
            }
        }
        sum(y1, y, dt, rows[c.len() - 1], &self.stages);
        Ok(())
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        if self.tableau.error.is_empty() {
            return None;
        }
        sum(&mut self.stage, &self.zero, self.dt, self.tableau.error, &self.stages);
        Some(Y::error_norm(&self.stage, y0, y1, atol, rtol))
    }

    fn revisits(&self) -> bool {
        true
    }

    fn work(&self) -> Work {
        self.work
    }
}
