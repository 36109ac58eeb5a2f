//! ETDRK4.

use num_complex::Complex64;
use rayon::prelude::*;

use super::{Etdrk, Scheme, diagonal, half_step, last_row};
use crate::field::SemiLinear;
use crate::state::State;

/// `a = e^{z/2} y + Q N(y)`, `b = e^{z/2} y + Q N(a)`, `c = e^{z/2} a + Q(2N(b) − N(y))`,
/// `y₁ = e^z y + f₁N(y) + f₂(N(a) + N(b)) + f₃N(c)`, `f₂ = h(2φ₂ − 4φ₃)`: order 4, four evaluations
/// (Cox and Matthews' ETD4RK in Kassam and Trefethen's form). The classical method of choice for smooth periodic PDEs.
pub type Etdrk4<F, Y> = Etdrk<Order4, F, Y>;

/// The scheme of [`Etdrk4`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order4;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order4 {
    const ORDER: usize = 4;
    type Coefficients = [F::Diagonal; 8];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        let halves: Vec<_> = z.par_iter().map(|z| half_step(h, *z)).collect();
        let rows: Vec<_> = z.par_iter().map(|z| last_row(h, *z)).collect();
        [
            field.diagonal(halves.iter().map(|(e2, _)| *e2).collect()),
            field.diagonal(halves.iter().map(|(_, q)| *q).collect()),
            field.diagonal(halves.iter().map(|(_, q)| q * 2.0).collect()),
            field.diagonal(halves.iter().map(|(_, q)| -q).collect()),
            diagonal(field, z, |z| z.exp()),
            field.diagonal(rows.iter().map(|r| r[0]).collect()),
            field.diagonal(rows.iter().map(|r| r[1]).collect()),
            field.diagonal(rows.iter().map(|r| r[2]).collect()),
        ]
    }

    fn step(c: &Self::Coefficients, field: &mut F, k: &mut [Y], t: f64, h: f64, y: &Y, y1: &mut Y) -> u64 {
        let [e2, q, q2, minus_q, e, f1, f2, f3] = c;
        let [n0, n1, n2, n3, a] = k else { return 0 };
        field.nonlinear(t, y, n0);
        field.apply(&[(e2, y), (q, n0)], a);
        field.nonlinear(t + 0.5 * h, a, n1);
        field.apply(&[(e2, y), (q, n1)], y1);
        field.nonlinear(t + 0.5 * h, y1, n2);
        field.apply(&[(e2, a), (q2, n2), (minus_q, n0)], y1);
        field.nonlinear(t + h, y1, n3);
        field.apply(&[(e, y), (f1, n0), (f2, n1), (f2, n2), (f3, n3)], y1);
        4
    }
}
