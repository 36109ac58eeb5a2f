//! The equation, and the derivatives of its residual.

/// `R = u_t + (c + a u) u_x − ν u_xx + δ u_xxx + κ u_xxxx − (r₁ u + r₂ u² + r₃ u³)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Equation {
    /// `c`.
    pub speed: f64,
    /// `a`.
    pub self_advection: f64,
    /// `ν`.
    pub diffusivity: f64,
    /// `δ`.
    pub dispersion: f64,
    /// `κ`.
    pub hyperdiffusivity: f64,
    /// `r₁, r₂, r₃`.
    pub reaction: [f64; 3],
}

/// Places of `u, u_t, u_x, u_xx, u_xxx, u_xxxx` in a list of derivatives.
pub(super) const VALUE: usize = 0;
pub(super) const TIME: usize = 1;
pub(super) const SPACE: usize = 2;
/// The length of such a list.
pub(super) const TERMS: usize = 6;

impl Equation {
    /// The highest order of a derivative in space.
    pub fn order(&self) -> usize {
        if self.hyperdiffusivity != 0.0 {
            4
        } else if self.dispersion != 0.0 {
            3
        } else if self.diffusivity != 0.0 {
            2
        } else {
            1
        }
    }

    /// Whether it moves along characteristics and does nothing else than diffuse and react there.
    pub fn has_characteristics(&self) -> bool {
        self.order() <= 2
    }

    /// The speed of the characteristic through a point with the value `u`.
    pub fn characteristic(&self, u: f64) -> f64 {
        self.speed + self.self_advection * u
    }

    /// `r(u)` and its derivative.
    pub(super) fn source(&self, u: f64) -> (f64, f64) {
        let [r1, r2, r3] = self.reaction;
        (u * (r1 + u * (r2 + u * r3)), r1 + u * (2.0 * r2 + u * 3.0 * r3))
    }

    /// `R` and its derivatives with respect to `u, u_t, u_x, …`.
    pub(super) fn residual(&self, u: &[f64; TERMS]) -> (f64, [f64; TERMS]) {
        let (source, slope) = self.source(u[VALUE]);
        let speed = self.characteristic(u[VALUE]);
        let linear = -self.diffusivity * u[3] + self.dispersion * u[4] + self.hyperdiffusivity * u[5];
        let value = u[TIME] + speed * u[SPACE] + linear - source;
        let by_value = self.self_advection * u[SPACE] - slope;
        (value, [by_value, 1.0, speed, -self.diffusivity, self.dispersion, self.hyperdiffusivity])
    }
}
