//! Faà di Bruno's rule for one activation on a stack of components, and its transpose.

use pulp::{Arch, Simd, WithSimd};

use super::activation::{Activation, BLOCK, Slopes};
use super::{Directions, Line};

/// `h = σ(z)` for jets; both hold as many entries for each component.
pub(super) fn forward(directions: &Directions, activation: Activation, z: &[f64], h: &mut [f64]) {
    Arch::new().dispatch(Forward { directions, activation, z, h });
}

/// `δz = (∂h/∂z)ᵀ δh` for jets, in place of `δh`; `h` is what came out.
pub(super) fn backward(
    directions: &Directions,
    activation: Activation,
    z: &[f64],
    h: &[f64],
    delta: &mut [f64],
) {
    Arch::new().dispatch(Backward { directions, activation, z, h, delta });
}

struct Forward<'a> {
    directions: &'a Directions,
    activation: Activation,
    z: &'a [f64],
    h: &'a mut [f64],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { directions, activation, z, h } = self;
        let count = z.len() / directions.components();
        let mut s = Slopes::default();
        for start in (0..count).step_by(BLOCK) {
            let n = BLOCK.min(count - start);
            let z = |c: usize| &z[c * count + start..][..n];
            activation.slopes(z(0), None, directions.order(), &mut s);
            h[start..start + n].copy_from_slice(&s[0][..n]);
            for line in directions.lines() {
                let (first, h) = (line.first, &mut h[line.first * count..]);
                let (z1, order) = (z(first), line.order);
                let z2 = z(first + 1.min(order - 1));
                let z3 = z(first + 2.min(order - 1));
                let z4 = z(first + 3.min(order - 1));
                let h1 = &mut h[start..start + n];
                for e in 0..n {
                    h1[e] = s[1][e] * z1[e];
                }
                if order >= 2 {
                    let h2 = &mut h[count + start..][..n];
                    for e in 0..n {
                        h2[e] = s[2][e] * z1[e] * z1[e] + s[1][e] * z2[e];
                    }
                }
                if order >= 3 {
                    let h3 = &mut h[2 * count + start..][..n];
                    for e in 0..n {
                        let cubic = s[3][e] * z1[e] * z1[e] * z1[e];
                        h3[e] = cubic + 3.0 * s[2][e] * z1[e] * z2[e] + s[1][e] * z3[e];
                    }
                }
                if order >= 4 {
                    let h4 = &mut h[3 * count + start..][..n];
                    for e in 0..n {
                        let q = z1[e] * z1[e];
                        let mixed = 3.0 * z2[e] * z2[e] + 4.0 * z1[e] * z3[e];
                        let steep = s[4][e] * q * q + 6.0 * s[3][e] * q * z2[e];
                        h4[e] = steep + s[2][e] * mixed + s[1][e] * z4[e];
                    }
                }
            }
            if let Some(collapsed) = directions.collapsed() {
                let (slot, mut squares) = (z(collapsed.slot), [0.0; BLOCK]);
                add_squares(directions.collapsed_lines(), z, &mut squares[..n]);
                let h = &mut h[collapsed.slot * count + start..][..n];
                for e in 0..n {
                    h[e] = s[1][e] * slot[e] + s[2][e] * squares[e];
                }
            }
        }
    }
}

#[inline(always)]
fn add_squares<'a>(lines: &[Line], z: impl Fn(usize) -> &'a [f64], squares: &mut [f64]) {
    for line in lines {
        squares.iter_mut().zip(z(line.first)).for_each(|(s, z)| *s += z * z);
    }
}

struct Backward<'a> {
    directions: &'a Directions,
    activation: Activation,
    z: &'a [f64],
    h: &'a [f64],
    delta: &'a mut [f64],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { directions, activation, z, h, delta } = self;
        let count = z.len() / directions.components();
        let mut s = Slopes::default();
        for start in (0..count).step_by(BLOCK) {
            let n = BLOCK.min(count - start);
            let z = |c: usize| &z[c * count + start..][..n];
            activation.slopes(z(0), Some(&h[start..start + n]), directions.order() + 1, &mut s);
            let (value, rest) = delta.split_at_mut(count);
            let value = &mut value[start..start + n];
            for e in 0..n {
                value[e] *= s[1][e];
            }
            for line in directions.lines() {
                let (first, order) = (line.first, line.order);
                let [z1, z2, z3, z4] = [0, 1, 2, 3].map(|k: usize| z(first + k.min(order - 1)));
                let lines = &mut rest[(first - 1) * count..][..order * count];
                let mut parts = lines.chunks_exact_mut(count).map(|d| &mut d[start..start + n]);
                let (d1, d2, d3, d4) = (parts.next(), parts.next(), parts.next(), parts.next());
                let Some(d1) = d1 else { continue };
                for e in 0..n {
                    value[e] += s[2][e] * z1[e] * d1[e];
                    d1[e] *= s[1][e];
                }
                let Some(d2) = d2 else { continue };
                for e in 0..n {
                    value[e] += (s[3][e] * z1[e] * z1[e] + s[2][e] * z2[e]) * d2[e];
                    d1[e] += 2.0 * s[2][e] * z1[e] * d2[e];
                    d2[e] *= s[1][e];
                }
                let Some(d3) = d3 else { continue };
                for e in 0..n {
                    let q = z1[e] * z1[e];
                    let cubic = s[4][e] * q * z1[e] + 3.0 * s[3][e] * z1[e] * z2[e];
                    value[e] += (cubic + s[2][e] * z3[e]) * d3[e];
                    d1[e] += 3.0 * (s[3][e] * q + s[2][e] * z2[e]) * d3[e];
                    d2[e] += 3.0 * s[2][e] * z1[e] * d3[e];
                    d3[e] *= s[1][e];
                }
                let Some(d4) = d4 else { continue };
                for e in 0..n {
                    let q = z1[e] * z1[e];
                    let mixed = 3.0 * z2[e] * z2[e] + 4.0 * z1[e] * z3[e];
                    let steep = s[5][e] * q * q + 6.0 * s[4][e] * q * z2[e];
                    value[e] += (steep + s[3][e] * mixed + s[2][e] * z4[e]) * d4[e];
                    let cubic = s[4][e] * q * z1[e] + 3.0 * s[3][e] * z1[e] * z2[e];
                    d1[e] += 4.0 * (cubic + s[2][e] * z3[e]) * d4[e];
                    d2[e] += 6.0 * (s[3][e] * q + s[2][e] * z2[e]) * d4[e];
                    d3[e] += 4.0 * s[2][e] * z1[e] * d4[e];
                    d4[e] *= s[1][e];
                }
            }
            if let Some(collapsed) = directions.collapsed() {
                let (slot, mut squares) = (z(collapsed.slot), [0.0; BLOCK]);
                add_squares(directions.collapsed_lines(), z, &mut squares[..n]);
                let (lines, from) = rest.split_at_mut((collapsed.slot - 1) * count);
                let d = &mut from[start..start + n];
                for line in directions.collapsed_lines() {
                    let (z1, d1) = (z(line.first), &mut lines[(line.first - 1) * count + start..][..n]);
                    for e in 0..n {
                        d1[e] += 2.0 * s[2][e] * z1[e] * d[e];
                    }
                }
                for e in 0..n {
                    value[e] += (s[2][e] * slot[e] + s[3][e] * squares[e]) * d[e];
                    d[e] *= s[1][e];
                }
            }
        }
    }
}
