//! The discrete Fourier transform on a grid, in preallocated space.

use num_complex::Complex64;

use super::{FourierGrid, GridKind};

/// Columns that are transformed together: they fill whole cache lines when they are gathered.
const TILE: usize = 8;

/// Forward and inverse transforms on one grid. Owns its scratch space, so calls allocate nothing; clone it for
/// another thread.
#[derive(Clone, Debug)]
pub struct FourierTransform {
    grid: FourierGrid,
    spectral_shape: Vec<usize>,
    /// A field in Fourier space, for inverses that must not touch their argument.
    work: Vec<Complex64>,
    /// A tile of columns.
    tile: Vec<Complex64>,
    scratch: Vec<Complex64>,
    row: Vec<f64>,
    /// The modes of the last axis that are not known to be zero.
    kept: usize,
}

impl FourierTransform {
    pub(super) fn new(grid: FourierGrid) -> Self {
        let plans = &grid.plans;
        let complex = plans.forward.iter().chain(&plans.inverse).map(|p| p.get_inplace_scratch_len()).max();
        let real = plans.real_forward.get_scratch_len().max(plans.real_inverse.get_scratch_len());
        let scratch = complex.unwrap_or(0).max(real);
        let longest = grid.shape().iter().copied().max().unwrap_or(0);
        let spectral_shape = grid.spectral_shape();
        Self {
            work: vec![Complex64::ZERO; grid.modes()],
            tile: vec![Complex64::ZERO; longest * TILE],
            scratch: vec![Complex64::ZERO; scratch],
            row: vec![0.0; grid.shape().last().copied().unwrap_or(0)],
            kept: spectral_shape.last().copied().unwrap_or(0),
            spectral_shape,
            grid,
        }
    }

    /// A transform of real fields that takes the modes of the last axis outside the two-thirds rule for zero: an
    /// inverse ignores them, a forward writes zeros there; a third of the work on the other axes is saved.
    #[must_use]
    pub fn dealiased(mut self) -> Self {
        if self.grid.kind() == GridKind::Real {
            self.kept = self.grid.kept_last();
        }
        self
    }

    /// The grid.
    pub fn grid(&self) -> &FourierGrid {
        &self.grid
    }

    /// `û_m = Σ_j u_j e^(−2πi m·j/n)`, unscaled, of a real field.
    ///
    /// # Panics
    /// If the lengths are not the grid's points and modes.
    pub fn forward(&mut self, u: &[f64], u_hat: &mut [Complex64]) {
        assert_eq!((u.len(), u_hat.len()), (self.grid.points(), self.spectral_shape.iter().product()));
        let (n, m) = (self.row.len(), self.spectral_shape[self.spectral_shape.len() - 1]);
        let plan = &self.grid.plans.real_forward;
        for (row, row_hat) in u.chunks_exact(n).zip(u_hat.chunks_exact_mut(m)) {
            self.row.copy_from_slice(row);
            // Cannot fail: the lengths are the plan's.
            let _ = plan.process_with_scratch(
                &mut self.row,
                row_hat,
                &mut self.scratch[..plan.get_scratch_len()],
            );
            row_hat[self.kept..].fill(Complex64::ZERO);
        }
        self.other_axes(u_hat, true);
    }

    /// The inverse of [`forward`](Self::forward), scaled by one over the number of points.
    ///
    /// # Panics
    /// If the lengths are not the grid's modes and points.
    pub fn inverse(&mut self, u_hat: &[Complex64], u: &mut [f64]) {
        let mut work = std::mem::take(&mut self.work);
        work.copy_from_slice(u_hat);
        self.inverse_destroying(&mut work, u);
        self.work = work;
    }

    /// [`inverse`](Self::inverse) that uses its argument as scratch space.
    ///
    /// # Panics
    /// If the lengths are not the grid's modes and points.
    pub fn inverse_destroying(&mut self, u_hat: &mut [Complex64], u: &mut [f64]) {
        assert_eq!((u.len(), u_hat.len()), (self.grid.points(), self.spectral_shape.iter().product()));
        self.other_axes(u_hat, false);
        let (n, m) = (self.row.len(), self.spectral_shape[self.spectral_shape.len() - 1]);
        let scale = 1.0 / u.len() as f64;
        let plan = &self.grid.plans.real_inverse;
        for (row, row_hat) in u.chunks_exact_mut(n).zip(u_hat.chunks_exact_mut(m)) {
            row_hat[self.kept..].fill(Complex64::ZERO);
            // The field is real: what is imaginary here is rounding.
            row_hat[0].im = 0.0;
            row_hat[m - 1].im = 0.0;
            let _ = plan.process_with_scratch(row_hat, row, &mut self.scratch[..plan.get_scratch_len()]);
            row.iter_mut().for_each(|x| *x *= scale);
        }
    }

