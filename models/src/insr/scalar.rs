//! `u_t = −(c + a u) u_x + ν u_xx − δ u_xxx − κ u_xxxx + r(u)`.

use super::Evolution;
use crate::jet::Directions;
use crate::pinn::Equation;

/// A scalar on one axis: `q = u`.
#[derive(Clone, Debug)]
pub struct Scalar(pub Equation);

impl Evolution for Scalar {
    fn quantity_directions(&self) -> Directions {
        Directions::new(1)
    }

    fn slope_directions(&self) -> Directions {
        Directions::new(1).axis(0, self.0.order())
    }

    fn quantities(&self) -> usize {
        1
    }

    fn quantity(&self, _: &Directions, jet: &[f64], q: &mut [f64], dq: &mut [f64]) {
        q[0] = jet[0];
        dq.fill(0.0);
        dq[0] = 1.0;
    }

    fn slope(&self, _t: f64, _x: &[f64], jet: &[f64], f: &mut [f64], df: &mut [f64]) {
        let e = &self.0;
        let (u, [r1, r2, r3]) = (jet[0], e.reaction);
        let speed = e.characteristic(u);
        let linear = [-speed, e.diffusivity, -e.dispersion, -e.hyperdiffusivity];
        f[0] = u * (r1 + u * (r2 + u * r3));
        df[0] = r1 + u * (2.0 * r2 + u * 3.0 * r3) - e.self_advection * jet[1];
        for ((c, u), d) in linear.iter().zip(&jet[1..]).zip(&mut df[1..]) {
            f[0] += c * u;
            *d = *c;
        }
    }
}
