//! Arithmetic over the lanes of rows, written so that the compiler turns it into vector instructions: no branches, no calls.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

use crate::control::Pid;
use crate::stepper::explicit_rk::Tableau;

/// `2⁵²`, whose last bit is one.
const UNIT: f64 = 4503599627370496.0;

/// `1/19`, `1/17` … `1`: the series of `artanh`, last term first.
const ODD: [f64; 10] = reciprocals(19.0, 2.0);
/// `1/13`, `1/12` … `1`: the nested series of the exponential.
const ALL: [f64; 13] = reciprocals(13.0, 1.0);

const fn reciprocals<const N: usize>(mut from: f64, step: f64) -> [f64; N] {
    let (mut out, mut i) = ([0.0; N], 0);
    while i < N {
        out[i] = 1.0 / from;
        from -= step;
        i += 1;
    }
    out
}

/// `ln x` of a positive normal number, to a few roundings.
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    // The exponent as a number, without a conversion of integers.
    let exponent = f64::from_bits((bits >> 52) | UNIT.to_bits()) - UNIT - 1023.0;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1.0_f64.to_bits());
    let high = mantissa > SQRT_2;
    let (m, e) = if high { (0.5 * mantissa, exponent + 1.0) } else { (mantissa, exponent) };
    // ln m = 2 artanh s with |s| < 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let mut sum = 0.0;
    for k in 0..10 {
        sum = sum * q + ODD[k];
    }
    e * LN_2 + 2.0 * s * sum
}

/// `eˣ` for `|x| < 700`, to a few roundings.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    // The nearest whole number of powers of two, in the last bits of a large number.
    let large = x * LOG2_E + 1.5 * UNIT;
    let k = large - 1.5 * UNIT;
    let r = x - k * LN_2;
    let mut sum = 1.0;
    for n in 0..13 {
        sum = sum * (r * ALL[n]) + 1.0;
    }
    let power = f64::from_bits(large.to_bits().wrapping_add(1023) << 52);
    sum * power
}

/// `out ← base + h Σⱼ wⱼ kⱼ` for the non-zero weights.
#[inline(always)]
pub(super) fn combine(out: &mut [f64], base: &[f64], h: &[f64], terms: &[(f64, &[f64])]) {
    macro_rules! by_length {
        ($($n:literal)*) => {
            match terms.len() {
                $($n => if let Some(terms) = terms.first_chunk::<$n>() { sum(out, base, h, terms) },)*
                _ => {
                    out.fill(0.0);
                    for (w, k) in terms {
                        out.iter_mut().zip(*k).for_each(|(o, k)| *o += w * k);
                    }
                    out.iter_mut().zip(base).zip(h).for_each(|((o, b), h)| *o = b + h * *o);
                }
            }
        };
    }
    by_length!(1 2 3 4 5 6 7 8 9 10);
}

#[inline(always)]
fn sum<const S: usize>(out: &mut [f64], base: &[f64], h: &[f64], terms: &[(f64, &[f64]); S]) {
    let n = out.len();
    let (base, h, slopes) = (&base[..n], &h[..n], terms.map(|(_, k)| &k[..n]));
    for i in 0..n {
        let mut total = 0.0;
        for j in 0..S {
            total += terms[j].0 * slopes[j][i];
        }
        out[i] = base[i] + h[i] * total;
    }
}

/// `out ← h Σⱼ wⱼ kⱼ`.
#[inline(always)]
pub(super) fn error(out: &mut [f64], h: &[f64], terms: &[(f64, &[f64])]) {
    out.fill(0.0);
    let n = out.len();
    for pair in terms.chunks(2) {
        match pair {
            [(a, x), (b, y)] => {
                let (x, y) = (&x[..n], &y[..n]);
                for i in 0..n {
                    out[i] += a * x[i] + b * y[i];
                }
            }
            rest => {
                for (a, x) in rest {
                    out.iter_mut().zip(*x).for_each(|(o, x)| *o += a * x);
                }
            }
        }
    }
    out.iter_mut().zip(h).for_each(|(o, h)| *o *= h);
}

