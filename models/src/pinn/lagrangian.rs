//! The residuals of `X = ξ + τ N_x(ξ, t)`, `u = u₀(ξ) + τ N_u(ξ, t)`, and the way back from labels to places.
//!
//! Along a characteristic `X_t = c + a u` and `u_t = ν u_xx + r(u)`, where `u_xx = ∂_ξ(u_ξ/X_ξ)/X_ξ`: the published form has `u_ξξ` in
//! its place, which is another equation unless `X_ξ = 1`.

use ndarray::{Array2, ArrayView2};

use super::base::Anchor;
use super::equation::{Equation, SPACE, VALUE};
use super::{Domain, Profile};
use crate::jet::{Directions, Mlp, Tape};

/// Places in a jet of a network: value, `∂_t`, `∂_ξ`, `∂_ξ²`.
const JET: usize = 4;

/// What the residuals are made of.
#[derive(Clone, Debug)]
pub(super) struct Lagrangian {
    pub(super) network: Mlp,
    pub(super) equation: Equation,
    pub(super) domain: Domain,
}

/// Two characteristics that meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossingAt {
    /// When.
    pub t: f64,
    /// Where.
    pub x: f64,
    /// `X_ξ` there.
    pub compression: f64,
}

/// Characteristics at a time, from evenly spaced labels.
#[derive(Clone, Debug)]
pub struct Characteristics {
    /// Labels, one axis length of them.
    pub labels: Vec<f64>,
    /// `X`.
    pub places: Vec<f64>,
    /// `X_ξ`.
    pub compression: Vec<f64>,
}

/// The two residuals of a sample with their derivatives with respect to the jets of `X` and `u`.
pub(super) struct Rows {
    /// `X_t − c − a u` and `u_t − ν u_xx − r(u)`.
    pub(super) value: [f64; 2],
    /// `[residual][jet of X, jet of u]`.
    pub(super) slope: [[[f64; JET]; 2]; 2],
}

impl Lagrangian {
    /// `N, N_t, N_ξ, N_ξξ`.
    pub(super) fn directions() -> Directions {
        Directions::new(2).axis(1, 1).axis(0, 2)
    }

    /// The jet of `base + τ N`, of which `base` depends on the label alone.
    fn jet(tape: &Tape, n: usize, tau: f64, rate: f64, base: [f64; 3]) -> [f64; JET] {
        let v = |c: usize| tape.component(c)[[n, 0]];
        [base[0] + tau * v(0), rate * v(0) + tau * v(1), base[1] + tau * v(2), base[2] + tau * v(3)]
    }

    pub(super) fn rows(&self, tapes: [&Tape; 2], n: usize, point: [f64; 2], start: &Anchor) -> Rows {
        let [label, t] = point;
        let rate = 1.0 / self.domain.duration;
        let tau = (t - self.domain.start) * rate;
        let x = Self::jet(tapes[0], n, tau, rate, [label, 1.0, 0.0]);
        let u = Self::jet(tapes[1], n, tau, rate, [start[VALUE], start[SPACE], start[SPACE + 1]]);
        let e = &self.equation;
        let (source, slope) = e.source(u[0]);
        let q = x[2];
        let (q2, q3) = (q * q, q * q * q);
        let second = u[3] / q2 - u[2] * x[3] / q3;
        let nu = e.diffusivity;
        let by_q = 2.0 * u[3] / q3 - 3.0 * u[2] * x[3] / (q2 * q2);
        Rows {
            value: [x[1] - e.characteristic(u[0]), u[1] - nu * second - source],
            slope: [
                [[0.0, 1.0, 0.0, 0.0], [-e.self_advection, 0.0, 0.0, 0.0]],
                [[0.0, 0.0, nu * by_q, nu * u[2] / q3], [-slope, 1.0, nu * x[3] / q3, -nu / q2]],
            ],
        }
    }

    /// Adds the derivatives with respect to a jet of `X` or `u` to the seeds of its network.
    pub(super) fn seed(&self, seeds: &mut Array2<f64>, n: usize, count: usize, t: f64, slope: [f64; JET]) {
        let rate = 1.0 / self.domain.duration;
        let tau = (t - self.domain.start) * rate;
        let values = [tau * slope[0] + rate * slope[1], tau * slope[1], tau * slope[2], tau * slope[3]];
        for (component, value) in values.into_iter().enumerate() {
            seeds[[component * count + n, 0]] += value;
        }
    }

