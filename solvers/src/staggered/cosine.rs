//! The cosine transform of fields on cells between walls.

use std::f64::consts::PI;
use std::sync::Arc;

use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// `X_{kl} = Σ x_{ij} cos(π(2i + 1)k/2n₀) cos(π(2j + 1)l/2n₁)` and its inverse, by Fourier transforms of the same lengths.
///
/// The second of the four cosine transforms: the field continues evenly beyond the walls. J. Makhoul, IEEE TASSP 28 (1980) 27.
#[derive(Clone)]
pub struct CosineTransform {
    shape: [usize; 2],
    axes: [Line; 2],
    /// A field, transposed.
    turned: Vec<f64>,
}

/// The transform of one line.
#[derive(Clone)]
struct Line {
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    /// `e^(−iπk/2n)`.
    turns: Vec<Complex64>,
    work: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl CosineTransform {
    /// Of fields with as many points.
    pub fn new(shape: [usize; 2]) -> Self {
        let mut planner = FftPlanner::new();
        let axes = shape.map(|n| Line::new(n, &mut planner));
        Self { shape, axes, turned: vec![0.0; shape[0] * shape[1]] }
    }

    /// The transform, in place, unscaled.
    ///
    /// # Panics
    /// If the field has another number of points.
    pub fn forward(&mut self, x: &mut [f64]) {
        self.lines(x, Line::forward);
    }

    /// The inverse of [`forward`](Self::forward), in place.
    ///
    /// # Panics
    /// If the field has another number of points.
    pub fn inverse(&mut self, x: &mut [f64]) {
        self.lines(x, Line::inverse);
    }

    fn lines(&mut self, x: &mut [f64], transform: fn(&mut Line, &mut [f64])) {
        let [nx, ny] = self.shape;
        assert_eq!(x.len(), nx * ny, "a field on {nx} x {ny} points");
        let [first, second] = &mut self.axes;
        x.chunks_exact_mut(ny).for_each(|row| transform(second, row));
        for (j, column) in self.turned.chunks_exact_mut(nx).enumerate() {
            column.iter_mut().enumerate().for_each(|(i, c)| *c = x[i * ny + j]);
            transform(first, column);
        }
        for (i, row) in x.chunks_exact_mut(ny).enumerate() {
            row.iter_mut().enumerate().for_each(|(j, r)| *r = self.turned[j * nx + i]);
        }
    }
}

impl Line {
    fn new(n: usize, planner: &mut FftPlanner<f64>) -> Self {
        let (forward, inverse) = (planner.plan_fft_forward(n), planner.plan_fft_inverse(n));
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self {
            turns: (0..n).map(|k| Complex64::cis(-PI * k as f64 / (2 * n) as f64)).collect(),
            work: vec![Complex64::ZERO; n],
            scratch: vec![Complex64::ZERO; scratch],
            forward,
            inverse,
        }
    }

    /// Even points in their order, then odd ones in the reverse order: a line whose Fourier transform holds the cosine transform.
    fn place(i: usize, n: usize) -> usize {
        if i.is_multiple_of(2) { i / 2 } else { n - 1 - i / 2 }
    }

    fn forward(&mut self, x: &mut [f64]) {
        let n = x.len();
        x.iter().enumerate().for_each(|(i, x)| self.work[Self::place(i, n)] = Complex64::new(*x, 0.0));
        self.forward.process_with_scratch(&mut self.work, &mut self.scratch);
        x.iter_mut().zip(&self.work).zip(&self.turns).for_each(|((x, w), turn)| *x = (w * turn).re);
    }

    fn inverse(&mut self, x: &mut [f64]) {
        let n = x.len();
        for k in 0..n {
            let mirrored = if k == 0 { 0.0 } else { x[n - k] };
            self.work[k] = self.turns[k].conj() * Complex64::new(x[k], -mirrored);
        }
        self.inverse.process_with_scratch(&mut self.work, &mut self.scratch);
        x.iter_mut().enumerate().for_each(|(i, x)| *x = self.work[Self::place(i, n)].re / n as f64);
    }
}
