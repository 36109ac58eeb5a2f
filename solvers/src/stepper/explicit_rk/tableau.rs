//! A Runge-Kutta method as data.

/// An explicit Runge-Kutta method
/// `kᵢ = f(t + cᵢh, y + h Σⱼ aᵢⱼ kⱼ)`, `y₁ = y + h Σᵢ bᵢ kᵢ`.
///
/// A method is *first same as last* when the last row of `a` equals `b`; then its last stage is the next step's first.
#[derive(Clone, Copy, Debug)]
pub struct Tableau {
    /// The name in configs and messages.
    pub name: &'static str,
    /// The order of `y₁`.
    pub order: usize,
    /// The order by which the error estimate scales the step (see [`crate::control`]), where there is an estimate.
    pub embedded_order: Option<usize>,
    /// The strictly lower triangle: row `i` holds the coefficients of stage `i + 1`.
    pub a: &'static [&'static [f64]],
    /// The weights of the solution.
    pub b: &'static [f64],
    /// The nodes.
    pub c: &'static [f64],
    /// `b − b̂`: the weights of the error estimate; empty if there is none.
    pub error: &'static [f64],
    /// The weights of Hairer's third-order estimate, which stabilises the fifth-order one of DOP853; else empty.
    pub third_order_error: &'static [f64],
    /// How the solution is interpolated within a step.
    pub dense: Dense,
}

/// The continuous extension of a method.
#[derive(Clone, Copy, Debug)]
pub enum Dense {
    /// The cubic Hermite polynomial of the end values and slopes (order 3 or the method's, if that is lower).
    Hermite,
    /// `y(θ) = y + h Σᵢ wᵢ(θ) kᵢ`, with stages beyond those of the step if need be.
    Stages {
        /// The order of the interpolant.
        order: usize,
        /// Rows of the extra stages.
        extra_a: &'static [&'static [f64]],
        /// Nodes of the extra stages.
        extra_c: &'static [f64],
        /// Writes the weights at `θ`.
        weights: fn(f64, &mut [f64]),
    },
}

impl Tableau {
    /// The number of stages of a step.
    pub const fn stages(&self) -> usize {
        self.c.len()
    }

    /// The number of stages with those of the dense output.
    pub const fn all_stages(&self) -> usize {
        match self.dense {
            Dense::Hermite => self.stages(),
            Dense::Stages { extra_c, .. } => self.stages() + extra_c.len(),
        }
    }

    /// Whether the last stage is the first of the next step.
    pub fn first_same_as_last(&self) -> bool {
        match self.a.last() {
            Some(last) => self.b[self.stages() - 1] == 0.0 && *last == &self.b[..self.stages() - 1],
            None => false,
        }
    }

    /// The row of stage `i`, counted from zero.
    pub fn row(&self, i: usize) -> &'static [f64] {
        if i == 0 { &[] } else { self.a[i - 1] }
    }
}
