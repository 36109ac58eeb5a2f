//! What the network's part is added to: a function with the values of the start at the start.

use std::f64::consts::TAU;

use flowmap_solvers::fourier::{FourierGrid, GridError};
use num_complex::Complex64;

use super::equation::{Equation, SPACE, TERMS, TIME, VALUE};
use super::{Domain, Profile};

/// `u, u_t, u_x, …` of a base at a point, as far as the equation needs them.
pub(super) type Anchor = [f64; TERMS];

/// Values through which the modes of a start are laid.
const VALUES: usize = 4096;

/// Modes below this, relative to the largest, are left out.
const NEGLIGIBLE: f64 = 1e-17;

/// A base.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// The start at all times.
    Start(Profile),
    /// `Φ_t(e^{tL} u₀)`.
    Split(Split),
}

impl Base {
    /// At a point.
    pub(super) fn at(&self, x: f64, t: f64) -> Anchor {
        match self {
            Self::Start(start) => {
                let u = start.at(x);
                let mut anchor = [0.0; TERMS];
                anchor[VALUE] = u[0];
                anchor[SPACE..].copy_from_slice(&u[1..]);
                anchor
            }
            Self::Split(split) => split.at(x, t),
        }
    }
}

/// One step of Lie's splitting: the linear terms of the equation exact, mode by mode, then the reaction exact, place by place. What
/// is left for the network is the commutator of the two and the steepening.
#[derive(Clone, Debug)]
pub(super) struct Split {
    modes: Vec<Complex64>,
    kappa: f64,
    origin: f64,
    begin: f64,
    equation: Equation,
}

impl Split {
    /// # Errors
    /// If the axis has no length.
    pub(super) fn new(equation: &Equation, domain: &Domain, start: &Profile) -> Result<Self, GridError> {
        let Domain { origin, length, start: begin, .. } = *domain;
        let values: Vec<f64> =
            (0..VALUES).map(|i| start.at(origin + length * i as f64 / VALUES as f64)[0]).collect();
        let grid = FourierGrid::new(&[VALUES], &[length])?;
        let mut modes = vec![Complex64::ZERO; grid.modes()];
        grid.transform().forward(&values, &mut modes);
        for (k, mode) in modes.iter_mut().enumerate() {
            let twice = k > 0 && 2 * k != VALUES;
            *mode *= if twice { 2.0 } else { 1.0 } / VALUES as f64;
        }
        Ok(Self { modes, kappa: TAU / length, origin, begin, equation: equation.clone() })
    }

    fn at(&self, x: f64, t: f64) -> Anchor {
        let (e, t) = (&self.equation, t - self.begin);
        let turn = Complex64::cis(self.kappa * (x - self.origin));
        let largest = self.modes.iter().map(|m| m.norm_sqr()).fold(0.0, f64::max).sqrt();
        // h, its derivatives in space, and h_t.
        let (mut wave, mut h, mut rate) = (Complex64::ONE, [0.0; 5], 0.0);
        let damped = e.diffusivity > 0.0 && e.hyperdiffusivity >= 0.0;
        for (k, mode) in self.modes.iter().enumerate() {
            let k = self.kappa * k as f64;
            let k2 = k * k;
            let symbol = Complex64::new(
                -e.diffusivity * k2 - e.hyperdiffusivity * k2 * k2,
                k * (e.dispersion * k2 - e.speed),
            );
            let size = (symbol.re * t).exp();
            if damped && size < NEGLIGIBLE {
                break;
            }
            let mut c = mode * wave * size;
            if symbol.im != 0.0 {
                c *= Complex64::cis(symbol.im * t);
            }
            wave *= turn;
            if c.norm_sqr() < (NEGLIGIBLE * largest).powi(2) {
                continue;
            }
            h[0] += c.re;
            h[1] -= k * c.im;
            h[2] -= k2 * c.re;
            h[3] += k2 * k * c.im;
            h[4] += k2 * k2 * c.re;
            rate += (c * symbol).re;
        }
        let mut u = [0.0; TERMS];
        match e.reaction_flow(h[0], t) {
            Some([value, first, second]) if e.order() <= 2 => {
                u[VALUE] = value;
                u[TIME] = e.source(value).0 + first * rate;
                u[SPACE] = first * h[1];
                u[SPACE + 1] = second * h[1] * h[1] + first * h[2];
            }
            _ => {
                u[VALUE] = h[0];
                u[TIME] = rate;
                u[SPACE..].copy_from_slice(&h[1..]);
            }
        }
        u
    }
}