    /// The weights of `N_x` and of `N_u`.
    pub(super) fn split<'a>(&self, theta: &'a [f64]) -> [&'a [f64]; 2] {
        let (a, b) = theta.split_at(self.network.parameters());
        [a, b]
    }

    /// `X` and `X_ξ` at labels, at a time.
    fn places(&self, theta: &[f64], labels: &[f64], t: f64) -> (Vec<f64>, Vec<f64>) {
        let points = Array2::from_shape_fn((labels.len(), 2), |(n, a)| if a == 0 { labels[n] } else { t });
        let tape = self.network.jet(self.split(theta)[0], points.view(), &Directions::new(2).axis(0, 1));
        let tau = (t - self.domain.start) / self.domain.duration;
        let (value, slope) = (tape.component(0), tape.component(1));
        let x = labels.iter().enumerate().map(|(n, l)| l + tau * value[[n, 0]]).collect();
        (x, slope.column(0).iter().map(|s| 1.0 + tau * s).collect())
    }

    /// Characteristics of `count` labels at a time.
    pub(super) fn characteristics(&self, theta: &[f64], t: f64, count: usize) -> Characteristics {
        let d = self.domain;
        let labels: Vec<f64> = (0..count).map(|i| d.origin + d.length * i as f64 / count as f64).collect();
        let (places, compression) = self.places(theta, &labels, t);
        Characteristics { labels, places, compression }
    }

    /// The labels of places at a time: Newton's method, kept inside brackets of a monotone table.
    ///
    /// # Errors
    /// If characteristics have crossed; the error says where they are closest.
    pub(super) fn labels(&self, theta: &[f64], xs: &[f64], t: f64) -> Result<Vec<f64>, CrossingAt> {
        const TABLE: usize = 512;
        const NEWTON: usize = 60;
        let length = self.domain.length;
        let table = self.characteristics(theta, t, TABLE);
        let least = (0..TABLE).min_by(|a, b| table.compression[*a].total_cmp(&table.compression[*b]));
        let least = least.unwrap_or(0);
        let compression = table.compression[least];
        if compression.is_nan() || compression <= 0.0 {
            return Err(CrossingAt { t, x: table.places[least], compression });
        }
        // Places move by whole lengths; in the table's stretch of them a label lies between two neighbours.
        let first = table.places[0];
        let mut low = Vec::with_capacity(xs.len());
        let mut high = Vec::with_capacity(xs.len());
        let mut target = Vec::with_capacity(xs.len());
        let mut turns = Vec::with_capacity(xs.len());
        for x in xs {
            let turn = ((x - first) / length).floor();
            let y = x - turn * length;
            let i = table.places.partition_point(|p| *p <= y).clamp(1, TABLE) - 1;
            let end = |i: usize| if i < TABLE { table.labels[i] } else { table.labels[0] + length };
            low.push(end(i));
            high.push(end(i + 1));
            target.push(y);
            turns.push(turn);
        }
        let mut labels: Vec<f64> = low.iter().zip(&high).map(|(l, h)| 0.5 * (l + h)).collect();
        let tolerance = 4.0 * f64::EPSILON * (length + first.abs());
        for _ in 0..NEWTON {
            let (places, slopes) = self.places(theta, &labels, t);
            let mut largest: f64 = 0.0;
            for n in 0..xs.len() {
                let miss = places[n] - target[n];
                if miss > 0.0 {
                    high[n] = labels[n];
                } else {
                    low[n] = labels[n];
                }
                let newton = labels[n] - miss / slopes[n];
                let inside = newton >= low[n] && newton <= high[n];
                let next = if inside { newton } else { 0.5 * (low[n] + high[n]) };
                largest = largest.max((next - labels[n]).abs());
                labels[n] = next;
            }
            if largest <= tolerance {
                break;
            }
        }
        Ok(labels.iter().zip(&turns).map(|(l, turn)| l + turn * length).collect())
    }

    /// `u` at places, at a time.
    ///
    /// # Errors
    /// As [`Self::labels`].
    pub(super) fn values(
        &self,
        theta: &[f64],
        xs: &[f64],
        t: f64,
        start: &Profile,
    ) -> Result<Vec<f64>, CrossingAt> {
        let labels = self.labels(theta, xs, t)?;
        let points = Array2::from_shape_fn((labels.len(), 2), |(n, a)| if a == 0 { labels[n] } else { t });
        let tape = self.network.jet(self.split(theta)[1], points.view(), &Directions::new(2));
        let tau = (t - self.domain.start) / self.domain.duration;
        let value = |(n, l): (usize, &f64)| start.at(*l)[0] + tau * tape.component(0)[[n, 0]];
        Ok(labels.iter().enumerate().map(value).collect())
    }

    pub(super) fn tapes(&self, theta: &[f64], points: ArrayView2<'_, f64>) -> [Tape; 2] {
        let directions = Self::directions();
        self.split(theta).map(|theta| self.network.jet(theta, points, &directions))
    }
}
