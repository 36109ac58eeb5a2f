//! For the CPU: a group of samples a vector, the whole sequence in one pass forward and one back.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::DType;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::host::{tensor, values};
use super::super::lanes::{Lanes, apply, outer, pack};
use super::sums::{Part, Sums, Unpack};
use super::{Forcing, Seven, composed};

/// Steps whose hidden units are kept at once on the way back, and whose products are added while sums stay in registers.
const BLOCK: usize = 8;

/// Multiplications of a group of samples from which a task of its own pays.
const TASK: usize = 40_000;

/// The states, and for the way back where each step started, `[group, step, latent, lane]`.
pub(crate) fn forward(inputs: Seven<Flex>, forcing: &Forcing) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    let Some(host) = Host::new(&inputs) else { return composed::forward::<Flex>(inputs, forcing) };
    let unroll = host.unroll(forcing);
    let parts = unroll.each_group(|group| Arch::new().dispatch(Forward { unroll: &unroll, group }));
    let [steps, batch, latent] = [unroll.steps, unroll.batch, unroll.latent];
    let mut states = vec![0.0; steps * batch * latent];
    let mut starts = Vec::with_capacity(parts.iter().map(|(_, starts)| starts.len()).sum());
    for (group, (packed, tape)) in parts.iter().enumerate() {
        Arch::new().dispatch(Unpack { packed, out: &mut states, batch, entries: latent, group });
        starts.extend_from_slice(tape);
    }
    let count = starts.len();
    (tensor(states, &[steps, batch, latent]), tensor(starts, &[count]))
}

pub(crate) fn backward(
    inputs: Seven<Flex>,
    starts: FloatTensor<Flex>,
    grad: FloatTensor<Flex>,
    forcing: &Forcing,
) -> Seven<Flex> {
    let Some(host) = Host::new(&inputs) else {
        return composed::backward::<Flex>(inputs, starts, grad, forcing);
    };
    let unroll = host.unroll(forcing);
    let grad = grad.to_contiguous();
    let (starts, grad) = (values(&starts), values(&grad));
    let [m, h, f] = [unroll.latent, unroll.hidden, unroll.forced];
    let transposed = Transposed {
        a: transpose(unroll.a, m, m),
        w1: transpose(unroll.w1, m, h),
        w2: transpose(unroll.w2, h, m),
    };
    let parts = unroll.each_group(|group| {
        Arch::new().dispatch(Back { unroll: &unroll, transposed: &transposed, starts, grad, group })
    });
    let (batch, steps) = (unroll.batch, unroll.steps);
    let mut sums = Sums::new(m, h);
    let f = if forcing.by_signals { f } else { 0 };
    let (mut start, mut signals) = (vec![0.0; batch * m], vec![0.0; steps * batch * f]);
    let mut drive = vec![0.0; if unroll.driven { steps * batch * m } else { 0 }];
    for (group, part) in parts.iter().enumerate() {
        sums.add(&part.sums);
        Arch::new().dispatch(Unpack { packed: &part.start, out: &mut start, batch, entries: m, group });
        Arch::new().dispatch(Unpack { packed: &part.signals, out: &mut signals, batch, entries: f, group });
        Arch::new().dispatch(Unpack { packed: &part.drive, out: &mut drive, batch, entries: m, group });
    }
    let offset = if unroll.driven { drive } else { sums.h1 };
    let count = offset.len();
    (
        tensor(sums.a, &[m, m]),
        tensor(sums.w1, &[m, h]),
        tensor(transpose(&sums.w2t, m, h), &[h, m]),
        Flex::float_reshape(tensor(offset, &[count]), host.0.3.shape()),
        tensor(sums.h2, &[h]),
        tensor(start, &[batch, m]),
        tensor(signals, &[steps, batch, f]),
    )
}

/// The inputs in rows.
struct Host(Seven<Flex>);

impl Host {
    /// None unless all are `f32`.
    fn new(inputs: &Seven<Flex>) -> Option<Self> {
        let (a, w1, w2, offset, h2, start, signals) = inputs;
        let single = [a, w1, w2, offset, h2, start, signals].iter().all(|x| x.dtype() == DType::F32);
        let rows =
            |x: &FloatTensor<Flex>| if x.as_slice::<f32>().is_some() { x.clone() } else { x.to_contiguous() };
        single
            .then(|| Self((rows(a), rows(w1), rows(w2), rows(offset), rows(h2), rows(start), rows(signals))))
    }

