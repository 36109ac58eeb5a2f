//! Scratch space of a pseudo-spectral evaluation.

use std::ops::Range;
use std::sync::Arc;

use flowmap_solvers::fourier::{FourierGrid, FourierTransform, GridKind, PairTransform};
use num_complex::Complex64;

/// Factors that depend on the grid only, in the order that the problem chose.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Real factors of modes.
    pub real: Vec<Vec<f64>>,
    /// Complex constants of modes (forcing).
    pub complex: Vec<Vec<Complex64>>,
}

impl Tables {
    /// The table of [`Workspace::flux`] for `N = a ∂_x f(u)` on one axis.
    pub fn flux(a: f64, grid: &FourierGrid) -> Self {
        Self { real: vec![grid.wavenumbers(0).into_iter().map(|k| a * k).collect()], complex: Vec::new() }
    }
}

/// Transforms, physical fields and tables for one thread; evaluations allocate nothing.
#[derive(Clone)]
pub struct Workspace {
    grid: FourierGrid,
    transform: FourierTransform,
    /// Made when it is first needed.
    pair: Option<PairTransform>,
    /// The full transform, for fields from outside.
    full: FourierTransform,
    mask: Option<Vec<bool>>,
    /// A complex field.
    complex: Vec<Complex64>,
    /// Spectra and values of [`products`](Self::products), made when they are first needed.
    spectra: Vec<Complex64>,
    values: Vec<f64>,
    /// The problem's tables.
    pub tables: Arc<Tables>,
}

impl Workspace {
    pub(super) fn new(grid: &FourierGrid, dealias: bool, tables: Arc<Tables>) -> Self {
        let transform = if dealias { grid.transform().dealiased() } else { grid.transform() };
        let complex = if grid.kind() == GridKind::Complex { grid.points() } else { 0 };
        Self {
            transform,
            pair: None,
            full: grid.transform(),
            // On one real axis the transform itself truncates.
            mask: dealias.then(|| grid.dealias_mask()),
            complex: vec![Complex64::ZERO; complex],
            spectra: Vec::new(),
            values: Vec::new(),
            tables,
            grid: grid.clone(),
        }
    }

    /// The grid.
    pub fn grid(&self) -> &FourierGrid {
        &self.grid
    }

    /// The modes of that many fields, one after the other, that the two-thirds rule keeps: ascending runs.
    pub fn kept(&self, fields: usize) -> Vec<Range<usize>> {
        let modes = self.grid.modes();
        let is_kept = |m: &usize| self.mask.as_ref().is_none_or(|mask| mask[m % modes]);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for m in (0..fields * modes).filter(is_kept) {
            match runs.last_mut() {
                Some(run) if run.end == m => run.end += 1,
                _ => runs.push(m..m + 1),
            }
        }
        runs
    }

    /// Sets to zero what the two-thirds rule drops.
    pub fn truncate(&self, u_hat: &mut [Complex64]) {
        if let Some(mask) = &self.mask {
            for field in u_hat.chunks_exact_mut(mask.len()) {
                field
                    .iter_mut()
                    .zip(mask)
                    .filter(|(_, keep)| !**keep)
                    .for_each(|(u, _)| *u = Complex64::ZERO);
            }
        }
    }

    /// `N = i κ ⊙ F(f(u))` of a real field on one axis: a flux in conservation form, `κ` the first real table.
    pub fn flux(&mut self, u_hat: &[Complex64], out: &mut [Complex64], f: impl Fn(f64) -> f64) {
        self.pointwise(u_hat, out, f);
        for (o, k) in out.iter_mut().zip(&self.tables.real[0]) {
            *o = Complex64::new(-o.im * k, o.re * k);
        }
    }

    /// `N = F(f(u))` of a real field: a reaction.
    pub fn pointwise(&mut self, u_hat: &[Complex64], out: &mut [Complex64], f: impl Fn(f64) -> f64) {
        self.transform.pointwise(u_hat, f, out);
        if self.grid.axes() > 1 {
            self.truncate(out);
        }
    }

