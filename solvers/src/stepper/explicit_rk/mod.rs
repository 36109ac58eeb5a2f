//! Explicit Runge-Kutta methods: one executor, tableaus as constants.

mod bogacki_shampine;
mod dopri5;
mod dopri8;
mod euler;
mod heun;
mod method;
mod midpoint;
mod ralston;
mod rk4;
mod runge_kutta;
mod stages;
mod tableau;
mod tsit5;

pub use bogacki_shampine::BOGACKI_SHAMPINE;
pub use dopri5::DOPRI5;
pub use dopri8::DOPRI8;
pub use euler::EULER;
pub use heun::HEUN;
pub use method::ExplicitMethod;
pub use midpoint::MIDPOINT;
pub use ralston::RALSTON;
pub use rk4::RK4;
pub use runge_kutta::RungeKutta;
pub use stages::Stages;
pub use tableau::{Dense, Tableau};
pub use tsit5::TSIT5;

use super::{DenseStep, StepFailure, Stepper, Work, hermite, hermite_step};
use crate::field::VectorField;
use crate::state::{MOST_STAGES, State};

/// Every tableau, in ascending order.
pub const TABLEAUS: [&Tableau; 9] =
    [&EULER, &MIDPOINT, &HEUN, &RALSTON, &BOGACKI_SHAMPINE, &RK4, &DOPRI5, &TSIT5, &DOPRI8];

/// An explicit Runge-Kutta method bound to a field.
#[derive(Clone, Debug)]
pub struct ExplicitRk<F, Y> {
    tableau: &'static Tableau,
    field: F,
    stages: Vec<Y>,
    scratch: Y,
    zero: Y,
    fsal: bool,
    /// `(t, dt)` of the last proposal.
    last: (f64, f64),
    /// Whether `stages[0]` holds the slope at the state from which the next step starts.
    first_stage: FirstStage,
    /// Whether the slope at the end of the accepted step (Hermite) or the extra stages are there.
    dense_ready: bool,
    /// The slope at the end of a step, for Hermite interpolation without a first-same-as-last stage.
    end_slope: Option<Y>,
    /// Whether the field has written a slope of another shape than the state's.
    misshapen: bool,
    work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum FirstStage {
    /// To be evaluated.
    Unknown,
    /// In `stages[0]`.
    Known,
    /// The last stage of an accepted step holds it; it moves when the next step begins, since the dense
    /// output of the accepted step still needs the stages as they are.
    InLast,
    /// In `end_slope`.
    InEndSlope,
}

impl<Y: State, F: VectorField<Y>> ExplicitRk<F, Y> {
    /// Binds a method to a field; `like` gives the shape of the state.
    pub fn new(tableau: &'static Tableau, field: F, like: &Y) -> Self {
        debug_assert!(tableau.all_stages() <= MOST_STAGES);
        Self {
            tableau,
            field,
            stages: (0..tableau.all_stages()).map(|_| like.zeros_like()).collect(),
            scratch: like.zeros_like(),
            zero: like.zeros_like(),
            fsal: tableau.first_same_as_last(),
            last: (0.0, 0.0),
            first_stage: FirstStage::Unknown,
            dense_ready: false,
            end_slope: None,
            misshapen: false,
            work: Work::default(),
        }
    }

    /// Evaluates stage `i` at `t + c·dt` from `y` and the stages before it, leaving its argument in `at`.
    #[inline]
    fn stage(&mut self, i: usize, row: &[f64], t: f64, dt: f64, y: &Y, at: &mut Y) {
        let (known, rest) = self.stages.split_at_mut(i);
        at.combine_stages(y, dt, row, known);
        self.field.eval(t, at, &mut rest[0]);
        self.work.evaluations += 1;
        Self::mend(&mut rest[0], at, &mut self.misshapen);
    }

    /// Puts a zero of the right shape in place of a slope of a wrong one, and remembers that there was one.
    #[inline]
    fn mend(slope: &mut Y, like: &Y, misshapen: &mut bool) {
        if !slope.same_shape(like) {
            *slope = like.zeros_like();
            *misshapen = true;
        }
    }

    /// Brings the slope at `y` into `stages[0]`.
    #[inline]
    fn first(&mut self, t: f64, y: &Y) {
        match self.first_stage {
            FirstStage::Known => {}
            FirstStage::InLast => {
                let last = self.tableau.stages() - 1;
                self.stages.swap(0, last);
            }
            FirstStage::InEndSlope => match &self.end_slope {
                Some(slope) => self.stages[0].assign(slope),
                None => self.field.eval(t, y, &mut self.stages[0]),
            },
            FirstStage::Unknown => {
                self.field.eval(t, y, &mut self.stages[0]);
                self.work.evaluations += 1;
                Self::mend(&mut self.stages[0], y, &mut self.misshapen);
            }
        }
        self.first_stage = FirstStage::Known;
    }