    fn unroll<'a>(&'a self, forcing: &'a Forcing) -> Unroll<'a> {
        let (a, w1, w2, offset, h2, start, signals) = &self.0;
        let [steps, batch, forced] = signals.shape().dims::<3>();
        let latent = start.shape().dims::<2>()[1];
        Unroll {
            steps,
            batch,
            forced,
            latent,
            hidden: h2.shape().num_elements(),
            a: values(a),
            w1: values(w1),
            w2: values(w2),
            offset: values(offset),
            driven: offset.shape().num_elements() != latent,
            h2: values(h2),
            start: values(start),
            signals: values(signals),
            forcing,
        }
    }
}

struct Unroll<'a> {
    steps: usize,
    batch: usize,
    forced: usize,
    latent: usize,
    hidden: usize,
    a: &'a [f32],
    w1: &'a [f32],
    w2: &'a [f32],
    /// `h₁`, or of each step and sample with the drive.
    offset: &'a [f32],
    driven: bool,
    h2: &'a [f32],
    start: &'a [f32],
    signals: &'a [f32],
    forcing: &'a Forcing,
}

impl Unroll<'_> {
    /// The results of all groups of samples in their order, in parallel where that pays.
    fn each_group<T: Send>(&self, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        let groups = self.batch.div_ceil(Arch::new().dispatch(Lanes));
        let cost = self.steps * self.latent * (2 * self.hidden + self.latent);
        if groups > 1 && cost >= TASK && rayon::current_num_threads() > 1 {
            (0..groups).into_par_iter().map(work).collect()
        } else {
            (0..groups).map(work).collect()
        }
    }

    /// The offsets of a group, if they differ from step to step.
    fn drive<S: Simd>(&self, group: usize) -> Vec<f32> {
        if self.driven { pack::<S>(self.offset, self.batch, self.latent, group) } else { Vec::new() }
    }

    /// `W₂ z` and the hidden units.
    #[inline(always)]
    fn hidden_units<S: Simd>(&self, simd: S, z: &[S::f32s], u: &mut [S::f32s], r: &mut [S::f32s]) {
        let zero = simd.splat_f32s(0.0);
        u.fill(zero);
        apply(simd, self.w2, z, u);
        let n = self.hidden;
        let (u, r, h2) = (&u[..n], &mut r[..n], &self.h2[..n]);
        for i in 0..n {
            // What is not a number comes second, and is what the maximum then is.
            r[i] = simd.max_f32s(zero, simd.add_f32s(u[i], simd.splat_f32s(h2[i])));
        }
        if self.forcing.clipped {
            for i in 0..n {
                r[i] = simd.sub_f32s(r[i], simd.max_f32s(zero, u[i]));
            }
        }
    }
}

/// The states of a group, and where its steps started.
struct Forward<'a> {
    unroll: &'a Unroll<'a>,
    group: usize,
}

impl WithSimd for Forward<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (Vec<f32>, Vec<f32>) {
        let Self { unroll: c, group } = self;
        let (m, zero) = (c.latent, simd.splat_f32s(0.0));
        let start = pack::<S>(c.start, c.batch, m, group);
        let signals = pack::<S>(c.signals, c.batch, c.forced, group);
        let signals = S::as_simd_f32s(&signals).0;
        let drive = c.drive::<S>(group);
        let drive = S::as_simd_f32s(&drive).0;
        let mut z = S::as_simd_f32s(&start).0.to_vec();
        let (mut u, mut r) = (vec![zero; c.hidden], vec![zero; c.hidden]);
        let mut packed = vec![0.0; c.steps * m * S::F32_LANES];
        let mut starts = vec![0.0; c.steps * m * S::F32_LANES];
        let steps = S::as_mut_simd_f32s(&mut packed).0.chunks_exact_mut(m);
        let steps = steps.zip(S::as_mut_simd_f32s(&mut starts).0.chunks_exact_mut(m));
        for (t, (state, start)) in steps.enumerate() {
            start.copy_from_slice(&z);
            c.hidden_units(simd, &z, &mut u, &mut r);
            if c.driven {
                state.copy_from_slice(&drive[t * m..][..m]);
            } else {
                for (state, h1) in state.iter_mut().zip(c.offset) {
                    *state = simd.splat_f32s(*h1);
                }
            }
            apply(simd, c.a, &z, state);
            apply(simd, c.w1, &r, state);
            let alpha = c.forcing.alpha[t];
            let (keep, pull) = (simd.splat_f32s(1.0 - alpha), simd.splat_f32s(alpha));
            z.copy_from_slice(state);
            for (z, signal) in z.iter_mut().zip(&signals[t * c.forced..][..c.forced]) {
                *z = simd.mul_add_e_f32s(keep, *z, simd.mul_f32s(pull, *signal));
            }
        }
        (packed, starts)
    }
}

struct Transposed {
    a: Vec<f32>,
    w1: Vec<f32>,
    w2: Vec<f32>,
}

/// The gradients of a group.
struct Back<'a> {
    unroll: &'a Unroll<'a>,
    transposed: &'a Transposed,
    starts: &'a [f32],
    grad: &'a [f32],
    group: usize,
}