    /// `N = store(r̂, ŝ)`, `(r, s) = f(p, q)` at every point, of two real fields with the spectra that `load` writes, as
    /// [`PairTransform::evaluate`] has it; on all threads where that pays.
    pub fn pair(
        &mut self,
        load: impl Fn(Range<usize>, &mut [Complex64], &mut [Complex64]) + Sync,
        f: impl Fn(f64, f64) -> (f64, f64) + Sync,
        store: impl Fn(Range<usize>, &[Complex64], &[Complex64], &mut [Complex64]) + Sync,
        out: &mut [Complex64],
    ) {
        let pair = self.pair.get_or_insert_with(|| PairTransform::new(&self.grid));
        pair.evaluate(load, f, store, out);
    }

    /// The spectra, one after the other, of `R` real fields that `f` makes at every point of `P` real fields, whose spectra `load`
    /// writes one after the other.
    pub fn products<const P: usize, const R: usize>(
        &mut self,
        load: impl FnOnce(&mut [Complex64]),
        f: impl Fn([f64; P]) -> [f64; R],
    ) -> &[Complex64] {
        let (points, modes) = (self.grid.points(), self.grid.modes());
        self.spectra.resize(P.max(R) * modes, Complex64::ZERO);
        self.values.resize(P.max(R) * points, 0.0);
        load(&mut self.spectra[..P * modes]);
        let fields = self.spectra.chunks_exact_mut(modes).zip(self.values.chunks_exact_mut(points));
        fields.take(P).for_each(|(u_hat, u)| self.transform.inverse_destroying(u_hat, u));
        for i in 0..points {
            let made = f(std::array::from_fn(|c| self.values[c * points + i]));
            made.into_iter().enumerate().for_each(|(c, r)| self.values[c * points + i] = r);
        }
        let fields = self.values.chunks_exact(points).zip(self.spectra.chunks_exact_mut(modes));
        for (r, r_hat) in fields.take(R) {
            self.transform.forward(r, r_hat);
            if let Some(mask) = &self.mask {
                let dropped = r_hat.iter_mut().zip(mask).filter(|(_, keep)| !**keep);
                dropped.for_each(|(r, _)| *r = Complex64::ZERO);
            }
        }
        &self.spectra[..R * modes]
    }

    /// The forward transform of a complex field in place.
    pub fn forward_complex(&mut self, u: &mut [Complex64]) {
        self.full.forward_complex(u);
        self.truncate(u);
    }

    /// The inverse transform of a complex field in place.
    pub fn inverse_complex(&mut self, u: &mut [Complex64]) {
        self.full.inverse_complex(u);
    }

    /// The derivative along an axis of a real physical field.
    pub fn derivative(&mut self, u: &[f64], axis: usize) -> Vec<f64> {
        let mut u_hat = vec![Complex64::ZERO; self.grid.modes()];
        self.full.forward(u, &mut u_hat);
        u_hat.iter_mut().zip(self.grid.derivative(axis, 1)).for_each(|(u, d)| *u *= d);
        let mut out = vec![0.0; u.len()];
        self.full.inverse_destroying(&mut u_hat, &mut out);
        out
    }

    /// The spectrum of the physical channels `[channel, point]`.
    pub fn to_spectral(&mut self, u: &[f64], out: &mut [Complex64]) {
        let points = self.grid.points();
        match self.grid.kind() {
            GridKind::Real => {
                for (u, out) in u.chunks_exact(points).zip(out.chunks_exact_mut(self.grid.modes())) {
                    self.full.forward(u, out);
                }
            }
            GridKind::Complex => {
                let (re, im) = u.split_at(points);
                out.iter_mut().zip(re).zip(im).for_each(|((o, re), im)| *o = Complex64::new(*re, *im));
                self.full.forward_complex(out);
            }
        }
        self.truncate(out);
    }

    /// The physical channels `[channel, point]` of a spectrum.
    pub fn to_physical(&mut self, u_hat: &[Complex64], u: &mut [f64]) {
        let points = self.grid.points();
        match self.grid.kind() {
            GridKind::Real => {
                for (u_hat, u) in u_hat.chunks_exact(self.grid.modes()).zip(u.chunks_exact_mut(points)) {
                    self.full.inverse(u_hat, u);
                }
            }
            GridKind::Complex => {
                self.complex.copy_from_slice(u_hat);
                self.full.inverse_complex(&mut self.complex);
                let (re, im) = u.split_at_mut(points);
                for ((z, re), im) in self.complex.iter().zip(re).zip(im) {
                    (*re, *im) = (z.re, z.im);
                }
            }
        }
    }
}
