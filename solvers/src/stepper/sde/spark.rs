//! SPaRK.

use super::StratonovichTableau;

const SQRT_3: f64 = 1.732_050_807_568_877_2;
const OUTER: f64 = (3.0 - SQRT_3) / 6.0;
const INNER: f64 = SQRT_3 / 3.0;

/// The splitting path Runge-Kutta method, three stages with an embedded error estimate: strong order ½ for general noise, 1 for noise
/// that commutes, 1.5 for additive noise.
///
/// J. Foster, A. Jelinčič, "On the convergence of adaptive approximations for stochastic differential equations" (2023),
/// definition 1.6.
pub const SPARK: StratonovichTableau = StratonovichTableau {
    name: "spark",
    rows: &[
        &[(0.5, 0.5, SQRT_3)],
        &[(0.0, 0.0, 0.0), (1.0, 1.0, 0.0)],
        &[(OUTER, OUTER, 1.0), (INNER, INNER, 0.0), (OUTER, OUTER, -1.0)],
    ],
    c: &[0.0, 0.5, 1.0],
    // Against Heun's weights.
    error: &[(OUTER - 0.5, OUTER - 0.5, 1.0), (INNER, INNER, 0.0), (OUTER - 0.5, OUTER - 0.5, -1.0)],
    weak_order: 1,
};
