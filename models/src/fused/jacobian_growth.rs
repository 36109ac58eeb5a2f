//! How fast gradients grow along states: norms of the Jacobians of a piecewise-linear map.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::lanes::{Lanes, apply, pack};
use crate::plrnn::PiecewiseLinearMap;

/// Squarings of `JᵀJ`: its trace is then the largest eigenvalue to 0.6 %, from below, in the worst case.
const SQUARINGS: usize = 6;

/// Numbers that are multiplied before their logarithm is taken: so many of single precision fit double precision.
const FACTORS: usize = 8;

/// Multiplications of a group of samples from which a task of its own pays.
const TASK: usize = 40_000;

/// Lanes of the widest vectors there are.
const MOST_LANES: usize = 16;

/// What is made of the Jacobians `J_1 … J_T` of a sample; norms are spectral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// `(Π_t ‖J_t‖)^{1/T}`.
    MeanNorm,
    /// `‖(1/T) Σ_t J_t‖`.
    NormOfMean,
    /// `‖J_T … J_1‖^{1/T}`.
    NormOfProduct,
    /// `max_t ‖J_t‖`.
    LargestNorm,
}

/// The growth of every sample along states `[step, batch, latent]`.
pub fn jacobian_growth(map: &PiecewiseLinearMap, states: &[f32], batch: usize, what: Growth) -> Vec<f64> {
    let (m, h) = (map.latent(), map.hidden());
    let single = |values: &nalgebra::DMatrix<f64>| -> Vec<f32> {
        values.transpose().iter().map(|v| *v as f32).collect()
    };
    let product = |k: usize| {
        let (i, j) = (k / m, k % m);
        (0..h).map(move |h| (map.w1[(i, h)] * map.w2[(h, j)]) as f32)
    };
    let along = Along {
        a: single(&map.a),
        w2: single(&map.w2),
        h2: map.h2.iter().map(|v| *v as f32).collect(),
        products: (0..m * m).flat_map(product).collect(),
        clipped: map.clipped,
        latent: m,
        states,
        batch,
        what,
    };
    let groups = batch.div_ceil(Arch::new().dispatch(Lanes));
    let work = |group| Arch::new().dispatch(Group { along: &along, group });
    let cost = states.len() / batch.max(1) * m * h;
    let parts: Vec<Vec<f64>> = if groups > 1 && cost >= TASK && rayon::current_num_threads() > 1 {
        (0..groups).into_par_iter().map(work).collect()
    } else {
        (0..groups).map(work).collect()
    };
    parts.into_iter().flatten().take(batch).collect()
}

struct Along<'a> {
    a: Vec<f32>,
    w2: Vec<f32>,
    h2: Vec<f32>,
    /// `W₁_ih W₂_hj`, the hidden unit last.
    products: Vec<f32>,
    clipped: bool,
    latent: usize,
    states: &'a [f32],
    batch: usize,
    what: Growth,
}

impl Along<'_> {
    /// `J = A + W₁ D W₂`.
    #[inline(always)]
    fn jacobian<S: Simd>(&self, simd: S, z: &[S::f32s], slopes: &mut [S::f32s], j: &mut [S::f32s]) {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        slopes.fill(zero);
        apply(simd, &self.w2, z, slopes);
        let n = slopes.len();
        let h2 = &self.h2[..n];
        for i in 0..n {
            let u = slopes[i];
            let shifted = simd.add_f32s(u, simd.splat_f32s(h2[i]));
            slopes[i] = simd.select_f32s(simd.greater_than_f32s(shifted, zero), one, zero);
            if self.clipped {
                let off = simd.select_f32s(simd.greater_than_f32s(u, zero), one, zero);
                slopes[i] = simd.sub_f32s(slopes[i], off);
            }
        }
        for (j, a) in j.iter_mut().zip(&self.a) {
            *j = simd.splat_f32s(*a);
        }
        apply(simd, &self.products, slopes, j);
    }
}

/// The growth of the samples of a group.
struct Group<'a> {
    along: &'a Along<'a>,
    group: usize,
}

impl WithSimd for Group<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
        let c = self.along;
        let (m, zero) = (c.latent, simd.splat_f32s(0.0));
        let square = || vec![zero; m * m];
        let states = pack::<S>(c.states, c.batch, m, self.group);
        let states = S::as_simd_f32s(&states).0;
        let (mut slopes, mut j) = (vec![zero; c.h2.len()], square());
        let (mut sum, mut product, mut next) = (square(), square(), square());
        for i in 0..m {
            product[i * m + i] = simd.splat_f32s(1.0);
        }
        let mut work = [square(), square(), square()];
        let mut largest = zero;
        let mut logs = Logarithms::new(S::F32_LANES);
        let mut steps = 0.0_f64;
        for z in states.chunks_exact(m) {
            c.jacobian(simd, z, &mut slopes, &mut j);
            steps += 1.0;
            match c.what {
                Growth::MeanNorm => logs.add(simd, norm2(simd, &j, m, &mut work)),
                Growth::LargestNorm => largest = simd.max_f32s(largest, norm2(simd, &j, m, &mut work)),
                Growth::NormOfMean => {
                    for (sum, j) in sum.iter_mut().zip(&j) {
                        *sum = simd.add_f32s(*sum, *j);
                    }
                }
                Growth::NormOfProduct => {
                    matmul(simd, &j, &product, &mut next, m);
                    std::mem::swap(&mut product, &mut next);
                    let size = next_scale(simd, &product);
                    logs.add(simd, size);
                    let inverse = simd.div_f32s(simd.splat_f32s(1.0), simd.sqrt_f32s(size));
                    for p in &mut product {
                        *p = simd.mul_f32s(*p, inverse);
                    }
                }
            }
        }
        let steps = steps.max(1.0);
        match c.what {
            Growth::MeanNorm => logs.sums().map(|l| (0.5 * l / steps).exp()).collect(),
            Growth::NormOfProduct => {
                logs.add(simd, norm2(simd, &product, m, &mut work));
                logs.sums().map(|l| (0.5 * l / steps).exp()).collect()
            }
            Growth::LargestNorm => each(simd, largest).into_iter().map(f64::sqrt).collect(),
            Growth::NormOfMean => {
                let norms = each(simd, norm2(simd, &sum, m, &mut work));
                norms.into_iter().map(|n| n.sqrt() / steps).collect()
            }
        }
    }
}

