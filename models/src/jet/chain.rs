//! Faà di Bruno's rule for one activation on a stack of components, and its transpose.

use super::Directions;
use super::activation::Activation;

/// `h = σ(z)` for jets; both hold `count` entries a component.
pub(super) fn forward(directions: &Directions, activation: Activation, z: &[f64], h: &mut [f64]) {
    let count = z.len() / directions.components();
    let order = directions.order();
    for e in 0..count {
        let s = activation.derivatives(z[e], order);
        h[e] = s[0];
        for line in directions.lines() {
            let at = |k: usize| z[(line.first + k - 1) * count + e];
            let z1 = at(1);
            let mut put = |k: usize, v: f64| h[(line.first + k - 1) * count + e] = v;
            put(1, s[1] * z1);
            if line.order == 1 {
                continue;
            }
            let z2 = at(2);
            put(2, s[2] * z1 * z1 + s[1] * z2);
            if line.order == 2 {
                continue;
            }
            let z3 = at(3);
            put(3, s[3] * z1 * z1 * z1 + 3.0 * s[2] * z1 * z2 + s[1] * z3);
            if line.order == 3 {
                continue;
            }
            let q = z1 * z1;
            let mixed = 3.0 * z2 * z2 + 4.0 * z1 * z3;
            put(4, s[4] * q * q + 6.0 * s[3] * q * z2 + s[2] * mixed + s[1] * at(4));
        }
        if let Some(collapsed) = directions.collapsed() {
            let first = |l: &super::Line| z[l.first * count + e];
            let squares: f64 = directions.collapsed_lines().iter().map(|l| first(l) * first(l)).sum();
            let slot = collapsed.slot * count + e;
            h[slot] = s[1] * z[slot] + s[2] * squares;
        }
    }
}

/// `δz = (∂h/∂z)ᵀ δh` for jets, in place of `δh`.
pub(super) fn backward(directions: &Directions, activation: Activation, z: &[f64], delta: &mut [f64]) {
    let count = z.len() / directions.components();
    let order = directions.order() + 1;
    for e in 0..count {
        let s = activation.derivatives(z[e], order);
        let mut value = s[1] * delta[e];
        for line in directions.lines() {
            let place = |k: usize| (line.first + k - 1) * count + e;
            let z1 = z[place(1)];
            let d1 = delta[place(1)];
            value += s[2] * z1 * d1;
            if line.order == 1 {
                delta[place(1)] = s[1] * d1;
                continue;
            }
            let (z2, d2) = (z[place(2)], delta[place(2)]);
            value += (s[3] * z1 * z1 + s[2] * z2) * d2;
            let mut to = [s[1] * d1 + 2.0 * s[2] * z1 * d2, s[1] * d2, 0.0, 0.0];
            if line.order >= 3 {
                let (z3, d3) = (z[place(3)], delta[place(3)]);
                value += (s[4] * z1 * z1 * z1 + 3.0 * s[3] * z1 * z2 + s[2] * z3) * d3;
                to[0] += 3.0 * (s[3] * z1 * z1 + s[2] * z2) * d3;
                to[1] += 3.0 * s[2] * z1 * d3;
                to[2] = s[1] * d3;
                if line.order == 4 {
                    let d4 = delta[place(4)];
                    let q = z1 * z1;
                    let mixed = 3.0 * z2 * z2 + 4.0 * z1 * z3;
                    value += (s[5] * q * q + 6.0 * s[4] * q * z2 + s[3] * mixed + s[2] * z[place(4)]) * d4;
                    to[0] += 4.0 * (s[4] * q * z1 + 3.0 * s[3] * z1 * z2 + s[2] * z3) * d4;
                    to[1] += 6.0 * (s[3] * q + s[2] * z2) * d4;
                    to[2] += 4.0 * s[2] * z1 * d4;
                    to[3] = s[1] * d4;
                }
            }
            for k in 1..=line.order {
                delta[place(k)] = to[k - 1];
            }
        }
        if let Some(collapsed) = directions.collapsed() {
            let slot = collapsed.slot * count + e;
            let d = delta[slot];
            let mut squares = 0.0;
            for line in directions.collapsed_lines() {
                let place = line.first * count + e;
                squares += z[place] * z[place];
                delta[place] += 2.0 * s[2] * z[place] * d;
            }
            value += (s[2] * z[slot] + s[3] * squares) * d;
            delta[slot] = s[1] * d;
        }
        delta[e] = value;
    }
}
