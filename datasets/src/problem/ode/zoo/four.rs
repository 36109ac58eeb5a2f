//! Flows in four dimensions, most of them with two positive exponents.

use super::flow::{Flow, flow};
use super::number::{Dual, Number};
use super::source::{DYSTS, WOLF};

pub(super) const FLOWS: &[Flow] = &[
    flow! {
        name: "hyper_rossler",
        equation: "x' = −y − z, y' = x + ay + w, z' = b + xz, w' = dw − cz",
        start: { x: -10.0, y: -6.0, z: 0.0, w: 10.0 },
        parameters: { a: 0.25, b: 3.0, c: 0.5, d: 0.05 },
        exponent: 0.16 * std::f64::consts::LN_2, WOLF,
        dt: 0.01,
        slope: [-y - z, x + a * y + w, b + x * z, d * w - c * z],
    },
    flow! {
        name: "lorenz_stenflo",
        equation: "x' = a(y − x) + dw, y' = x(c − z) − y, z' = xy − bz, w' = −x − aw",
        start: { x: 5.937, y: 10.231, z: 26.767, w: -1.196 },
        parameters: { a: 2.0, b: 0.7, c: 26.0, d: 1.5 },
        exponent: 0.3808, DYSTS,
        dt: 0.02,
        slope: [a * (y - x) + d * w, x * (c - z) - y, x * y - b * z, -x - a * w],
    },
    flow! {
        name: "hyper_xu",
        equation: "x' = a(y − x) + w, y' = bx + exz, z' = −cz − xy, w' = xz − dy",
        start: { x: -0.914, y: 0.543, z: -1.666, w: -21.37 },
        parameters: { a: 10.0, b: 40.0, c: 2.5, d: 2.0, e: 16.0 },
        exponent: 0.982, DYSTS,
        dt: 0.006,
        slope: [a * (y - x) + w, b * x + e * x * z, -c * z - x * y, x * z - d * y],
    },
    flow! {
        name: "hyper_pang",
        equation: "x' = a(y − x), y' = cy − xz + w, z' = xy − bz, w' = −d(x + y)",
        start: { x: 5.191, y: 6.217, z: 16.211, w: 8.376 },
        parameters: { a: 36.0, b: 3.0, c: 20.0, d: 2.0 },
        exponent: 1.4465, DYSTS,
        dt: 0.005,
        slope: [a * (y - x), c * y - x * z + w, x * y - b * z, -d * (x + y)],
    },
    flow! {
        name: "hyper_cai",
        equation: "x' = a(y − x), y' = bx + cy − xz + w, z' = y² − dz, w' = −ex",
        start: { x: 11.369, y: 12.366, z: 24.423, w: -5.259 },
        parameters: { a: 27.5, b: 3.0, c: 19.3, d: 2.9, e: 3.3 },
        exponent: 1.6778, DYSTS,
        dt: 0.006,
        slope: [a * (y - x), b * x + c * y - x * z + w, y * y - d * z, -e * x],
    },
    flow! {
        name: "hyper_bao",
        equation: "x' = a(y − x) + w, y' = cy − xz, z' = xy − bz, w' = ex + dyz",
        start: { x: 1.627, y: 0.842, z: 17.287, w: 11.983 },
        parameters: { a: 36.0, b: 3.0, c: 20.0, d: 0.1, e: 21.0 },
        exponent: 0.7942, DYSTS,
        dt: 0.005,
        slope: [a * (y - x) + w, c * y - x * z, x * y - b * z, e * x + d * y * z],
    },
    flow! {
        name: "qi",
        equation: "x' = a(y − x) + yzw, y' = b(x + y) − xzw, z' = −cz + xyw, w' = −dw + xyz",
        start: { x: 0.653, y: 0.826, z: 6.499, w: 0.406 },
        parameters: { a: 45.0, b: 10.0, c: 1.0, d: 10.0 },
        exponent: 2.1916, DYSTS,
        dt: 0.003,
        slope: [a * (y - x) + y * z * w, b * (x + y) - x * z * w, x * y * w - c * z, x * y * z - d * w],
    },
    flow! {
        name: "hyper_qi",
        equation: "x' = a(y − x) + yz, y' = b(x + y) − xz, z' = −cz − ew + xy, w' = −dw + fz + xy",
        start: { x: 4.654, y: -51.168, z: -144.781, w: 382.56 },
        parameters: { a: 50.0, b: 24.0, c: 13.0, d: 8.0, e: 33.0, f: 30.0 },
        exponent: 12.7872, DYSTS,
        dt: 0.0006,
        slope: [a * (y - x) + y * z, b * (x + y) - x * z, x * y - c * z - e * w, f * z + x * y - d * w],
    },
];