    /// Evaluates what the dense output of the accepted step needs beyond the step's own stages.
    fn prepare_dense(&mut self, y0: &Y, y1: &Y) {
        if self.dense_ready {
            return;
        }
        let (t, dt) = self.last;
        match self.tableau.dense {
            Dense::Hermite => {
                let mut slope = self.end_slope.take().unwrap_or_else(|| y1.zeros_like());
                if self.fsal {
                    slope.assign(&self.stages[self.tableau.stages() - 1]);
                } else {
                    self.field.eval(t + dt, y1, &mut slope);
                    self.work.evaluations += 1;
                    Self::mend(&mut slope, y1, &mut self.misshapen);
                    if self.first_stage == FirstStage::Unknown {
                        self.first_stage = FirstStage::InEndSlope;
                    }
                }
                self.end_slope = Some(slope);
            }
            Dense::Stages { extra_a, extra_c, .. } => {
                let mut at = self.scratch.clone();
                for (j, (row, c)) in extra_a.iter().zip(extra_c).enumerate() {
                    self.stage(self.tableau.stages() + j, row, t + c * dt, dt, y0, &mut at);
                }
            }
        }
        self.dense_ready = true;
    }
}

impl<Y: State, F: VectorField<Y>> Stepper<Y> for ExplicitRk<F, Y> {
    fn order(&self) -> usize {
        self.tableau.order
    }

    fn embedded_order(&self) -> Option<usize> {
        self.tableau.embedded_order
    }

    #[inline]
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        let tableau = self.tableau;
        self.first(t, y);
        self.dense_ready = false;
        self.last = (t, dt);
        let s = tableau.stages();
        for i in 1..s {
            // The argument of a first-same-as-last stage is the new state itself.
            self.stage(i, tableau.row(i), t + tableau.c[i] * dt, dt, y, y1);
        }
        if !self.fsal {
            y1.combine_stages(y, dt, tableau.b, &self.stages);
        }
        if self.misshapen { Err(StepFailure::Shape) } else { Ok(()) }
    }

    #[inline]
    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        let tableau = self.tableau;
        if tableau.error.is_empty() {
            return None;
        }
        let dt = self.last.1;
        let mut norm = |weights: &[f64]| {
            self.scratch.combine_stages(&self.zero, dt, weights, &self.stages);
            Y::error_norm(&self.scratch, y0, y1, atol, rtol)
        };
        let e = norm(tableau.error);
        if tableau.third_order_error.is_empty() {
            return Some(e);
        }
        // Hairer's combination: e₅² / √(e₅² + 0.01 e₃²), which is of order eight.
        let e3 = norm(tableau.third_order_error);
        let denominator = (e * e + 0.01 * e3 * e3).sqrt();
        Some(if denominator > 0.0 { e * e / denominator } else { e })
    }

    #[inline]
    fn accept(&mut self) {
        self.first_stage = if self.fsal { FirstStage::InLast } else { FirstStage::Unknown };
    }

    fn reset(&mut self) {
        self.first_stage = FirstStage::Unknown;
        self.dense_ready = false;
    }

    /// The slope at the state, where it is known.
    fn write_memory(&self, out: &mut Vec<f64>) {
        match (self.first_stage, &self.end_slope) {
            (FirstStage::Known, _) => self.stages[0].write_entries(out),
            (FirstStage::InLast, _) => self.stages[self.tableau.stages() - 1].write_entries(out),
            (FirstStage::InEndSlope, Some(slope)) => slope.write_entries(out),
            _ => {}
        }
    }

    fn read_memory(&mut self, memory: &[f64]) -> bool {
        self.reset();
        let mut rest = memory;
        if !memory.is_empty() && self.stages[0].read_entries(&mut rest) {
            self.first_stage = FirstStage::Known;
        }
        rest.is_empty()
    }

    fn dense_order(&self) -> usize {
        match self.tableau.dense {
            Dense::Hermite => self.tableau.order.min(3),
            Dense::Stages { order, .. } => order,
        }
    }

    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        self.prepare_dense(y0, y1);
        let dt = self.last.1;
        match (self.tableau.dense, &self.end_slope) {
            (Dense::Stages { weights, .. }, _) => {
                let mut w = [0.0; MOST_STAGES];
                weights(theta, &mut w[..self.stages.len()]);
                out.combine_stages(y0, dt, &w[..self.stages.len()], &self.stages);
            }
            (Dense::Hermite, Some(slope)) => {
                let [a, b, c, d] = hermite(theta);
                out.combine(y0, &[(a, y0), (b, y1), (c * dt, &self.stages[0]), (d * dt, slope)]);
            }
            (Dense::Hermite, None) => out.combine(y0, &[(-theta, y0), (theta, y1)]),
        }
    }

    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        self.prepare_dense(y0, y1);
        let dt = self.last.1;
        match (self.tableau.dense, &self.end_slope) {
            (Dense::Stages { weights, .. }, _) => {
                DenseStep { base: y0.clone(), terms: self.stages.clone(), scale: dt, weights }
            }
            (Dense::Hermite, Some(slope)) => hermite_step(y0, y1, dt, &self.stages[0], slope),
            (Dense::Hermite, None) => hermite_step(y0, y1, 0.0, y0, y0),
        }
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
