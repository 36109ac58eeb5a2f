//! Equations whose right-hand side is evaluated for many rows at once.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use pulp::Arch;

use super::CHUNK;

/// The rows of an evaluation: the time of each, and its place in the batch (for parameters of its own).
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The times.
    pub t: &'a [f64],
    /// The places.
    pub index: &'a [usize],
}

/// `dy/dt = f(t, y)` for many rows at once; states are `[component, row]`, a component's rows contiguous.
pub trait BatchField {
    /// The number of components.
    fn components(&self) -> usize;

    /// Writes the slopes of all rows into `dy`, whose content is arbitrary. Rows must not depend on each other.
    fn eval(&mut self, rows: Rows<'_>, y: ArrayView2<'_, f64>, dy: ArrayViewMut2<'_, f64>);
}

/// A batch field from the right-hand side of one row; see [`pointwise`].
#[derive(Clone, Debug)]
pub struct Pointwise<F, const N: usize>(F);

/// Evaluates a closure `(t, &y, &mut dy)` on every row, several in the lanes of a vector where the closure has no branches.
pub fn pointwise<F: Fn(f64, &[f64; N], &mut [f64; N]), const N: usize>(f: F) -> Pointwise<F, N> {
    Pointwise(f)
}

impl<F: Fn(f64, &[f64; N], &mut [f64; N]), const N: usize> BatchField for Pointwise<F, N> {
    fn components(&self) -> usize {
        N
    }

    fn eval(&mut self, rows: Rows<'_>, y: ArrayView2<'_, f64>, mut dy: ArrayViewMut2<'_, f64>) {
        let f = &self.0;
        Arch::new().dispatch(|| {
            for from in (0..rows.t.len()).step_by(CHUNK) {
                let to = (from + CHUNK).min(rows.t.len());
                // Local copies, of a length that the compiler knows and without aliases.
                let (mut t, mut at, mut slope) = ([0.0; CHUNK], [[0.0; CHUNK]; N], [[0.0; CHUNK]; N]);
                t[..to - from].copy_from_slice(&rows.t[from..to]);
                for (at, y) in at.iter_mut().zip(y.axis_iter(Axis(0))) {
                    if let Some(y) = y.to_slice() {
                        at[..to - from].copy_from_slice(&y[from..to]);
                    }
                }
                for l in 0..CHUNK {
                    let (mut y, mut dy) = ([0.0; N], [0.0; N]);
                    for c in 0..N {
                        y[c] = at[c][l];
                    }
                    f(t[l], &y, &mut dy);
                    for c in 0..N {
                        slope[c][l] = dy[c];
                    }
                }
                for (slope, mut dy) in slope.iter().zip(dy.axis_iter_mut(Axis(0))) {
                    if let Some(dy) = dy.as_slice_mut() {
                        dy[from..to].copy_from_slice(&slope[..to - from]);
                    }
                }
            }
        });
    }
}

/// A batch field from a closure over arrays; see [`from_arrays`].
#[derive(Clone, Debug)]
pub struct FromArrays<F> {
    components: usize,
    f: F,
}

/// Evaluates a closure `(rows, y, dy)` on arrays `[component, row]` of all rows in work: one matrix product a layer for a
/// network. The view fixes the shape of what is written.
pub fn from_arrays<F: FnMut(Rows<'_>, ArrayView2<'_, f64>, ArrayViewMut2<'_, f64>)>(
    components: usize,
    f: F,
) -> FromArrays<F> {
    FromArrays { components, f }
}

impl<F: FnMut(Rows<'_>, ArrayView2<'_, f64>, ArrayViewMut2<'_, f64>)> BatchField for FromArrays<F> {
    fn components(&self) -> usize {
        self.components
    }

    fn eval(&mut self, rows: Rows<'_>, y: ArrayView2<'_, f64>, dy: ArrayViewMut2<'_, f64>) {
        (self.f)(rows, y, dy);
    }
}
