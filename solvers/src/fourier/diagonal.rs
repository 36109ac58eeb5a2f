//! Operators that are diagonal in Fourier space, on host arrays.

use std::ops::{Mul, Range};

use num_complex::Complex64;
use pulp::Arch;
use rayon::prelude::*;

/// Modes above which a sum runs on several threads.
const PARALLEL: usize = 16_384;
/// Modes of one task: what its terms touch stays in a core's cache.
const BLOCK: usize = 2048;

/// The eigenvalues of an operator; real ones are kept as such, which halves the arithmetic.
#[derive(Clone, Debug)]
pub enum HostDiagonal {
    /// All eigenvalues are real.
    Real(Vec<f64>),
    /// Some are not.
    Complex(Vec<Complex64>),
}

impl HostDiagonal {
    /// The most terms that [`apply`](Self::apply) sums in one pass over memory.
    pub const TERMS: usize = 5;

    /// From eigenvalues.
    pub fn new(eigenvalues: Vec<Complex64>) -> Self {
        if eigenvalues.iter().all(|z| z.im == 0.0) {
            Self::Real(eigenvalues.into_iter().map(|z| z.re).collect())
        } else {
            Self::Complex(eigenvalues)
        }
    }

    /// Writes `Σᵢ Dᵢ yᵢ` into `out`, all terms of one kind (real or complex) in one pass.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn apply(terms: &[(&Self, &[Complex64])], out: &mut [Complex64]) {
        let all = 0..out.len();
        Self::apply_on(std::slice::from_ref(&all), terms, out);
    }

    /// [`apply`](Self::apply) on the modes of ascending runs; all others become zero.
    ///
    /// # Panics
    /// If the lengths differ, or a run ends outside them.
    pub fn apply_on(runs: &[Range<usize>], terms: &[(&Self, &[Complex64])], out: &mut [Complex64]) {
        if out.len() < PARALLEL {
            block(runs, terms, 0, out);
        } else {
            let blocks = out.par_chunks_mut(BLOCK).enumerate().with_max_len(1);
            blocks.for_each(|(i, out)| block(runs, terms, i * BLOCK, out));
        }
    }

    fn add_to(&self, start: usize, y: &[Complex64], out: &mut [Complex64]) {
        let y = &y[start..];
        match self {
            Self::Real(d) => out.iter_mut().zip(&d[start..]).zip(y).for_each(|((o, d), y)| *o += y * d),
            Self::Complex(d) => out.iter_mut().zip(&d[start..]).zip(y).for_each(|((o, d), y)| *o += y * d),
        }
    }
}

/// The modes from `start` on, zero outside the runs.
fn block(
    runs: &[Range<usize>],
    terms: &[(&HostDiagonal, &[Complex64])],
    start: usize,
    out: &mut [Complex64],
) {
    let (end, mut done) = (start + out.len(), start);
    let first = runs.partition_point(|run| run.end <= start);
    for run in runs[first..].iter().take_while(|run| run.start < end) {
        let (from, to) = (run.start.max(start), run.end.min(end));
        out[done - start..from - start].fill(Complex64::ZERO);
        sum_of(terms, from, &mut out[from - start..to - start]);
        done = to;
    }
    out[done - start..].fill(Complex64::ZERO);
}

/// The modes of the sum from `start` on.
fn sum_of(terms: &[(&HostDiagonal, &[Complex64])], start: usize, out: &mut [Complex64]) {
    let done = match terms.len() {
        1 => one_pass::<1>(terms, start, out),
        2 => one_pass::<2>(terms, start, out),
        3 => one_pass::<3>(terms, start, out),
        4 => one_pass::<4>(terms, start, out),
        HostDiagonal::TERMS => one_pass::<{ HostDiagonal::TERMS }>(terms, start, out),
        _ => false,
    };
    if !done {
        out.fill(Complex64::ZERO);
        terms.iter().for_each(|(d, y)| d.add_to(start, y, out));
    }
}

/// The sum of `K` terms, if they are of one kind.
fn one_pass<const K: usize>(
    terms: &[(&HostDiagonal, &[Complex64])],
    start: usize,
    out: &mut [Complex64],
) -> bool {
    let range = start..start + out.len();
    let states: [&[Complex64]; K] = std::array::from_fn(|k| &terms[k].1[range.clone()]);
    let (mut real, mut complex): ([&[f64]; K], [&[Complex64]; K]) = ([&[]; K], [&[]; K]);
    for (k, (d, _)) in terms.iter().enumerate() {
        match d {
            HostDiagonal::Real(d) => real[k] = &d[range.clone()],
            HostDiagonal::Complex(d) => complex[k] = &d[range.clone()],
        }
    }
    if real.iter().all(|d| d.len() == out.len()) {
        Arch::new().dispatch(|| sum(&real, &states, out));
    } else if complex.iter().all(|d| d.len() == out.len()) {
        Arch::new().dispatch(|| sum(&complex, &states, out));
    } else {
        return false;
    }
    true
}

#[inline(always)]
fn sum<const K: usize, E: Copy>(d: &[&[E]; K], y: &[&[Complex64]; K], out: &mut [Complex64])
where
    Complex64: Mul<E, Output = Complex64>,
{
    let n = out.len();
    let (d, y): ([&[E]; K], [&[Complex64]; K]) =
        (std::array::from_fn(|k| &d[k][..n]), std::array::from_fn(|k| &y[k][..n]));
    for i in 0..n {
        let mut sum = y[0][i] * d[0][i];
        for k in 1..K {
            sum += y[k][i] * d[k][i];
        }
        out[i] = sum;
    }
}