    /// Writes `F(f(u))` into `out`, `u` the real field with the given spectrum: an inverse and a [`forward`](Self::forward)
    /// in one, with the function applied to a line while it is in the cache.
    ///
    /// # Panics
    /// If the lengths are not the grid's modes.
    pub fn pointwise(&mut self, u_hat: &[Complex64], f: impl Fn(f64) -> f64, out: &mut [Complex64]) {
        assert_eq!((u_hat.len(), out.len()), (self.work.len(), self.work.len()));
        let mut work = std::mem::take(&mut self.work);
        work.copy_from_slice(u_hat);
        self.other_axes(&mut work, false);
        let scale = 1.0 / self.grid.points() as f64;
        let m = self.spectral_shape[self.spectral_shape.len() - 1];
        let (inverse, forward) = (&self.grid.plans.real_inverse, &self.grid.plans.real_forward);
        for (row_hat, out) in work.chunks_exact_mut(m).zip(out.chunks_exact_mut(m)) {
            row_hat[self.kept..].fill(Complex64::ZERO);
            row_hat[0].im = 0.0;
            row_hat[m - 1].im = 0.0;
            let scratch = &mut self.scratch[..inverse.get_scratch_len()];
            let _ = inverse.process_with_scratch(row_hat, &mut self.row, scratch);
            self.row.iter_mut().for_each(|u| *u = f(*u * scale));
            let scratch = &mut self.scratch[..forward.get_scratch_len()];
            let _ = forward.process_with_scratch(&mut self.row, out, scratch);
            out[self.kept..].fill(Complex64::ZERO);
        }
        self.work = work;
        self.other_axes(out, true);
    }

    /// The forward transform of a complex field, in place, unscaled.
    pub fn forward_complex(&mut self, u: &mut [Complex64]) {
        self.complex_last(u, true);
        self.other_axes(u, true);
    }

    /// The inverse transform of a complex field, in place, scaled by one over the number of points.
    pub fn inverse_complex(&mut self, u: &mut [Complex64]) {
        self.other_axes(u, false);
        self.complex_last(u, false);
        let scale = 1.0 / u.len() as f64;
        u.iter_mut().for_each(|x| *x *= scale);
    }

    fn complex_last(&mut self, u: &mut [Complex64], forward: bool) {
        let last = self.grid.axes() - 1;
        let plans = &self.grid.plans;
        let plan = if forward { &plans.forward[last] } else { &plans.inverse[last] };
        plan.process_with_scratch(u, &mut self.scratch[..plan.get_inplace_scratch_len()]);
    }

    /// Transforms along every axis but the last, a tile of columns at a time.
    fn other_axes(&mut self, u_hat: &mut [Complex64], forward: bool) {
        let plans = &self.grid.plans;
        let last = self.spectral_shape[self.spectral_shape.len() - 1];
        for axis in 0..self.grid.axes() - 1 {
            let plan = if forward { &plans.forward[axis] } else { &plans.inverse[axis] };
            let scratch = &mut self.scratch[..plan.get_inplace_scratch_len()];
            let n = self.spectral_shape[axis];
            let inner: usize = self.spectral_shape[axis + 1..].iter().product();
            for block in u_hat.chunks_exact_mut(n * inner) {
                for row in (0..inner).step_by(last) {
                    let mut start = row;
                    let end = row + self.kept;
                    while start < end {
                        let width = TILE.min(end - start);
                        for i in 0..n {
                            let line = &block[i * inner + start..][..width];
                            for (j, x) in line.iter().enumerate() {
                                self.tile[j * n + i] = *x;
                            }
                        }
                        plan.process_with_scratch(&mut self.tile[..n * width], scratch);
                        for i in 0..n {
                            let line = &mut block[i * inner + start..][..width];
                            for (j, x) in line.iter_mut().enumerate() {
                                *x = self.tile[j * n + i];
                            }
                        }
                        start += width;
                    }
                }
            }
        }
    }
}
