//! Kværnø 3(2): four stages.

use super::EsdirkTableau;

const G: f64 = 0.435_866_521_508_458_999_416_019_451_193_556_843;

/// Order 3(2), four stages, L-stable in both solutions; `γ` is the root of `x³ − 3x² + 3x/2 − 1/6` in the middle.
///
/// A. Kværnø, "Singly diagonally implicit Runge-Kutta methods with an explicit first stage", BIT 44 (2004) 489-502.
pub const KVAERNO3: EsdirkTableau = EsdirkTableau {
    name: "kvaerno3",
    order: 3,
    embedded_order: 2,
    gamma: G,
    a: &[
        &[G],
        &[(-4.0 * G * G + 6.0 * G - 1.0) / (4.0 * G), (1.0 - 2.0 * G) / (4.0 * G)],
        &[
            (6.0 * G - 1.0) / (12.0 * G),
            -1.0 / ((24.0 * G - 12.0) * G),
            (-6.0 * G * G + 6.0 * G - 1.0) / (6.0 * G - 3.0),
        ],
    ],
    c: &[0.0, 2.0 * G, 1.0, 1.0],
};
