//! The Fourier transform of a field to a few modes, as products with real matrices.

use std::f64::consts::TAU;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// `û_m = Σ_x u_x e^(−2πi m·x/n)` for the lowest modes of one or two axes, and its inverse, zero beyond them.
///
/// Exact at any length, the same on every backend. Of one axis the modes are `0 ≤ m < modes`; of two `[x, y]` they are
/// `|m_x| < modes` and `0 ≤ m_y < modes`, those along `x` fastest.
#[derive(Module, Debug)]
pub struct Dft {
    /// Along the last axis, `[x, 2·mode]` and `[2·mode, x]`: cosines, then negative sines.
    forward: Tensor<2>,
    inverse: Tensor<2>,
    /// Along the first of two axes, `[2·x, 2·mode]` and `[2·mode, 2·x]`: real parts, then imaginary ones.
    first: Option<Tensor<2>>,
    first_inverse: Option<Tensor<2>>,
    #[module(skip)]
    frequencies: Vec<Vec<i64>>,
    #[module(skip)]
    shape: Vec<usize>,
}

impl Dft {
    /// Of fields on `shape`, one axis or two; `modes` are at most those that an axis has.
    pub fn new(shape: &[usize], modes: usize, device: &Device) -> Self {
        let last = shape.last().copied().unwrap_or(1);
        let kept = modes.min(last / 2 + 1);
        let (mut forward, mut inverse) = (vec![0.0; last * 2 * kept], vec![0.0; last * 2 * kept]);
        for x in 0..last {
            for m in 0..kept {
                let (sin, cos) = angle(x, m as i64, last).sin_cos();
                forward[x * 2 * kept + m] = cos;
                forward[x * 2 * kept + kept + m] = -sin;
                // A mode inside the half spectrum stands for its conjugate too.
                let twice = if m == 0 || 2 * m == last { 1.0 } else { 2.0 } / last as f64;
                inverse[m * last + x] = twice * cos;
                inverse[(kept + m) * last + x] = -twice * sin;
            }
        }
        let half: Vec<i64> = (0..kept as i64).collect();
        let (mut first, mut first_inverse) = (None, None);
        let frequencies = if let [n, _] = *shape {
            let signed: Vec<i64> = if modes > n / 2 {
                (0..n as i64).map(|m| if 2 * m < n as i64 { m } else { m - n as i64 }).collect()
            } else {
                let top = modes as i64 - 1;
                (0..=top).chain(-top..0).collect()
            };
            let count = signed.len();
            let (mut to, mut back) = (vec![0.0; 4 * n * count], vec![0.0; 4 * n * count]);
            for x in 0..n {
                for (j, m) in signed.iter().enumerate() {
                    let (sin, cos) = angle(x, *m, n).sin_cos();
                    for (part, (re, im)) in [(cos, -sin), (sin, cos)].into_iter().enumerate() {
                        to[(part * n + x) * 2 * count + j] = re;
                        to[(part * n + x) * 2 * count + count + j] = im;
                    }
                    for (part, (re, im)) in [(cos, sin), (-sin, cos)].into_iter().enumerate() {
                        back[(part * count + j) * 2 * n + x] = re / n as f64;
                        back[(part * count + j) * 2 * n + n + x] = im / n as f64;
                    }
                }
            }
            first = Some(matrix(&to, [2 * n, 2 * count], device));
            first_inverse = Some(matrix(&back, [2 * count, 2 * n], device));
            half.iter().flat_map(|y| signed.iter().map(move |x| vec![*x, *y])).collect()
        } else {
            half.iter().map(|m| vec![*m]).collect()
        };
        Self {
            forward: matrix(&forward, [last, 2 * kept], device),
            inverse: matrix(&inverse, [2 * kept, last], device),
            first,
            first_inverse,
            frequencies,
            shape: shape.to_vec(),
        }
    }

    /// The number of modes.
    pub fn modes(&self) -> usize {
        self.frequencies.len()
    }

    /// The frequencies of every mode, one for each axis.
    pub fn frequencies(&self) -> &[Vec<i64>] {
        &self.frequencies
    }

    /// How many modes of the whole spectrum each one stands for: two, or one where it is its own conjugate.
    pub fn multiplicities(&self) -> Vec<f64> {
        let last = self.shape.last().copied().unwrap_or(1) as i64;
        let own = |m: &Vec<i64>| m.last().is_none_or(|m| *m == 0 || 2 * m == last);
        self.frequencies.iter().map(|m| if own(m) { 1.0 } else { 2.0 }).collect()
    }

    /// `[row, x]` to real and imaginary parts, `[row, 2, mode]`.
    pub fn forward(&self, u: Tensor<2>) -> Tensor<3> {
        let [rows, _] = u.dims();
        let Some(first) = &self.first else {
            return u.matmul(self.forward.clone()).reshape([rows, 2, self.modes()]);
        };
        let (n, last) = (self.shape[0], self.shape[1]);
        let [_, kept] = self.forward.dims();
        let v = u.reshape([rows * n, last]).matmul(self.forward.clone());
        let v = v.reshape([rows, n, 2, kept / 2]).permute([0, 3, 2, 1]).reshape([rows * kept / 2, 2 * n]);
        let [_, count] = first.dims();
        let v = v.matmul(first.clone()).reshape([rows, kept / 2, 2, count / 2]);
        v.permute([0, 2, 1, 3]).reshape([rows, 2, self.modes()])
    }

    /// `[row, 2, mode]` to the real field, `[row, x]`.
    pub fn inverse(&self, v: Tensor<3>) -> Tensor<2> {
        let [rows, _, modes] = v.dims();
        let Some(first) = &self.first_inverse else {
            return v.reshape([rows, 2 * modes]).matmul(self.inverse.clone());
        };
        let (n, last) = (self.shape[0], self.shape[1]);
        let [count, _] = first.dims();
        let kept = 2 * modes / (count / 2);
        let v =
            v.reshape([rows, 2, kept / 2, count / 2]).permute([0, 2, 1, 3]).reshape([rows * kept / 2, count]);
        let v = v.matmul(first.clone()).reshape([rows, kept / 2, 2, n]).permute([0, 3, 2, 1]);
        v.reshape([rows * n, kept]).matmul(self.inverse.clone()).reshape([rows, n * last])
    }
}

fn angle(x: usize, m: i64, n: usize) -> f64 {
    TAU * (x as i64 * m).rem_euclid(n as i64) as f64 / n as f64
}

fn matrix(values: &[f64], shape: [usize; 2], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