/// Adds `(e / (atol + rtol max(|y|, |y₁|)))²` to `out`; NaN where `y₁` is not finite.
#[inline(always)]
pub(super) fn add_squares(out: &mut [f64], e: &[f64], y: &[f64], y1: &[f64], pid: &Pid) {
    let n = out.len();
    let (e, y, y1) = (&e[..n], &y[..n], &y1[..n]);
    for i in 0..n {
        let w = e[i] / (pid.atol + pid.rtol * y[i].abs().max(y1[i].abs()));
        out[i] += w * w + 0.0 * y1[i];
    }
}

/// The controller's memory of every row, as [`PidState`](crate::control::PidState) has it of one.
pub(super) struct Controllers {
    pub(super) pid: Pid,
    exponent: f64,
    pub(super) log1: Vec<f64>,
    pub(super) log2: Vec<f64>,
    /// The largest factor of the next accepted step: one after a rejection.
    pub(super) limit: Vec<f64>,
}

impl Controllers {
    pub(super) fn new(pid: Pid, embedded_order: usize, width: usize) -> Self {
        let zeros = || vec![0.0; width];
        Self {
            pid,
            exponent: 1.0 / (embedded_order as f64 + 1.0),
            log1: zeros(),
            log2: zeros(),
            limit: vec![pid.max_factor; width],
        }
    }

    /// A row that starts.
    pub(super) fn start(&mut self, i: usize) {
        (self.log1[i], self.log2[i], self.limit[i]) = (0.0, 0.0, self.pid.max_factor);
    }

    /// Moves the memory of row `from` to `to`.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        (self.log1[to], self.log2[to], self.limit[to]) = (self.log1[from], self.log2[from], self.limit[from]);
    }

    /// Judges all rows by their error norms: leaves the factor of the next step in `factor`, and one in `taken` for the rows
    /// whose step is taken, else zero.
    #[inline(always)]
    pub(super) fn decide(&mut self, error: &[f64], factor: &mut [f64], taken: &mut [f64]) {
        let Pid { proportional: p, integral: i, derivative: d, safety, min_factor, max_factor, .. } =
            self.pid;
        let n = error.len();
        let floor = -9.210340371976182; // ln 1e-4
        let (log1, log2, limit) = (&mut self.log1[..n], &mut self.log2[..n], &mut self.limit[..n]);
        let (factor, taken) = (&mut factor[..n], &mut taken[..n]);
        for k in 0..n {
            let e = error[k];
            let accept = e <= 1.0;
            let finite = e < f64::INFINITY;
            let log0 = ln(if finite { e.max(1e-10) } else { 1.0 });
            let steered = -(i + p + d) * log0 + (p + 2.0 * d) * log1[k] - d * log2[k];
            let raw = safety * exp(self.exponent * if accept { steered } else { -log0 });
            let top = if accept { limit[k] } else { 1.0 };
            let bounded = raw.max(min_factor).min(top);
            factor[k] = if finite { bounded } else { min_factor };
            taken[k] = if accept { 1.0 } else { 0.0 };
            log2[k] = if accept { log1[k] } else { log2[k] };
            log1[k] = if accept { log0.max(floor) } else { log1[k] };
            limit[k] = if accept { max_factor } else { 1.0 };
        }
    }
}

/// The non-zero weights of a row of a tableau with the places of their stages.
pub(super) fn nonzero(weights: &[f64]) -> Vec<(f64, usize)> {
    weights.iter().copied().zip(0..).filter(|(w, _)| *w != 0.0).collect()
}

/// Row `i` of a tableau, the extra stages of the dense output after its own.
pub(super) fn row(tableau: &'static Tableau, i: usize) -> (&'static [f64], f64) {
    use crate::stepper::explicit_rk::Dense;
    let s = tableau.stages();
    match tableau.dense {
        Dense::Stages { extra_a, extra_c, .. } if i >= s => (extra_a[i - s], extra_c[i - s]),
        _ => (tableau.row(i), tableau.c[i]),
    }
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};

    #[test]
    fn logarithm_and_exponential_are_those_of_the_library() {
        for i in -2300..2300 {
            let x = 0.13 * f64::from(i);
            if x.abs() < 300.0 {
                assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "{x}");
                assert!((ln(x.exp()) - x).abs() <= 1e-14 * x.abs().max(1.0), "{x}");
            }
        }
    }
}