/// `‖J‖²`: with `G = JᵀJ`, `tr(G Gᵏ)/tr Gᵏ`.
#[inline(always)]
fn norm2<S: Simd>(simd: S, j: &[S::f32s], m: usize, work: &mut [Vec<S::f32s>; 3]) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let [gram, power, next] = work;
    for i in 0..m {
        for k in 0..=i {
            let mut sum = zero;
            for row in j.chunks_exact(m) {
                sum = simd.mul_add_e_f32s(row[i], row[k], sum);
            }
            (gram[i * m + k], gram[k * m + i]) = (sum, sum);
        }
    }
    power.copy_from_slice(gram);
    for _ in 0..SQUARINGS {
        let inverse = simd.div_f32s(simd.splat_f32s(1.0), trace(simd, power, m));
        for p in power.iter_mut() {
            *p = simd.mul_f32s(*p, inverse);
        }
        matmul(simd, power, power, next, m);
        std::mem::swap(power, next);
    }
    let mut sum = zero;
    for (g, p) in gram.iter().zip(power.iter()) {
        sum = simd.mul_add_e_f32s(*g, *p, sum);
    }
    simd.div_f32s(sum, trace(simd, power, m))
}

/// The trace, above zero.
#[inline(always)]
fn trace<S: Simd>(simd: S, a: &[S::f32s], m: usize) -> S::f32s {
    let mut sum = simd.splat_f32s(f32::MIN_POSITIVE);
    for i in 0..m {
        sum = simd.add_f32s(sum, a[i * m + i]);
    }
    sum
}

/// The sum of squares, above zero.
#[inline(always)]
fn next_scale<S: Simd>(simd: S, a: &[S::f32s]) -> S::f32s {
    let mut sum = simd.splat_f32s(f32::MIN_POSITIVE);
    for a in a {
        sum = simd.mul_add_e_f32s(*a, *a, sum);
    }
    sum
}

/// `c = a b` for square matrices.
#[inline(always)]
fn matmul<S: Simd>(simd: S, a: &[S::f32s], b: &[S::f32s], c: &mut [S::f32s], m: usize) {
    c.fill(simd.splat_f32s(0.0));
    for (a, c) in a.chunks_exact(m).zip(c.chunks_exact_mut(m)) {
        for (a, b) in a.iter().zip(b.chunks_exact(m)) {
            for (b, c) in b.iter().zip(c.iter_mut()) {
                *c = simd.mul_add_e_f32s(*a, *b, *c);
            }
        }
    }
}

/// The sums of the logarithms of numbers, lane by lane.
struct Logarithms {
    sums: Vec<f64>,
    /// What has been multiplied since a logarithm was taken.
    products: [f64; MOST_LANES],
    factors: usize,
}

impl Logarithms {
    fn new(lanes: usize) -> Self {
        Self { sums: vec![0.0; lanes], products: [1.0; MOST_LANES], factors: 0 }
    }

    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, x: S::f32s) {
        let mut values = [0.0_f32; MOST_LANES];
        store(simd, x, &mut values);
        for (product, x) in self.products.iter_mut().zip(values) {
            *product *= f64::from(x);
        }
        self.factors += 1;
        if self.factors == FACTORS {
            self.take();
        }
    }

    fn take(&mut self) {
        self.sums.iter_mut().zip(self.products).for_each(|(sum, p)| *sum += p.ln());
        self.products = [1.0; MOST_LANES];
        self.factors = 0;
    }

    fn sums(mut self) -> impl Iterator<Item = f64> {
        self.take();
        self.sums.into_iter()
    }
}

#[inline(always)]
fn store<S: Simd>(_: S, x: S::f32s, values: &mut [f32; MOST_LANES]) {
    S::as_mut_simd_f32s(values).0[0] = x;
}

#[inline(always)]
fn each<S: Simd>(simd: S, x: S::f32s) -> Vec<f64> {
    let mut values = [0.0; MOST_LANES];
    store(simd, x, &mut values);
    values[..S::F32_LANES].iter().map(|v| f64::from(*v)).collect()
}
