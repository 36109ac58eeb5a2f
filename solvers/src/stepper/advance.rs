//! A [`Scheme`] bound to a field as a [`Stepper`].

use super::scheme::Scheme;
use super::{DenseStep, StepFailure, Stepper, Work, hermite, hermite_step};
use crate::increment::{Increment, slope};
use crate::state::State;

/// Told of every step that is taken: the scheme, `t`, `dt`, the extended states at both ends.
pub(crate) type Observer<'k, M, E> = Box<dyn FnMut(&M, f64, f64, &E, &E) + 'k>;

/// A scheme that moves along a field, its companions hidden from the driver.
///
/// With [`resynchronised`](Self::resynchronised) the companions start afresh from the solution every so many steps. A
/// scheme without an interpolant lands on save times; events within its steps are found on the cubic Hermite
/// polynomial.
pub struct Advance<'k, M, F, Y>
where
    Y: State,
    F: Increment<Y>,
    M: Scheme<Y, F>,
{
    pub(crate) scheme: M,
    pub(crate) field: F,
    /// The extended states at the ends of the last step.
    pub(crate) from: Option<M::Extended>,
    pub(crate) to: Option<M::Extended>,
    progress: Progress,
    last: (f64, f64),
    resynchronise: Option<u64>,
    taken: u64,
    /// The slopes at the ends of the last step, for the Hermite polynomial.
    slopes: Option<(Y, Y)>,
    slope_evaluations: u64,
    pub(crate) observer: Option<Observer<'k, M, M::Extended>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Progress {
    /// The companions are to be made from the solution.
    Fresh,
    /// A step from `from` was proposed.
    Proposed,
    /// The step to `to` was taken.
    Accepted,
}

impl<M, F, Y> Advance<'_, M, F, Y>
where
    Y: State,
    F: Increment<Y>,
    M: Scheme<Y, F>,
{
    /// Binds a scheme to a field.
    pub fn new(scheme: M, field: F) -> Self {
        Self {
            scheme,
            field,
            from: None,
            to: None,
            progress: Progress::Fresh,
            last: (0.0, 0.0),
            resynchronise: None,
            taken: 0,
            slopes: None,
            slope_evaluations: 0,
            observer: None,
        }
    }

    /// Starts the companions afresh after every `steps` steps.
    #[must_use]
    pub fn resynchronised(mut self, steps: Option<u64>) -> Self {
        self.resynchronise = steps;
        self
    }

    /// The scheme, the field, and the extended state at the end of the last step.
    pub(crate) fn into_parts(self) -> (M, F, Option<M::Extended>) {
        (self.scheme, self.field, self.to)
    }

    /// The solution at the ends of the last step, its start and its size.
    pub(crate) fn last_step(&self) -> Option<(Y, Y, f64, f64)> {
        let (from, to) = (self.from.as_ref()?, self.to.as_ref()?);
        Some((self.scheme.value(from).clone(), self.scheme.value(to).clone(), self.last.0, self.last.1))
    }

    fn slopes(&mut self, y0: &Y, y1: &Y) -> Option<&(Y, Y)> {
        if self.slopes.is_none() && self.field.ordinary() {
            let (mut f0, mut f1) = (y0.zeros_like(), y0.zeros_like());
            slope(&mut self.field, self.last.0, y0, &mut f0);
            slope(&mut self.field, self.last.0 + self.last.1, y1, &mut f1);
            self.slope_evaluations += 2;
            self.slopes = Some((f0, f1));
        }
        self.slopes.as_ref()
    }
}

impl<M, F, Y> Stepper<Y> for Advance<'_, M, F, Y>
where
    Y: State,
    F: Increment<Y>,
    M: Scheme<Y, F>,
{
    fn order(&self) -> usize {
        self.scheme.order()
    }

    fn embedded_order(&self) -> Option<usize> {
        self.scheme.embedded_order()
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        match self.progress {
            Progress::Fresh => {
                self.scheme.forget();
                self.from = Some(self.scheme.start(&mut self.field, t, y));
            }
            Progress::Accepted => std::mem::swap(&mut self.from, &mut self.to),
            Progress::Proposed => {}
        }
        self.progress = Progress::Proposed;
        self.last = (t, dt);
        self.slopes = None;
        if let Some(from) = &self.from {
            let to = self.to.get_or_insert_with(|| from.zeros_like());
            self.scheme.forward(&mut self.field, t, t + dt, from, to);
            y1.assign(self.scheme.value(to));
        }
        Ok(())
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        self.scheme.error_norm(y0, y1, atol, rtol)
    }

    fn accept(&mut self) {
        let (t, dt) = self.last;
        if let (Some(observer), Some(from), Some(to)) = (&mut self.observer, &self.from, &self.to) {
            observer(&self.scheme, t, dt, from, to);
        }
        self.scheme.accept();
        self.taken += 1;
        let due = self.resynchronise.is_some_and(|every| self.taken.is_multiple_of(every));
        self.progress = if due { Progress::Fresh } else { Progress::Accepted };
    }

    fn reset(&mut self) {
        self.progress = Progress::Fresh;
        self.taken = 0;
    }

    fn dense_order(&self) -> usize {
        self.scheme.dense_order()
    }

    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        let (t, dt) = self.last;
        if self.scheme.interpolates() {
            self.scheme.interpolate(&mut self.field, t, t + dt, theta, y0, out);
        } else if let Some((f0, f1)) = self.slopes(y0, y1) {
            let [a, b, c, d] = hermite(theta);
            out.combine(y0, &[(a, y0), (b, y1), (c * dt, f0), (d * dt, f1)]);
        } else {
            out.combine(y0, &[(-theta, y0), (theta, y1)]);
        }
    }

    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        let dt = self.last.1;
        match self.slopes(y0, y1) {
            Some((f0, f1)) => hermite_step(y0, y1, dt, f0, f1),
            None => hermite_step(y0, y1, 0.0, y0, y0),
        }
    }

    fn derivative(&mut self, t: f64, y: &Y, dy: &mut Y) -> bool {
        let ordinary = self.field.ordinary();
        if ordinary {
            slope(&mut self.field, t, y, dy);
            self.slope_evaluations += 1;
        }
        ordinary
    }

    fn work(&self) -> Work {
        Work { evaluations: self.scheme.counts().evaluations + self.slope_evaluations, ..Work::default() }
    }
}
