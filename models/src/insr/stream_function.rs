//! The flow of a fluid without viscosity in a box, by its stream function.

use super::Evolution;
use crate::jet::Directions;

/// Euler's equations in the plane with `(u, v) = (ψ_y, −ψ_x)`, `ψ = 0` on the walls: without divergence, and along the walls, by
/// construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFunction {
    /// `q = (u, v)`, `f = −(u·∇)(u, v)`. The pressure's gradient is orthogonal to all velocities that a stream function has, so least
    /// squares with an exact quadrature leave it out: they are the projection of Leray.
    Velocity,
    /// `q = ω = −Δψ`, `f = −u·∇ω`.
    Vorticity,
}

/// The lines `(1, 0)`, `(0, 1)`, `(1, 1)`, `(1, −1)`.
const DIAGONALS: [[f64; 2]; 2] = [[1.0, 1.0], [1.0, -1.0]];

impl Evolution for StreamFunction {
    fn quantity_directions(&self) -> Directions {
        let order = if *self == Self::Velocity { 1 } else { 2 };
        Directions::new(2).axis(0, order).axis(1, order)
    }

    fn slope_directions(&self) -> Directions {
        match self {
            Self::Velocity => Directions::new(2).axis(0, 2).axis(1, 2).along(&DIAGONALS[0], 2),
            Self::Vorticity => {
                let axes = Directions::new(2).axis(0, 3).axis(1, 3);
                axes.along(&DIAGONALS[0], 3).along(&DIAGONALS[1], 3)
            }
        }
    }

    fn quantities(&self) -> usize {
        if *self == Self::Velocity { 2 } else { 1 }
    }

    fn quantity(&self, directions: &Directions, jet: &[f64], q: &mut [f64], dq: &mut [f64]) {
        let width = directions.components();
        dq.fill(0.0);
        match self {
            Self::Velocity => {
                let (x, y) = (directions.component(0, 1), directions.component(1, 1));
                (q[0], q[1]) = (jet[y], -jet[x]);
                (dq[y], dq[width + x]) = (1.0, -1.0);
            }
            Self::Vorticity => {
                let (xx, yy) = (directions.component(0, 2), directions.component(1, 2));
                q[0] = -jet[xx] - jet[yy];
                (dq[xx], dq[yy]) = (-1.0, -1.0);
            }
        }
    }

    fn slope(&self, _t: f64, _x: &[f64], jet: &[f64], f: &mut [f64], df: &mut [f64]) {
        df.fill(0.0);
        match self {
            Self::Velocity => {
                // ψ, ψ_x, ψ_xx, ψ_y, ψ_yy, then the diagonal.
                let [_, px, pxx, py, pyy, _, pd] = jet else { return };
                let pxy = 0.5 * (pd - pxx - pyy);
                // (u·∇)u = ψ_y ψ_xy − ψ_x ψ_yy, (u·∇)v = −ψ_y ψ_xx + ψ_x ψ_xy.
                f[0] = px * pyy - py * pxy;
                f[1] = py * pxx - px * pxy;
                let (first, second) = df.split_at_mut(7);
                first.copy_from_slice(&[0.0, *pyy, 0.5 * py, -pxy, px + 0.5 * py, 0.0, -0.5 * py]);
                second.copy_from_slice(&[0.0, -pxy, py + 0.5 * px, *pxx, 0.5 * px, 0.0, -0.5 * px]);
            }
            Self::Vorticity => {
                let at = |line: usize, order: usize| 3 * line + order;
                let (px, py) = (jet[at(0, 1)], jet[at(1, 1)]);
                let (xxx, yyy, p, m) = (jet[at(0, 3)], jet[at(1, 3)], jet[at(2, 3)], jet[at(3, 3)]);
                // By polarisation: ψ_xyy = (p + m)/6 − ψ_xxx/3, ψ_xxy = (p − m)/6 − ψ_yyy/3.
                let wx = -(xxx + (p + m) / 6.0 - xxx / 3.0);
                let wy = -(yyy + (p - m) / 6.0 - yyy / 3.0);
                f[0] = px * wy - py * wx;
                df[at(0, 1)] = wy;
                df[at(1, 1)] = -wx;
                df[at(0, 3)] = 2.0 / 3.0 * py;
                df[at(1, 3)] = -2.0 / 3.0 * px;
                df[at(2, 3)] = (py - px) / 6.0;
                df[at(3, 3)] = (py + px) / 6.0;
            }
        }
    }
}
