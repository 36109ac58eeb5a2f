//! `ndarray` arrays of `f64` and `Complex64`, of any dimension.

use ndarray::{Array, Dimension, Zip};
use num_complex::Complex64;
use rayon::prelude::*;

use super::{DenseState, State};

/// Entries above which they are checked by several threads.
const PARALLEL: usize = 16_384;
/// Entries that one task checks.
const BLOCK: usize = 4096;

/// A scalar that arrays of states are made of.
trait Entry: Copy + Default {
    fn modulus(self) -> f64;
    fn finite(self) -> bool;
    fn scaled(self, a: f64) -> Self;
    fn plus_scaled(self, a: f64, x: Self) -> Self;
    /// Its real numbers.
    fn write(self, out: &mut Vec<f64>);
    /// The scalar whose real numbers come first, and what is left.
    fn read(entries: &[f64]) -> Option<(Self, &[f64])>;
    fn product(self, x: Self) -> f64;
}

impl Entry for f64 {
    #[inline]
    fn modulus(self) -> f64 {
        self.abs()
    }
    #[inline]
    fn finite(self) -> bool {
        self.is_finite()
    }
    #[inline]
    fn scaled(self, a: f64) -> Self {
        self * a
    }
    #[inline]
    fn plus_scaled(self, a: f64, x: Self) -> Self {
        self + a * x
    }
    fn write(self, out: &mut Vec<f64>) {
        out.push(self);
    }
    fn read(entries: &[f64]) -> Option<(Self, &[f64])> {
        entries.split_first().map(|(x, rest)| (*x, rest))
    }

    #[inline]
    fn product(self, x: Self) -> f64 {
        self * x
    }
}

impl Entry for Complex64 {
    #[inline]
    fn modulus(self) -> f64 {
        self.norm()
    }
    #[inline]
    fn finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
    #[inline]
    fn scaled(self, a: f64) -> Self {
        self * a
    }
    #[inline]
    fn plus_scaled(self, a: f64, x: Self) -> Self {
        self + x * a
    }
    fn write(self, out: &mut Vec<f64>) {
        out.extend([self.re, self.im]);
    }
    fn read(entries: &[f64]) -> Option<(Self, &[f64])> {
        entries.split_first_chunk().map(|([re, im], rest)| (Self::new(*re, *im), rest))
    }

    #[inline]
    fn product(self, x: Self) -> f64 {
        self.re * x.re + self.im * x.im
    }
}

/// The weighted root mean square of one entry after another.
fn weighted_rms<T: Entry, D: Dimension>(
    e: &Array<T, D>,
    y0: &Array<T, D>,
    y1: &Array<T, D>,
    atol: f64,
    rtol: f64,
) -> f64 {
    let mut sum = 0.0;
    Zip::from(e).and(y0).and(y1).for_each(|e, a, b| {
        let w = e.modulus() / (atol + rtol * a.modulus().max(b.modulus()));
        sum += w * w;
    });
    (sum / e.len().max(1) as f64).sqrt()
}

macro_rules! array_state {
    ($scalar:ty) => {
        impl<D: Dimension> State for Array<$scalar, D> {
            fn zeros_like(&self) -> Self {
                Array::default(self.raw_dim())
            }

            fn assign(&mut self, x: &Self) {
                (**self).assign(x);
            }

            fn scale(&mut self, a: f64) {
                self.mapv_inplace(|s| s.scaled(a));
            }

            fn axpy(&mut self, a: f64, x: &Self) {
                Zip::from(self).and(x).for_each(|s, x| *s = s.plus_scaled(a, *x));
            }

            fn combine(&mut self, base: &Self, terms: &[(f64, &Self)]) {
                // Three terms a pass: enough for the memory traffic, few enough for the registers.
                let mut chunks = terms.chunks(3);
                match chunks.next() {
                    None => (**self).assign(base),
                    Some([(a, x)]) => {
                        Zip::from(&mut *self)
                            .and(base)
                            .and(*x)
                            .for_each(|s, b, x| *s = b.plus_scaled(*a, *x));
                    }
                    Some([(a, x), (c, y)]) => {
                        Zip::from(&mut *self).and(base).and(*x).and(*y).for_each(|s, b, x, y| {
                            *s = b.plus_scaled(*a, *x).plus_scaled(*c, *y);
                        });
                    }
                    Some([(a, x), (c, y), (d, z), ..]) => {
                        Zip::from(&mut *self).and(base).and(*x).and(*y).and(*z).for_each(|s, b, x, y, z| {
                            *s = b.plus_scaled(*a, *x).plus_scaled(*c, *y).plus_scaled(*d, *z);
                        });
                    }
                    Some([]) => {}
                }
                for chunk in chunks {
                    match chunk {
                        [(a, x), (c, y), (d, z)] => {
                            Zip::from(&mut *self).and(*x).and(*y).and(*z).for_each(|s, x, y, z| {
                                *s = s.plus_scaled(*a, *x).plus_scaled(*c, *y).plus_scaled(*d, *z);
                            });
                        }
                        rest => rest.iter().for_each(|(a, x)| self.axpy(*a, x)),
                    }
                }
            }

            fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
                weighted_rms(error, y0, y1, atol, rtol)
            }

            fn rms(&self) -> f64 {
                let sum = self.iter().map(|s| s.modulus() * s.modulus()).sum::<f64>();
                (sum / self.len().max(1) as f64).sqrt()
            }

            fn is_finite(&self) -> bool {
                // Blocks without a branch inside, which are vectorised.
                let finite = |block: &[$scalar]| block.iter().fold(true, |all, s| all & s.finite());
                match (**self).as_slice_memory_order() {
                    Some(entries) if entries.len() < PARALLEL => entries.chunks(64).all(finite),
                    Some(entries) => entries.par_chunks(BLOCK).all(finite),
                    None => self.iter().all(|s| s.finite()),
                }
            }

            #[inline]
            fn same_shape(&self, other: &Self) -> bool {
                self.raw_dim() == other.raw_dim()
            }

            fn write_entries(&self, out: &mut Vec<f64>) {
                self.iter().for_each(|s| s.write(out));
            }

            fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
                let (mut read, mut rest) = (Vec::with_capacity(self.len()), *entries);
                while read.len() < self.len() {
                    let Some((entry, after)) = <$scalar>::read(rest) else { return false };
                    read.push(entry);
                    rest = after;
                }
                self.iter_mut().zip(read).for_each(|(s, entry)| *s = entry);
                *entries = rest;
                true
            }

            fn dot(&self, other: &Self) -> f64 {
                self.iter().zip(other).map(|(a, b)| a.product(*b)).sum()
            }

            fn bytes(&self) -> usize {
                size_of::<$scalar>() * self.len()
            }
        }
    };
}

array_state!(f64);
array_state!(Complex64);

/// # Panics
/// If the array is not in standard (C) layout; arrays made by [`State::zeros_like`] and `Array::zeros` are.
impl<D: Dimension> DenseState for Array<f64, D> {
    fn as_slice(&self) -> &[f64] {
        (**self).as_slice().expect("a dense state is in standard layout")
    }
    fn as_mut_slice(&mut self) -> &mut [f64] {
        (**self).as_slice_mut().expect("a dense state is in standard layout")
    }
}
