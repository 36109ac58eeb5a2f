//! ETDRK2.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::{Etdrk, Scheme, diagonal};
use crate::field::SemiLinear;
use crate::fourier::phi::phi123;
use crate::state::State;

/// ETDRK2 and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Etdrk2Config {
    /// The step size, in units of the problem's time.
    pub dt: f64,
    /// Another program whose results are reproduced, deviations included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Compatibility>,
}

/// A program whose results a method reproduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compatibility {
    /// Exponax 0.1, on which the benchmark APEBench 0.1 stands: [`Etdrk2RealPhi`](super::Etdrk2RealPhi).
    #[serde(rename = "exponax-0.1")]
    Exponax01,
}

/// `a = e^z y + hφ₁ N(y)`, `y₁ = a + hφ₂ (N(a) − N(y))`, `z = hL`: order 2, two evaluations (Cox and Matthews' ETD2RK).
pub type Etdrk2<F, Y> = Etdrk<Order2, F, Y>;

/// The scheme of [`Etdrk2`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order2;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order2 {
    const ORDER: usize = 2;
    type Coefficients = [F::Diagonal; 4];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        coefficients(field, h, z, |phi| phi)
    }

    fn step(
        [e, q, f1, f2]: &Self::Coefficients,
        field: &mut F,
        k: &mut [Y],
        t: f64,
        h: f64,
        y: &Y,
        y1: &mut Y,
    ) -> u64 {
        let [n0, n1, ..] = k else { return 0 };
        field.nonlinear(t, y, n0);
        field.apply(&[(e, y), (q, n0)], y1);
        field.nonlinear(t + h, y1, n1);
        field.apply(&[(e, y), (f1, n0), (f2, n1)], y1);
        2
    }
}

/// The coefficients, with `φ₁` and `φ₂` as `keep` leaves them.
pub(super) fn coefficients<Y: State, F: SemiLinear<Y>>(
    field: &F,
    h: f64,
    z: &[Complex64],
    keep: impl Fn(Complex64) -> Complex64,
) -> [F::Diagonal; 4] {
    let phi = |z: Complex64, k: usize| keep(phi123(z)[k]) * h;
    [
        diagonal(field, z, |z| z.exp()),
        diagonal(field, z, |z| phi(z, 0)),
        diagonal(field, z, |z| phi(z, 0) - phi(z, 1)),
        diagonal(field, z, |z| phi(z, 1)),
    ]
}
