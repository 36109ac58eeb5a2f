//! What a stepper needs of a value that moves in time.

mod array;
mod fixed;
mod tensor;
mod tuple;

/// The most stages that [`State::combine_stages`] takes.
pub const MOST_STAGES: usize = 16;

/// A value that a stepper can move: an element of a normed vector space, updated in place.
///
/// Implemented for `ndarray` arrays of `f64` and `Complex64` of any dimension, for `[f64; N]` (no heap at
/// all), for Burn float tensors on any device, and for pairs of states.
pub trait State: Clone {
    /// A zero of the same shape (and, for a tensor, device and dtype).
    fn zeros_like(&self) -> Self;

    /// `self ← x`.
    fn assign(&mut self, x: &Self);

    /// `self ← a · self`.
    fn scale(&mut self, a: f64);

    /// `self ← self + a · x`.
    fn axpy(&mut self, a: f64, x: &Self);

    /// `self ← base + Σᵢ aᵢ xᵢ`, in one pass over memory where the representation allows it.
    fn combine(&mut self, base: &Self, terms: &[(f64, &Self)]) {
        self.assign(base);
        for (a, x) in terms {
            if *a != 0.0 {
                self.axpy(*a, x);
            }
        }
    }

    /// `self ← base + h Σⱼ wⱼ kⱼ` over the weights given, at most [`MOST_STAGES`]: a stage of a Runge-Kutta method.
    #[inline]
    fn combine_stages(&mut self, base: &Self, h: f64, weights: &[f64], stages: &[Self]) {
        let mut terms = [(0.0, base); MOST_STAGES];
        let mut n = 0;
        for (w, k) in weights.iter().zip(stages) {
            if *w != 0.0 {
                terms[n] = (h * w, k);
                n += 1;
            }
        }
        self.combine(base, &terms[..n]);
    }

    /// The weighted root-mean-square norm of Hairer, Nørsett and Wanner,
    /// `sqrt(mean((error / (atol + rtol · max(|y0|, |y1|)))²))`; one is the tolerance.
    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64;

    /// The root mean square of the entries.
    fn rms(&self) -> f64;

    /// Whether no entry is NaN or infinite.
    fn is_finite(&self) -> bool;

    /// Whether `other` has the same shape, so that the two can be combined; where the type fixes the shape, it has.
    #[inline]
    fn same_shape(&self, _other: &Self) -> bool {
        true
    }

    /// Appends all numbers of the state, in a fixed order and without loss: what a snapshot is made of.
    fn write_entries(&self, out: &mut Vec<f64>);

    /// Takes as many numbers as [`write_entries`](Self::write_entries) appends from the front of `entries` and becomes that
    /// state, of its own shape; `false`, and no change, if there are too few.
    fn read_entries(&mut self, entries: &mut &[f64]) -> bool;
    /// The inner product `Σ xᵢ yᵢ` over the reals (of complex entries `Re(x̄ᵢ yᵢ)`).
    fn dot(&self, other: &Self) -> f64;

    /// The bytes that a kept copy occupies.
    fn bytes(&self) -> usize;
}

/// A state whose entries lie in one contiguous `f64` slice; what the dense linear algebra of stiff solvers needs.
pub trait DenseState: State {
    /// All entries, in storage order.
    fn as_slice(&self) -> &[f64];
    /// All entries, in storage order.
    fn as_mut_slice(&mut self) -> &mut [f64];
}