impl WithSimd for Back<'_> {
    type Output = Part;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Part {
        let Self { unroll: c, transposed, starts, grad, group } = self;
        let (m, h, f, zero) = (c.latent, c.hidden, c.forced, simd.splat_f32s(0.0));
        let starts = S::as_simd_f32s(starts).0;
        let starts = &starts[group * c.steps * m..][..c.steps * m];
        let grad = pack::<S>(grad, c.batch, m, group);
        let grad = S::as_simd_f32s(&grad).0;
        let wanted = if c.forcing.by_signals { f } else { 0 };
        let mut by_signals = vec![0.0; c.steps * wanted * S::F32_LANES];
        let by_signal = S::as_mut_simd_f32s(&mut by_signals).0;
        let mut by_drives = vec![0.0; if c.driven { c.steps * m * S::F32_LANES } else { 0 }];
        let by_drive = S::as_mut_simd_f32s(&mut by_drives).0;
        let lanes = |n: usize| vec![zero; n];
        let (mut a, mut w1, mut w2t) = (lanes(m * m), lanes(m * h), lanes(m * h));
        let (mut h1, mut h2, mut carry) = (lanes(m), lanes(h), lanes(m));
        let mut g = lanes(BLOCK * m);
        let (mut u, mut r, mut s) = (lanes(BLOCK * h), lanes(BLOCK * h), lanes(BLOCK * h));
        for block in (0..c.steps.div_ceil(BLOCK)).rev() {
            let first = block * BLOCK;
            let count = BLOCK.min(c.steps - first);
            let z = &starts[first * m..][..count * m];
            for (k, z) in z.chunks_exact(m).enumerate() {
                c.hidden_units(simd, z, &mut u[k * h..][..h], &mut r[k * h..][..h]);
            }
            for k in (0..count).rev() {
                let t = first + k;
                let alpha = c.forcing.alpha[t];
                let (keep, pull) = (simd.splat_f32s(1.0 - alpha), simd.splat_f32s(alpha));
                let g = &mut g[k * m..][..m];
                for i in 0..m {
                    let mut kept = carry[i];
                    if i < f {
                        if wanted > 0 {
                            by_signal[t * f + i] = simd.mul_f32s(pull, kept);
                        }
                        kept = simd.mul_f32s(keep, kept);
                    }
                    g[i] = simd.add_f32s(grad[t * m + i], kept);
                    h1[i] = simd.add_f32s(h1[i], g[i]);
                }
                if c.driven {
                    by_drive[t * m..][..m].copy_from_slice(g);
                }
                let s = &mut s[k * h..][..h];
                s.fill(zero);
                apply(simd, &transposed.w1, g, s);
                let (u, offsets, h2) = (&u[k * h..][..h], &c.h2[..h], &mut h2[..h]);
                for i in 0..h {
                    let shifted = simd.add_f32s(u[i], simd.splat_f32s(offsets[i]));
                    let on = simd.select_f32s(simd.greater_than_f32s(shifted, zero), s[i], zero);
                    h2[i] = simd.add_f32s(h2[i], on);
                    s[i] = if c.forcing.clipped {
                        simd.sub_f32s(on, simd.select_f32s(simd.greater_than_f32s(u[i], zero), s[i], zero))
                    } else {
                        on
                    };
                }
                carry.fill(zero);
                apply(simd, &transposed.a, g, &mut carry);
                apply(simd, &transposed.w2, s, &mut carry);
            }
            let g = &g[..count * m];
            let (r, s) = (&r[..count * h], &s[..count * h]);
            outer(simd, g, m, z, m, &mut a);
            outer(simd, g, m, r, h, &mut w1);
            outer(simd, z, m, s, h, &mut w2t);
        }
        let sums = Sums {
            a: over_lanes(simd, &a),
            w1: over_lanes(simd, &w1),
            w2t: over_lanes(simd, &w2t),
            h1: over_lanes(simd, &h1),
            h2: over_lanes(simd, &h2),
        };
        let mut by_start = vec![0.0; m * S::F32_LANES];
        S::as_mut_simd_f32s(&mut by_start).0.copy_from_slice(&carry);
        Part { sums, start: by_start, signals: by_signals, drive: by_drives }
    }
}

/// The sum over the lanes of each entry.
#[inline(always)]
fn over_lanes<S: Simd>(simd: S, entries: &[S::f32s]) -> Vec<f32> {
    let mut out = vec![0.0; entries.len()];
    for (out, entry) in out.iter_mut().zip(entries) {
        *out = simd.reduce_sum_f32s(*entry);
    }
    out
}

fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| (0..rows).map(move |i| values[i * columns + j])).collect()
}
