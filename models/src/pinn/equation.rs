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
    /// The same with a share of what moves it along the axis and of its reaction.
    #[must_use]
    pub fn weakened(&self, share: f64) -> Self {
        Self {
            speed: share * self.speed,
            self_advection: share * self.self_advection,
            reaction: self.reaction.map(|r| share * r),
            ..self.clone()
        }
    }

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

    /// The solution `Φ` of `u′ = r(u)` after `t` from `v`, `Φ_v` and `Φ_vv`, in closed form where one of `r₂, r₃` is zero.
    pub(super) fn reaction_flow(&self, v: f64, t: f64) -> Option<[f64; 3]> {
        let [r1, r2, r3] = self.reaction;
        let a = (r1 * t).exp();
        // (e^{mr₁t} − 1)/r₁.
        let grown = |m: f64| if r1 == 0.0 { m * t } else { (m * r1 * t).exp_m1() / r1 };
        if r3 == 0.0 {
            let g = -r2 * grown(1.0);
            let q = 1.0 / (1.0 + g * v);
            Some([a * v * q, a * q * q, -2.0 * a * g * q * q * q])
        } else if r2 == 0.0 {
            let g = -r3 * grown(2.0);
            let q = 1.0 / (1.0 + g * v * v);
            let root = q.sqrt();
            Some([a * v * root, a * q * root, -3.0 * a * g * v * q * q * root])
        } else {
            None
        }
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
