//! For the CPU: two passes over memory in each direction.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::DType;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::host::{tensor, values};
use super::{EPSILON, composed};

pub(crate) fn forward(
    u: FloatTensor<Flex>,
    scale: FloatTensor<Flex>,
    shift: FloatTensor<Flex>,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    if u.dtype() != DType::F32 {
        return composed::forward::<Flex>(u, scale, shift);
    }
    let (u, scale, shift) = (u.to_contiguous(), scale.to_contiguous(), shift.to_contiguous());
    let [batch, channels, nx, ny] = u.shape().dims::<4>();
    let points = nx * ny;
    let [x, s, t] = [&u, &scale, &shift].map(values::<f32>);
    let sums: Vec<[f64; 2]> = x.par_chunks_exact(points).map(|f| moments(f, f)).collect();
    let count = (channels * points) as f64;
    let moments: Vec<f32> = sums
        .chunks_exact(channels)
        .flat_map(|sums| {
            let mean = sums.iter().map(|s| s[0]).sum::<f64>() / count;
            let square = sums.iter().map(|s| s[1]).sum::<f64>() / count;
            let variance = (square - mean * mean).max(0.0);
            [mean as f32, (1.0 / (variance + EPSILON).sqrt()) as f32]
        })
        .collect();
    let mut v = vec![0.0_f32; x.len()];
    v.par_chunks_exact_mut(points).zip(x.par_chunks_exact(points)).enumerate().for_each(|(i, (v, x))| {
        let (b, c) = (i / channels, i % channels);
        let (mean, inverse) = (moments[2 * b], moments[2 * b + 1]);
        let slope = s[c] * inverse;
        v.iter_mut().zip(x).for_each(|(v, x)| *v = slope * (*x - mean) + t[c]);
    });
    (tensor(v, &[batch, channels, nx, ny]), tensor(moments, &[batch, 2]))
}

pub(crate) fn backward(
    u: FloatTensor<Flex>,
    scale: FloatTensor<Flex>,
    moments_of: FloatTensor<Flex>,
    grad: FloatTensor<Flex>,
) -> (FloatTensor<Flex>, FloatTensor<Flex>, FloatTensor<Flex>) {
    if u.dtype() != DType::F32 {
        return composed::backward::<Flex>(u, scale, moments_of, grad);
    }
    let (u, scale, grad) = (u.to_contiguous(), scale.to_contiguous(), grad.to_contiguous());
    let [batch, channels, nx, ny] = u.shape().dims::<4>();
    let points = nx * ny;
    let [x, s, g, m] = [&u, &scale, &grad, &moments_of].map(values::<f32>);
    // Σ g and Σ g x of every channel.
    let sums: Vec<[f64; 2]> =
        g.par_chunks_exact(points).zip(x.par_chunks_exact(points)).map(|(g, x)| moments(g, x)).collect();
    let (mut by_scale, mut by_shift) = (vec![0.0_f64; channels], vec![0.0_f64; channels]);
    let mut means = Vec::with_capacity(batch);
    for (b, sums) in sums.chunks_exact(channels).enumerate() {
        let (mean, inverse) = (f64::from(m[2 * b]), f64::from(m[2 * b + 1]));
        let (mut level, mut along) = (0.0, 0.0);
        for (c, [g, gx]) in sums.iter().enumerate() {
            let unit = inverse * (gx - mean * g);
            by_scale[c] += unit;
            by_shift[c] += g;
            level += f64::from(s[c]) * g;
            along += f64::from(s[c]) * unit;
        }
        let count = (channels * points) as f64;
        means.push(((level / count) as f32, (along / count) as f32));
    }
    let mut by_u = vec![0.0_f32; x.len()];
    by_u.par_chunks_exact_mut(points)
        .zip(g.par_chunks_exact(points).zip(x.par_chunks_exact(points)))
        .enumerate()
        .for_each(|(i, (out, (g, x)))| {
            let (b, c) = (i / channels, i % channels);
            let (mean, inverse) = (m[2 * b], m[2 * b + 1]);
            let (level, along) = means[b];
            let slope = s[c];
            for ((out, g), x) in out.iter_mut().zip(g).zip(x) {
                *out = inverse * (slope * *g - level - along * inverse * (*x - mean));
            }
        });
    let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect::<Vec<_>>();
    (
        tensor(by_u, &[batch, channels, nx, ny]),
        tensor(narrow(by_scale), &[channels]),
        tensor(narrow(by_shift), &[channels]),
    )
}

/// `Σ a` and `Σ a b`.
fn moments(a: &[f32], b: &[f32]) -> [f64; 2] {
    Arch::new().dispatch(Moments { a, b })
}

struct Moments<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Moments<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        // In sixteen parts, so that it is vectorised; in pieces, so that single precision suffices.
        const PARTS: usize = 16;
        let mut sums = [0.0_f64; 2];
        for (a, b) in self.a.chunks(64 * PARTS).zip(self.b.chunks(64 * PARTS)) {
            let (mut first, mut second) = ([0.0_f32; PARTS], [0.0_f32; PARTS]);
            for (a, b) in a.chunks(PARTS).zip(b.chunks(PARTS)) {
                for (i, (a, b)) in a.iter().zip(b).enumerate() {
                    first[i] += a;
                    second[i] += a * b;
                }
            }
            sums[0] += f64::from(first.iter().sum::<f32>());
            sums[1] += f64::from(second.iter().sum::<f32>());
        }
        sums
    }
}
