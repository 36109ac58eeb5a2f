//! ETDRK3.

use num_complex::Complex64;

use super::{Etdrk, Scheme, diagonal, half_step, last_row};
use crate::field::SemiLinear;
use crate::fourier::phi::phi123;
use crate::state::State;

/// `a = e^{z/2} y + Q N(y)`, `b = e^z y + hφ₁(2N(a) − N(y))`, `y₁ = e^z y + f₁N(y) + 2f₂N(a) + f₃N(b)`: order 3, three
/// evaluations (Cox and Matthews' ETD3RK).
pub type Etdrk3<F, Y> = Etdrk<Order3, F, Y>;

/// The scheme of [`Etdrk3`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order3;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order3 {
    const ORDER: usize = 3;
    type Coefficients = [F::Diagonal; 8];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        [
            diagonal(field, z, |z| half_step(h, z).0),
            diagonal(field, z, |z| half_step(h, z).1),
            diagonal(field, z, |z| z.exp()),
            diagonal(field, z, |z| phi123(z)[0] * (2.0 * h)),
            diagonal(field, z, |z| -phi123(z)[0] * h),
            diagonal(field, z, |z| last_row(h, z)[0]),
            diagonal(field, z, |z| last_row(h, z)[1] * 2.0),
            diagonal(field, z, |z| last_row(h, z)[2]),
        ]
    }

    fn step(c: &Self::Coefficients, field: &mut F, k: &mut [Y], t: f64, h: f64, y: &Y, y1: &mut Y) -> u64 {
        let [e2, q, e, p2, p, f1, f2, f3] = c;
        let [n0, n1, n2, ..] = k else { return 0 };
        field.nonlinear(t, y, n0);
        field.apply(&[(e2, y), (q, n0)], y1);
        field.nonlinear(t + 0.5 * h, y1, n1);
        field.apply(&[(e, y), (p2, n1), (p, n0)], y1);
        field.nonlinear(t + h, y1, n2);
        field.apply(&[(e, y), (f1, n0), (f2, n1), (f3, n2)], y1);
        3
    }
}
