//! Activations with their derivatives.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serde::{Deserialize, Serialize};

use super::MAX_ORDER;
use crate::fused::Real;

/// An activation `σ`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `tanh z`.
    #[default]
    Tanh,
    /// `sin z`, with weights drawn for a frequency (V. Sitzmann et al., NeurIPS 2020).
    Sine,
    /// `z Φ(z)` with the normal distribution function `Φ`.
    Gelu,
    /// `z / (1 + e^(−z))`.
    Swish,
}

/// Entries of a layer that are worked on together.
pub(super) const BLOCK: usize = 64;

/// `σ, σ′, …` of a block of entries.
pub(super) struct Slopes([[f64; BLOCK]; MAX_ORDER + 2]);

impl Default for Slopes {
    fn default() -> Self {
        Self([[0.0; BLOCK]; MAX_ORDER + 2])
    }
}

impl std::ops::Deref for Slopes {
    type Target = [[f64; BLOCK]; MAX_ORDER + 2];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Activation {
    /// `σ, σ′, …, σ^(order)` at at most [`BLOCK`] entries `z`, order at most `MAX_ORDER + 1`; of `σ(z)` if that is known already. Higher
    /// ones are left as they are. Inside a dispatched function the loops are vectorised.
    #[inline(always)]
    pub(super) fn slopes(self, z: &[f64], value: Option<&[f64]>, order: usize, s: &mut Slopes) {
        let (n, s) = (z.len().min(BLOCK), &mut s.0);
        match self {
            Self::Tanh => {
                match value {
                    Some(value) => s[0][..n].copy_from_slice(value),
                    None => {
                        s[0][..n].copy_from_slice(z);
                        <f64 as Real>::tanh(&mut s[0][..n]);
                    }
                }
                let [t, s1, s2, s3, s4, s5] = s;
                for e in 0..n {
                    s1[e] = 1.0 - t[e] * t[e];
                }
                // Leibniz on σ' = 1 − σ².
                if order >= 2 {
                    for e in 0..n {
                        s2[e] = -2.0 * t[e] * s1[e];
                        s3[e] = -2.0 * (s1[e] * s1[e] + t[e] * s2[e]);
                    }
                }
                if order >= 4 {
                    for e in 0..n {
                        s4[e] = -2.0 * (3.0 * s1[e] * s2[e] + t[e] * s3[e]);
                        s5[e] = -2.0 * (3.0 * s2[e] * s2[e] + 4.0 * s1[e] * s3[e] + t[e] * s4[e]);
                    }
                }
            }
            Self::Sine => each(z, s, sine),
            Self::Gelu => each(z, s, gelu),
            Self::Swish => each(z, s, swish),
        }
    }
}

type Derivatives = [f64; MAX_ORDER + 2];

#[inline(always)]
fn each(z: &[f64], s: &mut [[f64; BLOCK]; MAX_ORDER + 2], f: impl Fn(f64) -> Derivatives) {
    for (e, z) in z.iter().enumerate() {
        for (s, v) in s.iter_mut().zip(f(*z)) {
            s[e] = v;
        }
    }
}

fn sine(z: f64) -> Derivatives {
    let (sin, cos) = z.sin_cos();
    [sin, cos, -sin, -cos, sin, cos]
}

fn gelu(z: f64) -> Derivatives {
    let cdf = 0.5 * erfc(-z * FRAC_1_SQRT_2);
    let pdf = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    let q = z * z;
    [
        z * cdf,
        cdf + z * pdf,
        pdf * (2.0 - q),
        pdf * z * (q - 4.0),
        pdf * ((7.0 - q) * q - 4.0),
        pdf * z * ((q - 11.0) * q + 18.0),
    ]
}

fn swish(z: f64) -> Derivatives {
    let g = 1.0 / (1.0 + (-z).exp());
    let g1 = g * (1.0 - g);
    let g2 = g1 * (1.0 - 2.0 * g);
    let g3 = g2 * (1.0 - 2.0 * g) - 2.0 * g1 * g1;
    let g4 = g3 * (1.0 - 2.0 * g) - 6.0 * g1 * g2;
    let g5 = g4 * (1.0 - 2.0 * g) - 8.0 * g1 * g3 - 6.0 * g2 * g2;
    [z * g, z * g1 + g, z * g2 + 2.0 * g1, z * g3 + 3.0 * g2, z * g4 + 4.0 * g3, z * g5 + 5.0 * g4]
}

/// `1 − erf x`, to rounding: the series of Kummer near zero, a continued fraction beyond.
fn erfc(x: f64) -> f64 {
    let a = x.abs();
    let tail = if a < 2.5 {
        let (mut term, mut sum, mut n) = (a, a, 0.0);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= 2.0 * a * a / (2.0 * n + 1.0);
            sum += term;
        }
        1.0 - 2.0 / PI.sqrt() * (-a * a).exp() * sum
    } else {
        let fraction = (1..=60).rev().fold(a, |f, k| a + 0.5 * f64::from(k) / f);
        (-a * a).exp() / (PI.sqrt() * fraction)
    };
    if x < 0.0 { 2.0 - tail } else { tail }
}
