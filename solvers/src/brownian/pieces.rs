//! Increments and areas of neighbouring intervals: how they join, and the law by which one falls into two.

/// The increment and the space-time Lévy area of a path over an interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Piece {
    /// Joins a piece of length `a` with the one of length `b` that follows:
    /// `W = W₁ + W₂`, `(a + b) H = a H₁ + b H₂ + ½ (b W₁ − a W₂)`.
    #[inline(always)]
    pub(super) fn join(a: f64, first: Self, b: f64, second: Self) -> Self {
        let moment = a * first.h + b * second.h + 0.5 * (b * first.w - a * second.w);
        Self { w: first.w + second.w, h: moment / (a + b) }
    }

    /// What follows the first piece, of length `a`, of a whole of length `a + b`: the inverse of [`join`](Self::join).
    #[inline(always)]
    pub(super) fn remainder(self, a: f64, first: Self, b: f64) -> Self {
        let w = self.w - first.w;
        let moment = (a + b) * self.h - a * first.h - 0.5 * (b * first.w - a * w);
        Self { w, h: moment / b }
    }
}

/// The law of the first `a` of an interval of length `a + b`, given the whole: with `ℓ = a + b`,
///
/// `W₁ = (a/ℓ) W + (6ab/ℓ²) H + σ ξ₁`, `H₁ = (a/ℓ)² H + κ ξ₁ + τ ξ₂`,
/// `σ² = (ab/ℓ)(1 − 3ab/ℓ²)`, `σκ = −a³b/(2ℓ³)`, `κ² + τ² = (a/12)(1 − (a/ℓ)³)`,
///
/// which follows from `Cov(W₁, H) = ab/(2ℓ)`, `Cov(H₁, H) = a²/(12ℓ)` and the independence of `W₁` and `H₁`. At the middle it
/// is the bridge of J. Foster, "Numerical approximations for stochastic differential equations", thesis, Oxford (2020),
/// theorem 6.1.6.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bridge {
    a: f64,
    b: f64,
    /// Of `W₁` on `W`, `H`, `ξ₁`.
    w: [f64; 3],
    /// Of `H₁` on `H`, `ξ₁`, `ξ₂`.
    h: [f64; 3],
}

impl Bridge {
    #[inline]
    pub(super) fn new(a: f64, b: f64) -> Self {
        let l = a + b;
        let (x, y) = (a / l, b / l);
        let sigma = (l * x * y * (1.0 - 3.0 * x * y)).sqrt();
        let kappa = -0.5 * l * x * x * x * y / sigma;
        let tau = (a / 12.0 * (1.0 - x * x * x) - kappa * kappa).max(0.0).sqrt();
        Self { a, b, w: [x, 6.0 * x * y, sigma], h: [x * x, kappa, tau] }
    }

    /// The two pieces of `whole` that belong to two independent standard normal numbers.
    #[inline(always)]
    pub(super) fn split(&self, whole: Piece, normals: (f64, f64)) -> (Piece, Piece) {
        let first = Piece {
            w: self.w[0] * whole.w + self.w[1] * whole.h + self.w[2] * normals.0,
            h: self.h[0] * whole.h + self.h[1] * normals.0 + self.h[2] * normals.1,
        };
        (first, whole.remainder(self.a, first, self.b))
    }
}
