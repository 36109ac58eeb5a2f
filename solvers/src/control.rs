//! The choice of the step size.

/// A fixed step, or one that follows the error estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// Steps of one size; the last may be shorter.
    Fixed {
        /// The step size (positive; the direction is the driver's).
        dt: f64,
    },
    /// Steps whose estimated error meets a tolerance.
    Pid(Pid),
}

impl Control {
    /// A controller for the given tolerances with the default gains.
    pub fn adaptive(rtol: f64, atol: f64) -> Self {
        Self::Pid(Pid { rtol, atol, ..Pid::default() })
    }
}

impl Pid {
    /// Gains for paths that are rough: with the usual ones the step follows the noise of the error estimate.
    pub fn for_noise(rtol: f64, atol: f64) -> Self {
        Self { rtol, atol, proportional: 0.1, integral: 0.3, ..Self::default() }
    }
}

/// A PID controller of the step size on the logarithm of the error:
/// `h' = h · safety · e₁^(−(I+P+D)/k) · e₂^((P+2D)/k) · e₃^(−D/k)`, `k` one above the embedded order, `e₁` the
/// newest weighted error norm.
///
/// The default gains are the PI controller of Hairer and Wanner's DOPRI5 (`β = 0.04`).
///
/// G. Söderlind, "Digital filters in adaptive time-stepping", ACM TOMS 29 (2003) 1-26.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pid {
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute tolerance.
    pub atol: f64,
    /// Proportional gain.
    pub proportional: f64,
    /// Integral gain.
    pub integral: f64,
    /// Derivative gain.
    pub derivative: f64,
    /// The fraction of the step that would just meet the tolerance.
    pub safety: f64,
    /// The least factor by which a step may change.
    pub min_factor: f64,
    /// The largest factor by which a step may change.
    pub max_factor: f64,
    /// The largest step.
    pub max_step: f64,
}

impl Default for Pid {
    fn default() -> Self {
        Self {
            rtol: 1e-6,
            atol: 1e-9,
            proportional: 0.2,
            integral: 0.65,
            derivative: 0.0,
            safety: 0.9,
            min_factor: 0.2,
            max_factor: 10.0,
            max_step: f64::INFINITY,
        }
    }
}

/// The memory of a [`Pid`] along one trajectory.
#[derive(Clone, Copy, Debug)]
pub struct PidState {
    pid: Pid,
    exponent: f64,
    /// The logarithms of the errors of the two accepted steps before.
    logarithms: [f64; 2],
    /// The least logarithm that is remembered.
    floor: f64,
    rejected: bool,
}

/// What to do with a proposed step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// Take it; the next step has the factor's size.
    Accept(f64),
    /// Try again, smaller by the factor.
    Reject(f64),
}

impl PidState {
    /// Starts a trajectory with a method whose error estimate has the given order.
    pub fn new(pid: Pid, embedded_order: usize) -> Self {
        Self {
            pid,
            exponent: 1.0 / (embedded_order as f64 + 1.0),
            logarithms: [0.0; 2],
            floor: 1e-4_f64.ln(),
            rejected: false,
        }
    }

    /// Forgets the steps before: the state was changed from outside.
    pub(crate) fn restart(&mut self) {
        (self.logarithms, self.rejected) = ([0.0; 2], false);
    }

    /// What the next judgement depends on.
    pub(crate) fn memory(&self) -> ([f64; 2], bool) {
        (self.logarithms, self.rejected)
    }

    /// Continues from a [`memory`](Self::memory).
    pub(crate) fn recall(&mut self, logarithms: [f64; 2], rejected: bool) {
        (self.logarithms, self.rejected) = (logarithms, rejected);
    }

    /// Judges a step by its weighted error norm. A norm that is not finite is a rejection.
    #[inline]
    pub fn decide(&mut self, error: f64) -> Decision {
        let Pid { proportional: p, integral: i, derivative: d, safety, min_factor, max_factor, .. } =
            self.pid;
        if !error.is_finite() {
            self.rejected = true;
            return Decision::Reject(min_factor);
        }
        if error > 1.0 {
            self.rejected = true;
            return Decision::Reject((safety * error.powf(-self.exponent)).clamp(min_factor, 1.0));
        }
        let log0 = error.max(1e-10).ln();
        let [log1, log2] = self.logarithms;
        let mut log = -(i + p + d) * log0 + (p + 2.0 * d) * log1;
        if d != 0.0 {
            log -= d * log2;
        }
        let limit = if self.rejected { 1.0 } else { max_factor };
        self.logarithms = [log0.max(self.floor), log1];
        self.rejected = false;
        Decision::Accept((safety * (self.exponent * log).exp()).clamp(min_factor, limit))
    }
}
