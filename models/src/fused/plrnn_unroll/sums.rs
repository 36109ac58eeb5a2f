//! The gradients of the unroll, of a group of samples and of all.

use pulp::{Simd, WithSimd};

use super::super::lanes::unpack;

/// The gradients that a group gives.
pub(super) struct Part {
    pub(super) sums: Sums,
    pub(super) start: Vec<f32>,
    pub(super) signals: Vec<f32>,
    /// By the offset of each step, where it differs.
    pub(super) drive: Vec<f32>,
}

/// The gradients that are sums over samples and steps.
pub(super) struct Sums {
    pub(super) a: Vec<f32>,
    pub(super) w1: Vec<f32>,
    /// Of the transpose of `W₂`.
    pub(super) w2t: Vec<f32>,
    pub(super) h1: Vec<f32>,
    pub(super) h2: Vec<f32>,
}

impl Sums {
    pub(super) fn new(m: usize, h: usize) -> Self {
        let zeros = |n: usize| vec![0.0; n];
        Self { a: zeros(m * m), w1: zeros(m * h), w2t: zeros(m * h), h1: zeros(m), h2: zeros(h) }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.a, &other.a),
            (&mut self.w1, &other.w1),
            (&mut self.w2t, &other.w2t),
            (&mut self.h1, &other.h1),
            (&mut self.h2, &other.h2),
        ];
        for (sum, part) in pairs {
            sum.iter_mut().zip(part).for_each(|(s, p)| *s += p);
        }
    }
}

/// Writes a group's lanes to their samples.
pub(super) struct Unpack<'a> {
    pub(super) packed: &'a [f32],
    pub(super) out: &'a mut [f32],
    pub(super) batch: usize,
    pub(super) entries: usize,
    pub(super) group: usize,
}

impl WithSimd for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        unpack::<S>(self.packed, self.out, self.batch, self.entries, self.group);
    }
}
