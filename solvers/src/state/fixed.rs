//! `[f64; N]`: small systems without the heap.

use super::{DenseState, State};

impl<const N: usize> State for [f64; N] {
    #[inline]
    fn zeros_like(&self) -> Self {
        [0.0; N]
    }

    #[inline]
    fn assign(&mut self, x: &Self) {
        *self = *x;
    }

    #[inline]
    fn scale(&mut self, a: f64) {
        self.iter_mut().for_each(|s| *s *= a);
    }

    #[inline]
    fn axpy(&mut self, a: f64, x: &Self) {
        for i in 0..N {
            self[i] += a * x[i];
        }
    }

    #[inline]
    fn combine_stages(&mut self, base: &Self, h: f64, weights: &[f64], stages: &[Self]) {
        // A number of stages that the compiler knows: the sum is unrolled and stays in registers.
        macro_rules! by_length {
            ($($s:literal)*) => {
                match weights.len() {
                    $($s => {
                        if let (Some(w), Some(k)) = (weights.first_chunk::<$s>(), stages.first_chunk::<$s>()) {
                            weighted_sum(self, base, h, w, k);
                        }
                    })*
                    _ => {
                        self.assign(base);
                        weights.iter().zip(stages).for_each(|(w, k)| self.axpy(h * w, k));
                    }
                }
            };
        }
        by_length!(1 2 3 4 5 6 7);
    }

    #[inline]
    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
        let mut sum = 0.0;
        for i in 0..N {
            let e = error[i] / (atol + rtol * y0[i].abs().max(y1[i].abs()));
            sum += e * e;
        }
        (sum / N as f64).sqrt()
    }

    #[inline]
    fn rms(&self) -> f64 {
        (self.iter().map(|s| s * s).sum::<f64>() / N as f64).sqrt()
    }

    #[inline]
    fn is_finite(&self) -> bool {
        self.iter().all(|s| s.is_finite())
    }

    fn write_entries(&self, out: &mut Vec<f64>) {
        out.extend_from_slice(self);
    }

    fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
        let Some((own, rest)) = entries.split_first_chunk() else { return false };
        (*self, *entries) = (*own, rest);
        true
    }

    #[inline]
    fn dot(&self, other: &Self) -> f64 {
        self.iter().zip(other).map(|(a, b)| a * b).sum()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl<const N: usize> DenseState for [f64; N] {
    fn as_slice(&self) -> &[f64] {
        self
    }
    fn as_mut_slice(&mut self) -> &mut [f64] {
        self
    }
}

#[inline(always)]
fn weighted_sum<const N: usize, const S: usize>(
    out: &mut [f64; N],
    base: &[f64; N],
    h: f64,
    weights: &[f64; S],
    stages: &[[f64; N]; S],
) {
    let mut sum = *base;
    for j in 0..S {
        let a = h * weights[j];
        for i in 0..N {
            sum[i] += a * stages[j][i];
        }
    }
    *out = sum;
}
