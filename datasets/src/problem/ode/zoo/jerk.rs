//! Third-order equations of one variable, written as systems.

use super::flow::{Flow, flow};
use super::number::{Dual, Number};
use super::source::{DYSTS, SPROTT_2003};

pub(super) const FLOWS: &[Flow] = &[
    flow! {
        name: "sprott_jerk",
        equation: "x' = y, y' = z, z' = −az + y² − x",
        start: { x: -0.358, y: -0.691, z: 0.423 },
        parameters: { a: 2.017 },
        exponent: 0.0551, SPROTT_2003,
        dt: 0.06,
        slope: [y, z, y * y - a * z - x],
    },
    flow! {
        name: "cubic_jerk",
        equation: "x' = y, y' = z, z' = −az + xy² − x",
        start: { x: 1.359, y: 0.972, z: -0.02 },
        parameters: { a: 2.028 },
        exponent: 0.0837, SPROTT_2003,
        dt: 0.06,
        slope: [y, z, x * y * y - a * z - x],
    },
    flow! {
        name: "absolute_jerk",
        equation: "x' = y, y' = z, z' = −az − y + |x| − 1",
        start: { x: 0.264, y: -0.953, z: -0.525 },
        parameters: { a: 0.6 },
        exponent: 0.0362, SPROTT_2003,
        dt: 0.06,
        slope: [y, z, x.abs() - a * z - y - 1.0],
    },
    flow! {
        name: "windmi",
        equation: "x' = y, y' = z, z' = −az − y + b − eˣ",
        start: { x: 0.763, y: 3.346, z: 0.74 },
        parameters: { a: 0.7, b: 2.5 },
        exponent: 0.0755, SPROTT_2003,
        dt: 0.06,
        slope: [y, z, b - a * z - y - x.exp()],
    },
    flow! {
        name: "genesio_tesi",
        equation: "x' = y, y' = z, z' = −cx − by − az + x²",
        start: { x: 0.416, y: -0.571, z: -0.149 },
        parameters: { a: 0.44, b: 1.1, c: 1.0 },
        exponent: 0.1051, DYSTS,
        dt: 0.06,
        slope: [y, z, x * x - c * x - b * y - a * z],
    },
];
