//! Driven oscillators; the drive `u = sin ot` is a harmonic oscillator of two more variables, so that the system is
//! autonomous.

use super::flow::{Flow, flow};
use super::number::{Dual, Number};
use super::source::{DYSTS, SPROTT_2003};

pub(super) const FLOWS: &[Flow] = &[
    flow! {
        name: "duffing",
        equation: "x' = y, y' = x − x³ − by + au, u' = ov, v' = −ou (u = sin ot)",
        start: { x: 0.2, y: 0.0, u: 0.0, v: 1.0 },
        parameters: { b: 0.25, a: 0.4, o: 1.0 },
        exponent: 0.1571, SPROTT_2003,
        dt: 0.06,
        slope: [y, x - x.cubed() - b * y + a * u, o * v, -o * u],
    },
    flow! {
        name: "ueda",
        equation: "x' = y, y' = −x³ − by + au, u' = ov, v' = −ou (u = sin ot)",
        start: { x: 2.5, y: 0.0, u: 0.0, v: 1.0 },
        parameters: { b: 0.05, a: 7.5, o: 1.0 },
        exponent: 0.1034, SPROTT_2003,
        dt: 0.03,
        slope: [y, a * u - x.cubed() - b * y, o * v, -o * u],
    },
    flow! {
        name: "driven_van_der_pol",
        equation: "x' = y, y' = −x + b(1 − x²)y + au, u' = ov, v' = −ou (u = sin ot)",
        start: { x: -1.9, y: 0.0, u: 0.0, v: 1.0 },
        parameters: { b: 3.0, a: 5.0, o: 1.788 },
        exponent: 0.1932, SPROTT_2003,
        dt: 0.02,
        slope: [y, b * (1.0 - x * x) * y - x + a * u, o * v, -o * u],
    },
    flow! {
        name: "brusselator",
        equation: "x' = x²y − (b + 1)x + a + fu, y' = bx − x²y, u' = ov, v' = −ou (u = sin ot)",
        start: { x: 0.3, y: 2.0, u: 0.0, v: 1.0 },
        parameters: { a: 0.4, b: 1.2, f: 0.05, o: 0.81 },
        exponent: 0.0153, DYSTS,
        dt: 0.08,
        slope: [x * x * y - (b + 1.0) * x + a + f * u, b * x - x * x * y, o * v, -o * u],
    },
];
