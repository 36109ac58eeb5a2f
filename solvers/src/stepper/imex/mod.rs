//! Semi-implicit multistep methods for `dy/dt = L y + N(t, y)`: `L` implicit, `N` explicit.

mod cnab2;
mod sbdf2;

pub use cnab2::Cnab2;
pub use sbdf2::Sbdf2;

use num_complex::Complex64;

use super::{StepFailure, Stepper, Work};
use crate::field::SemiLinear;
use crate::state::State;

/// What a two-step method of the family is: its weights.
pub trait TwoStep: Default {
    /// The name in messages.
    const NAME: &'static str;
    /// The weights of `y_n`, `y_{n−1}`, `N_n` and `N_{n−1}`, each already divided by the implicit factor; `z = hL`.
    fn weights(h: f64, z: Complex64) -> [Complex64; 4];
}

/// A two-step semi-implicit method of order 2 bound to a semilinear field.
///
/// The first step, and the first after a change of the step size, is Crank-Nicolson with Heun's predictor and
/// corrector for `N`, of order 2 as well.
#[derive(Debug)]
pub struct Imex<M: TwoStep, F: SemiLinear<Y>, Y: State> {
    field: F,
    symbol: Vec<Complex64>,
    /// The step size for which the coefficients hold.
    h: f64,
    two_step: Vec<F::Diagonal>,
    start: Vec<F::Diagonal>,
    /// `y` and `N` at the start of the step proposed, and of the step before.
    now: (Y, Y),
    before: (Y, Y),
    /// The step size of the step before, if there is one.
    previous_h: Option<f64>,
    predicted: Y,
    work: Work,
    method: std::marker::PhantomData<M>,
}

impl<M: TwoStep, F: SemiLinear<Y>, Y: State> Imex<M, F, Y> {
    /// Binds the method to a field; `like` gives the shape of the state.
    pub fn new(field: F, like: &Y) -> Self {
        let pair = || (like.zeros_like(), like.zeros_like());
        Self {
            symbol: field.symbol(),
            field,
            h: 0.0,
            two_step: Vec::new(),
            start: Vec::new(),
            now: pair(),
            before: pair(),
            previous_h: None,
            predicted: like.zeros_like(),
            work: Work::default(),
            method: std::marker::PhantomData,
        }
    }

    fn prepare(&mut self, h: f64) {
        if self.h == h && !self.two_step.is_empty() {
            return;
        }
        let z: Vec<_> = self.symbol.iter().map(|l| l * h).collect();
        let build =
            |f: &dyn Fn(Complex64) -> Complex64| self.field.diagonal(z.iter().map(|z| f(*z)).collect());
        self.two_step = (0..4).map(|i| build(&|z| M::weights(h, z)[i])).collect();
        // Crank-Nicolson: (1 + z/2)/(1 − z/2), h/(1 − z/2) and half of it.
        self.start = vec![
            build(&|z| (1.0 + z * 0.5) / (1.0 - z * 0.5)),
            build(&|z| h / (1.0 - z * 0.5)),
            build(&|z| 0.5 * h / (1.0 - z * 0.5)),
        ];
        self.h = h;
        self.work.preparations += 1;
    }
}

impl<M: TwoStep, F: SemiLinear<Y>, Y: State> Stepper<Y> for Imex<M, F, Y> {
    fn order(&self) -> usize {
        2
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.prepare(dt);
        self.now.0.assign(y);
        self.field.nonlinear(t, y, &mut self.now.1);
        self.work.evaluations += 1;
        if self.previous_h == Some(dt) {
            let d = &self.two_step;
            let terms = [(&d[0], y), (&d[1], &self.before.0), (&d[2], &self.now.1), (&d[3], &self.before.1)];
            self.field.apply(&terms, y1);
        } else {
            let d = &self.start;
            self.field.apply(&[(&d[0], y), (&d[1], &self.now.1)], y1);
            self.field.nonlinear(t + dt, y1, &mut self.predicted);
            self.work.evaluations += 1;
            self.field.apply(&[(&d[0], y), (&d[2], &self.now.1), (&d[2], &self.predicted)], y1);
        }
        Ok(())
    }

    fn accept(&mut self) {
        std::mem::swap(&mut self.now, &mut self.before);
        self.previous_h = Some(self.h);
    }

    fn reset(&mut self) {
        self.previous_h = None;
    }

    /// The step before: its size, its state, its nonlinear part.
    fn write_memory(&self, out: &mut Vec<f64>) {
        if let Some(h) = self.previous_h {
            out.push(h);
            self.before.0.write_entries(out);
            self.before.1.write_entries(out);
        }
    }

    fn read_memory(&mut self, memory: &[f64]) -> bool {
        self.reset();
        let Some((h, mut rest)) = memory.split_first() else { return true };
        let read = self.before.0.read_entries(&mut rest) && self.before.1.read_entries(&mut rest);
        if read && rest.is_empty() {
            self.previous_h = Some(*h);
        }
        self.previous_h.is_some()
    }

    fn work(&self) -> Work {
        self.work
    }
}
