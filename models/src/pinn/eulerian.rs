//! The residual of `u = B(x, t) + τ D(x) N(x, t)` with a base `B` that is the start at the start.

use ndarray::{Array2, ArrayView2};

use super::base::Anchor;
use super::equation::{Equation, SPACE, TERMS, TIME, VALUE};
use super::{Boundary, Domain, Symmetry};
use crate::jet::{Directions, Mlp, Tape};

/// What the residual is made of.
#[derive(Clone, Debug)]
pub(super) struct Eulerian {
    pub(super) network: Mlp,
    pub(super) equation: Equation,
    pub(super) domain: Domain,
    pub(super) boundary: Boundary,
    pub(super) symmetry: Symmetry,
}

impl Eulerian {
    /// `N, N_t, N_x, N_xx, …`.
    pub(super) fn directions(&self) -> Directions {
        Directions::new(2).axis(1, 1).axis(0, self.equation.order())
    }

    /// The network's jet at points, of an odd network at their mirror images too, which stand behind them.
    pub(super) fn tape(&self, theta: &[f64], points: ArrayView2<'_, f64>, directions: &Directions) -> Tape {
        if self.symmetry != Symmetry::Odd {
            return self.network.jet(theta, points, directions);
        }
        let n = points.nrows();
        let both = Array2::from_shape_fn((2 * n, 2), |(i, axis)| {
            let sign = if axis == 0 && i >= n { -1.0 } else { 1.0 };
            sign * points[[i % n, axis]]
        });
        self.network.jet(theta, both.view(), directions)
    }

    /// Where the network's part is: its value at a point, and at the mirror image with the sign of the derivative of some order there.
    fn images(&self, n: usize, count: usize, order: usize) -> impl Iterator<Item = (usize, f64)> {
        let sign = if order.is_multiple_of(2) { -1.0 } else { 1.0 };
        let mirror = (self.symmetry == Symmetry::Odd).then_some((n + count, sign));
        std::iter::once((n, 1.0)).chain(mirror)
    }

    /// `D` and its first two derivatives.
    fn distance(&self, x: f64) -> [f64; 3] {
        match self.boundary {
            Boundary::Periodic => [1.0, 0.0, 0.0],
            Boundary::Fixed => {
                let l = self.domain.length;
                let s = (x - self.domain.origin) / l;
                [4.0 * s * (1.0 - s), 4.0 * (1.0 - 2.0 * s) / l, -8.0 / (l * l)]
            }
        }
    }

    /// `u, u_t, u_x, …` of a sample.
    fn terms(&self, tape: &Tape, n: usize, count: usize, point: [f64; 2], base: &Anchor) -> [f64; TERMS] {
        let [x, t] = point;
        let d = self.distance(x);
        let rate = 1.0 / self.domain.duration;
        let tau = (t - self.domain.start) * rate;
        let at = |place: usize, order: usize| -> f64 {
            self.images(n, count, order).map(|(n, sign)| sign * tape.component(place)[[n, 0]]).sum()
        };
        let v = |k: usize| at(if k == 0 { VALUE } else { SPACE + k - 1 }, k);
        let mut u = [0.0; TERMS];
        for k in 0..=self.equation.order() {
            let choose = (k * k.saturating_sub(1) / 2) as f64;
            let mut w = d[0] * v(k);
            if self.boundary == Boundary::Fixed {
                w += if k >= 1 { k as f64 * d[1] * v(k - 1) } else { 0.0 };
                w += if k >= 2 { choose * d[2] * v(k - 2) } else { 0.0 };
            }
            let place = if k == 0 { VALUE } else { SPACE + k - 1 };
            u[place] = base[place] + tau * w;
        }
        u[TIME] = base[TIME] + rate * d[0] * v(0) + tau * d[0] * at(TIME, 0);
        u
    }

    /// Residuals of the samples.
    pub(super) fn residual(
        &self,
        tape: &Tape,
        points: ArrayView2<'_, f64>,
        bases: &[Anchor],
        mut visit: impl FnMut(usize, f64, [f64; TERMS]),
    ) {
        for (n, (point, base)) in points.rows().into_iter().zip(bases).enumerate() {
            let u = self.terms(tape, n, bases.len(), [point[0], point[1]], base);
            let (r, slopes) = self.equation.residual(&u);
            visit(n, r, slopes);
        }
    }

    /// The derivatives of a sample's residual with respect to the network's jet, from those with respect to `u, u_t, u_x, …`.
    pub(super) fn seed(
        &self,
        seeds: &mut Array2<f64>,
        n: usize,
        count: usize,
        point: [f64; 2],
        g: [f64; TERMS],
    ) {
        let [x, t] = point;
        let d = self.distance(x);
        let rate = 1.0 / self.domain.duration;
        let tau = (t - self.domain.start) * rate;
        let samples = if self.symmetry == Symmetry::Odd { 2 * count } else { count };
        let mut add = |component: usize, order: usize, value: f64| {
            for (n, sign) in self.images(n, count, order) {
                seeds[[component * samples + n, 0]] += sign * value;
            }
        };
        add(TIME, 0, g[TIME] * tau * d[0]);
        add(VALUE, 0, g[TIME] * rate * d[0]);
        for k in 0..=self.equation.order() {
            let place = |k: usize| if k == 0 { VALUE } else { SPACE + k - 1 };
            let w = g[place(k)] * tau;
            add(place(k), k, d[0] * w);
            if self.boundary == Boundary::Fixed {
                if k >= 1 {
                    add(place(k - 1), k - 1, k as f64 * d[1] * w);
                }
                if k >= 2 {
                    add(place(k - 2), k - 2, (k * (k - 1) / 2) as f64 * d[2] * w);
                }
            }
        }
    }

    /// `u` at points, with the values of the base there.
    pub(super) fn values(&self, theta: &[f64], points: ArrayView2<'_, f64>, bases: &[f64]) -> Vec<f64> {
        let tape = self.tape(theta, points, &Directions::new(2));
        let count = bases.len();
        let value = |(n, base): (usize, &f64)| {
            let part: f64 =
                self.images(n, count, 0).map(|(n, sign)| sign * tape.component(VALUE)[[n, 0]]).sum();
            let tau = (points[[n, 1]] - self.domain.start) / self.domain.duration;
            base + tau * self.distance(points[[n, 0]])[0] * part
        };
        bases.iter().enumerate().map(value).collect()
    }
}
