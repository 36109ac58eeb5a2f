//! The reversible Heun method.

use crate::increment::{Increment, PullBack};
use crate::state::State;
use crate::stepper::scheme::{Counts, Differentiable, Scheme};

/// The reversible Heun method, with `K₀ = F(t₀, ŷ₀)`, `K₁ = F(t₁, ŷ₁)`:
/// `ŷ₁ = 2y₀ − ŷ₀ + K₀`, `y₁ = y₀ + ½(K₀ + K₁)`.
///
/// Order 2 on ordinary equations; on Stratonovich ones strong order ½, or 1 for additive and commutative noise. Of an
/// ordinary equation it evaluates the field once per step. On the linear test equation it is stable for `hλ` between
/// `−i` and `i` only.
///
/// P. Kidger, J. Foster, X. Li, T. Lyons, "Efficient and accurate gradients for neural SDEs", NeurIPS 2021.
#[derive(Clone, Debug)]
pub struct ReversibleHeun<Y> {
    /// `ŷ₀` and `ŷ₁` of the last step.
    arguments: Option<(Y, Y)>,
    /// `K₀` and `K₁` of the last step.
    increments: Option<(Y, Y)>,
    known: Known,
    counts: Counts,
}

/// Which increment of the last step is at the point from which the next one starts, and its interval's length.
#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    First(f64),
    Last(f64),
}

impl<Y> Default for ReversibleHeun<Y> {
    fn default() -> Self {
        Self { arguments: None, increments: None, known: Known::Nothing, counts: Counts::default() }
    }
}

impl<Y: State> ReversibleHeun<Y> {
    /// The method.
    pub fn new() -> Self {
        Self::default()
    }

    fn take(&mut self, like: &Y) -> ((Y, Y), (Y, Y)) {
        let pair = || (like.zeros_like(), like.zeros_like());
        (self.arguments.take().unwrap_or_else(pair), self.increments.take().unwrap_or_else(pair))
    }
}

impl<Y: State, F: Increment<Y>> Scheme<Y, F> for ReversibleHeun<Y> {
    type Extended = (Y, Y);

    fn order(&self) -> usize {
        2
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(1)
    }

    fn start(&mut self, _field: &mut F, _t: f64, y: &Y) -> (Y, Y) {
        (y.clone(), y.clone())
    }

    fn value<'e>(&self, e: &'e (Y, Y)) -> &'e Y {
        &e.0
    }

    fn value_mut<'e>(&self, e: &'e mut (Y, Y)) -> &'e mut Y {
        &mut e.0
    }

    fn forward(&mut self, field: &mut F, t0: f64, t1: f64, e0: &(Y, Y), e1: &mut (Y, Y)) {
        let (mut arguments, (mut k0, mut k1)) = self.take(&e0.0);
        let known = match self.known {
            Known::Nothing => None,
            Known::First(h) => Some(h),
            Known::Last(h) => {
                std::mem::swap(&mut k0, &mut k1);
                Some(h)
            }
        };
        arguments.0.assign(&e0.1);
        match known {
            Some(h) => k0.scale((t1 - t0) / h),
            None => {
                field.increment(t0, t1, 0.0, &e0.1, &mut k0);
                self.counts.evaluations += 1;
            }
        }
        e1.1.combine(&k0, &[(2.0, &e0.0), (-1.0, &e0.1)]);
        arguments.1.assign(&e1.1);
        field.increment(t0, t1, 1.0, &e1.1, &mut k1);
        self.counts.evaluations += 1;
        e1.0.combine(&e0.0, &[(0.5, &k0), (0.5, &k1)]);
        self.known = if field.ordinary() { Known::First(t1 - t0) } else { Known::Nothing };
        (self.arguments, self.increments) = (Some(arguments), Some((k0, k1)));
    }

    fn backward(&mut self, field: &mut F, t0: f64, t1: f64, e1: &(Y, Y), e0: &mut (Y, Y)) {
        let (mut arguments, (mut k0, mut k1)) = self.take(&e1.0);
        arguments.1.assign(&e1.1);
        match self.known {
            // The step after this one began where this one ends.
            Known::First(h) => {
                std::mem::swap(&mut k0, &mut k1);
                k1.scale((t1 - t0) / h);
            }
            _ => {
                field.increment(t0, t1, 1.0, &e1.1, &mut k1);
                self.counts.evaluations += 1;
            }
        }
        e0.1.combine(&e1.0, &[(1.0, &e1.0), (-1.0, &e1.1), (-1.0, &k1)]);
        arguments.0.assign(&e0.1);
        field.increment(t0, t1, 0.0, &e0.1, &mut k0);
        self.counts.evaluations += 1;
        e0.0.combine(&e1.0, &[(-0.5, &k0), (-0.5, &k1)]);
        self.known = if field.ordinary() { Known::First(t1 - t0) } else { Known::Nothing };
        (self.arguments, self.increments) = (Some(arguments), Some((k0, k1)));
    }

    fn arguments(&self) -> Vec<Y> {
        self.arguments.iter().flat_map(|(a, b)| [a.clone(), b.clone()]).collect()
    }

    fn set_arguments(&mut self, arguments: &[Y]) {
        if let [a, b] = arguments {
            self.arguments = Some((a.clone(), b.clone()));
        }
    }

    /// Of `½(K₁ − K₀)`, the difference to Euler's method.
    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        let (k0, k1) = self.increments.as_ref()?;
        let mut error = k0.zeros_like();
        error.axpy(0.5, k1);
        error.axpy(-0.5, k0);
        Some(Y::error_norm(&error, y0, y1, atol, rtol))
    }

    fn accept(&mut self) {
        self.known = match self.known {
            Known::First(h) => Known::Last(h),
            _ => Known::Nothing,
        };
    }

    fn forget(&mut self) {
        self.known = Known::Nothing;
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}

impl<Y: State, F: PullBack<Y>> Differentiable<Y, F> for ReversibleHeun<Y> {
    /// With `a = ŷ̄₁ + (∂F/∂y)ᵀ(ŷ₁) ½ȳ₁`: `ȳ₀ = ȳ₁ + 2a`, `ŷ̄₀ = −a + (∂F/∂y)ᵀ(ŷ₀) (½ȳ₁ + a)`.
    fn pull_back(
        &mut self,
        field: &mut F,
        t0: f64,
        t1: f64,
        e1_bar: &(Y, Y),
        _dense: &[(f64, Y)],
        e0_bar: &mut (Y, Y),
        gradient: &mut F::Gradient,
    ) {
        let Some((hat0, hat1)) = &self.arguments else { return };
        let mut a = e1_bar.1.clone();
        let mut half = e1_bar.0.clone();
        half.scale(0.5);
        field.pull_back(t0, t1, 1.0, hat1, &half, &mut a, gradient);
        half.axpy(1.0, &a);
        e0_bar.0.axpy(1.0, &e1_bar.0);
        e0_bar.0.axpy(2.0, &a);
        e0_bar.1.axpy(-1.0, &a);
        field.pull_back(t0, t1, 0.0, hat0, &half, &mut e0_bar.1, gradient);
        self.counts.pull_backs += 2;
    }

    fn pull_back_start(
        &mut self,
        _field: &mut F,
        _t: f64,
        _y: &Y,
        e_bar: &(Y, Y),
        y_bar: &mut Y,
        _gradient: &mut F::Gradient,
    ) {
        y_bar.axpy(1.0, &e_bar.0);
        y_bar.axpy(1.0, &e_bar.1);
    }
}
