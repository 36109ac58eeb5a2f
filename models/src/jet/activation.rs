//! Activations with their derivatives.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serde::{Deserialize, Serialize};

use super::MAX_ORDER;

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

impl Activation {
    /// `σ, σ′, …, σ^(order)` at `z`, order at most `MAX_ORDER + 1`; the rest is zero.
    #[inline]
    pub fn derivatives(self, z: f64, order: usize) -> [f64; MAX_ORDER + 2] {
        let mut s = [0.0; MAX_ORDER + 2];
        match self {
            Self::Tanh => {
                let t = z.tanh();
                let s1 = 1.0 - t * t;
                s[0] = t;
                s[1] = s1;
                if order >= 2 {
                    // Leibniz on σ' = 1 − σ².
                    s[2] = -2.0 * t * s1;
                    s[3] = -2.0 * (s1 * s1 + t * s[2]);
                    if order >= 4 {
                        s[4] = -2.0 * (3.0 * s1 * s[2] + t * s[3]);
                        s[5] = -2.0 * (3.0 * s[2] * s[2] + 4.0 * s1 * s[3] + t * s[4]);
                    }
                }
            }
            Self::Sine => {
                let (sin, cos) = z.sin_cos();
                s = [sin, cos, -sin, -cos, sin, cos];
            }
            Self::Gelu => {
                let cdf = 0.5 * erfc(-z * FRAC_1_SQRT_2);
                let pdf = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
                let q = z * z;
                s = [
                    z * cdf,
                    cdf + z * pdf,
                    pdf * (2.0 - q),
                    pdf * z * (q - 4.0),
                    pdf * ((7.0 - q) * q - 4.0),
                    pdf * z * ((q - 11.0) * q + 18.0),
                ];
            }
            Self::Swish => {
                let g = 1.0 / (1.0 + (-z).exp());
                let g1 = g * (1.0 - g);
                let g2 = g1 * (1.0 - 2.0 * g);
                let g3 = g2 * (1.0 - 2.0 * g) - 2.0 * g1 * g1;
                let g4 = g3 * (1.0 - 2.0 * g) - 6.0 * g1 * g2;
                let g5 = g4 * (1.0 - 2.0 * g) - 8.0 * g1 * g3 - 6.0 * g2 * g2;
                s = [
                    z * g,
                    z * g1 + g,
                    z * g2 + 2.0 * g1,
                    z * g3 + 3.0 * g2,
                    z * g4 + 4.0 * g3,
                    z * g5 + 5.0 * g4,
                ];
            }
        }
        s
    }
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
