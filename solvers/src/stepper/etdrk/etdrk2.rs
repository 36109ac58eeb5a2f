//! ETDRK2.

use num_complex::Complex64;

use super::{Etdrk, Scheme, diagonal};
use crate::field::SemiLinear;
use crate::fourier::phi::phi123;
use crate::state::State;

/// `a = e^z y + hφ₁ N(y)`, `y₁ = a + hφ₂ (N(a) − N(y))`, `z = hL`: order 2, two evaluations (Cox and Matthews' ETD2RK).
pub type Etdrk2<F, Y> = Etdrk<Order2, F, Y>;

/// The scheme of [`Etdrk2`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order2;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order2 {
    const ORDER: usize = 2;
    type Coefficients = [F::Diagonal; 4];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        [
            diagonal(field, z, |z| z.exp()),
            diagonal(field, z, |z| phi123(z)[0] * h),
            diagonal(field, z, |z| (phi123(z)[0] - phi123(z)[1]) * h),
            diagonal(field, z, |z| phi123(z)[1] * h),
        ]
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
