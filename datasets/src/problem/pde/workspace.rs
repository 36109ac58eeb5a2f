//! Scratch space of a pseudo-spectral evaluation.

use std::sync::Arc;

use flowmap_solvers::fourier::{FourierGrid, FourierTransform, GridKind};
use num_complex::Complex64;

/// Points above which the two transforms of a pair run on two threads.
const PARALLEL: usize = 16_384;

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
    transforms: [FourierTransform; 2],
    /// The full transform, for fields from outside.
    full: FourierTransform,
    mask: Option<Vec<bool>>,
    /// Physical fields.
    pub fields: [Vec<f64>; 2],
    /// Spectra.
    pub spectra: [Vec<Complex64>; 2],
    /// The problem's tables.
    pub tables: Arc<Tables>,
}

impl Workspace {
    pub(super) fn new(grid: &FourierGrid, dealias: bool, tables: Arc<Tables>) -> Self {
        let transform = if dealias { grid.transform().dealiased() } else { grid.transform() };
        let real = grid.kind() == GridKind::Real;
        let points = if real { grid.points() } else { 0 };
        Self {
            transforms: [transform.clone(), transform],
            full: grid.transform(),
            // On one real axis the transform itself truncates.
            mask: dealias.then(|| grid.dealias_mask()),
            fields: [vec![0.0; points], vec![0.0; points]],
            spectra: [vec![Complex64::ZERO; grid.modes()], vec![Complex64::ZERO; grid.modes()]],
            tables,
            grid: grid.clone(),
        }
    }

    /// The grid.
    pub fn grid(&self) -> &FourierGrid {
        &self.grid
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
        let [transform, _] = &mut self.transforms;
        self.spectra[0].copy_from_slice(u_hat);
        transform.inverse_destroying(&mut self.spectra[0], &mut self.fields[0]);
        self.fields[0].iter_mut().for_each(|u| *u = f(*u));
        transform.forward(&self.fields[0], out);
        if self.grid.axes() > 1 {
            self.truncate(out);
        }
    }

    /// Both [`spectra`](Self::spectra) to both [`fields`](Self::fields), on two threads where that pays; the spectra
    /// are destroyed.
    pub fn inverse_pair(&mut self) {
        let Self { transforms: [t0, t1], fields: [f0, f1], spectra: [s0, s1], .. } = self;
        pair(f0.len(), || t0.inverse_destroying(s0, f0), || t1.inverse_destroying(s1, f1));
    }

    /// Both [`fields`](Self::fields) to both [`spectra`](Self::spectra).
    pub fn forward_pair(&mut self) {
        let Self { transforms: [t0, t1], fields: [f0, f1], spectra: [s0, s1], .. } = self;
        pair(f0.len(), || t0.forward(f0, s0), || t1.forward(f1, s1));
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
                self.spectra[0].copy_from_slice(u_hat);
                self.full.inverse_complex(&mut self.spectra[0]);
                let (re, im) = u.split_at_mut(points);
                for ((z, re), im) in self.spectra[0].iter().zip(re).zip(im) {
                    (*re, *im) = (z.re, z.im);
                }
            }
        }
    }
}

fn pair(points: usize, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    if points >= PARALLEL {
        rayon::join(a, b);
    } else {
        a();
        b();
    }
}
