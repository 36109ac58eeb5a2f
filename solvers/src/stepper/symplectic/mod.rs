//! Symplectic methods for separable Hamiltonians `H = T(p) + V(q)`; the state is `(q, p)`.

mod symplectic_euler;
mod velocity_verlet;
mod yoshida4;

pub use symplectic_euler::SYMPLECTIC_EULER;
pub use velocity_verlet::VELOCITY_VERLET;
pub use yoshida4::YOSHIDA4;

use super::{StepFailure, Stepper, Work};
use crate::field::Separable;
use crate::state::State;

/// A composition of kicks `p ← p + h dᵢ F(q)` and drifts `q ← q + h cᵢ V(p)`, kick first.
#[derive(Clone, Copy, Debug)]
pub struct Splitting {
    /// The name in configs and messages.
    pub name: &'static str,
    /// The order of convergence.
    pub order: usize,
    /// Weights of the kicks.
    pub kicks: &'static [f64],
    /// Weights of the drifts; one fewer than kicks, or as many.
    pub drifts: &'static [f64],
}

/// Every splitting, in ascending order.
pub const SPLITTINGS: [&Splitting; 3] = [&SYMPLECTIC_EULER, &VELOCITY_VERLET, &YOSHIDA4];

/// A symplectic splitting method bound to a separable field.
#[derive(Clone, Debug)]
pub struct Symplectic<F, Q> {
    splitting: &'static Splitting,
    field: F,
    slope: Q,
    /// The force at the end of the last proposal, where the last kick was the end of the step.
    force: Q,
    /// Whether `force` is that at the state from which the next step starts.
    force_known: bool,
    work: Work,
}

impl<Q: State, F: Separable<Q>> Symplectic<F, Q> {
    /// Binds a method to a field; `like` gives the shape of the state.
    pub fn new(splitting: &'static Splitting, field: F, like: &(Q, Q)) -> Self {
        Self {
            splitting,
            field,
            slope: like.0.zeros_like(),
            force: like.1.zeros_like(),
            force_known: false,
            work: Work::default(),
        }
    }
}

impl<Q: State, F: Separable<Q>> Stepper<(Q, Q)> for Symplectic<F, Q> {
    fn order(&self) -> usize {
        self.splitting.order
    }

    fn step(&mut self, t: f64, dt: f64, y: &(Q, Q), y1: &mut (Q, Q)) -> Result<(), StepFailure> {
        let Splitting { kicks, drifts, .. } = self.splitting;
        y1.assign(y);
        let mut time = t;
        for (i, kick) in kicks.iter().enumerate() {
            if i > 0 || !self.force_known {
                self.field.force(time, &y1.0, &mut self.force);
                self.work.evaluations += 1;
                if !self.force.same_shape(&y.1) {
                    self.force = y.1.zeros_like();
                    return Err(StepFailure::Shape);
                }
            }
            y1.1.axpy(dt * kick, &self.force);
            if let Some(drift) = drifts.get(i) {
                self.field.velocity(&y1.1, &mut self.slope);
                if !self.slope.same_shape(&y.0) {
                    self.slope = y.0.zeros_like();
                    return Err(StepFailure::Shape);
                }
                y1.0.axpy(dt * drift, &self.slope);
                time += dt * drift;
            }
        }
        self.force_known = false;
        Ok(())
    }

    fn accept(&mut self) {
        // The positions have not moved since the last kick: its force is the next step's first.
        self.force_known = self.splitting.kicks.len() > self.splitting.drifts.len();
    }

    fn reset(&mut self) {
        self.force_known = false;
    }

    /// The force at the positions, where it is known.
    fn write_memory(&self, out: &mut Vec<f64>) {
        if self.force_known {
            self.force.write_entries(out);
        }
    }

    fn read_memory(&mut self, memory: &[f64]) -> bool {
        let mut rest = memory;
        self.force_known = !memory.is_empty() && self.force.read_entries(&mut rest);
        rest.is_empty()
    }

    fn work(&self) -> Work {
        self.work
    }
}
