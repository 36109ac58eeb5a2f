//! Controlled differential equations `dz = f(z) dX`: controls from irregular samples, their fields, the log-ODE method.
//!
//! A [`ControlPath`] is a cubic polynomial between any two of its knots. [`Controlled`] is the equation as an ordinary one,
//! `z' = f(z) X'(t)`; [`LogOde`] replaces the control by its log-signature over windows. [`solve_pieces`] moves either with
//! steps that end on the knots.

mod controlled;
mod drive;
mod hermite;
mod linear;
mod linear_field;
mod log_ode;
mod rectilinear;
mod samples;
mod signature;

pub use controlled::{ControlGradient, Controlled, MatrixField, MatrixPullBack, MatrixTangent};
pub use drive::{Pieces, solve_pieces};
pub use linear_field::LinearField;
pub use log_ode::LogOde;
pub use rectilinear::knot_of_sample;
pub use samples::{Fill, Samples};
pub use signature::LogSignature;

use ndarray::{Array3, ArrayView2, Axis};

/// Coefficients of a cubic polynomial.
const POWERS: usize = 4;

/// Why samples make no control, or a control no equation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// There are fewer than two samples.
    #[error("{samples} samples make no path: give at least two")]
    TooFew {
        /// How many there are.
        samples: usize,
    },
    /// Times and samples differ in number.
    #[error("{times} times for {samples} samples: give one time for each")]
    Lengths {
        /// Times given.
        times: usize,
        /// Samples given.
        samples: usize,
    },
    /// There is no channel.
    #[error("samples without a channel: give at least one")]
    NoChannel,
    /// A time is NaN or infinite.
    #[error("the time of sample {index} is {time}: leave such samples out")]
    TimeNotFinite {
        /// Its place.
        index: usize,
        /// The time.
        time: f64,
    },
    /// A sample is not after the one before.
    #[error(
        "sample {index} at t = {time} is not after the one before at t = {before}: sort the samples, and merge those of one time"
    )]
    Unordered {
        /// Its place.
        index: usize,
        /// Its time.
        time: f64,
        /// The time of the sample before.
        before: f64,
    },
    /// A value is infinite; one that is missing is NaN.
    #[error("sample {index} of channel {channel} is {value}: mark what is missing by NaN")]
    Infinite {
        /// The sample.
        index: usize,
        /// The channel.
        channel: usize,
        /// The value.
        value: f64,
    },
    /// A channel has no value at all.
    #[error("channel {channel} has no value in {samples} samples: leave the channel out, or fill it")]
    AllMissing {
        /// The channel.
        channel: usize,
        /// Samples looked at.
        samples: usize,
    },
    /// A channel that shall be filled from its past begins with a gap.
    #[error(
        "channel {channel} begins with {missing} missing values, and nothing before them to hold: give its first value, or fill by interpolation"
    )]
    MissingStart {
        /// The channel.
        channel: usize,
        /// Values missing before the first.
        missing: usize,
    },
    /// A batch holds no control.
    #[error("no control: give one for each row of the state")]
    NoControl,
    /// Controls of one batch differ in their channels.
    #[error("control {index} has {channels} channels and the first has {first}: give all the same")]
    Channels {
        /// Its place.
        index: usize,
        /// Its channels.
        channels: usize,
        /// The channels of the first.
        first: usize,
    },
    /// A log-signature of a depth that is not computed.
    #[error("log-signatures of depth {depth}: take 1, 2 or 3")]
    Depth {
        /// The depth asked for.
        depth: usize,
    },
}

/// A control `X: [k₀, kₙ] → ℝᶜ`, `X(t) = Σₚ aₚ (t − kᵢ)ᵖ` with `p ≤ 3` for `t` between the knots `kᵢ` and `kᵢ₊₁`, and constant
/// before the first knot and after the last.
///
/// ```
/// use flowmap_solvers::control_path::{ControlPath, Fill, Samples};
/// use ndarray::array;
/// // Two channels, a value missing.
/// let values = array![[0.0, 1.0], [f64::NAN, 2.0], [4.0, 0.0]];
/// let samples = Samples::new(&[0.0, 1.0, 2.0], values.view())?;
/// let path = ControlPath::linear(&samples, Fill::Interpolate)?;
/// let mut x = [0.0; 2];
/// path.value(0.5, &mut x);
/// assert_eq!(x, [1.0, 1.5]);
/// # Ok::<(), flowmap_solvers::control_path::ControlError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPath {
    knots: Vec<f64>,
    /// `aₚ`, `[piece, power, channel]`.
    coefficients: Array3<f64>,
}

impl ControlPath {
    /// The ends of the pieces, where `X'` may jump: one more than pieces, ascending.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// The number of channels `c`.
    pub fn channels(&self) -> usize {
        self.coefficients.len_of(Axis(2))
    }

    /// `aₚ`, `[piece, power, channel]`.
    pub fn coefficients(&self) -> &Array3<f64> {
        &self.coefficients
    }

    /// `aₚ`, `[piece, power, channel]`, to be changed: what a learned control is made of.
    pub fn coefficients_mut(&mut self) -> &mut Array3<f64> {
        &mut self.coefficients
    }

    /// The piece to which `t` belongs: that after a knot, and of the last knot that before it; none outside.
    pub fn piece(&self, t: f64) -> Option<usize> {
        let last = self.knots.len() - 1;
        let inside = t >= self.knots[0] && t <= self.knots[last];
        inside.then(|| self.knots.partition_point(|k| *k <= t).clamp(1, last) - 1)
    }

    /// Writes `X(t)`.
    pub fn value(&self, t: f64, out: &mut [f64]) {
        let t = t.clamp(self.knots[0], self.knots[self.knots.len() - 1]);
        if let Some(piece) = self.piece(t) {
            let (s, a) = self.local(piece, t);
            for (c, x) in out.iter_mut().enumerate() {
                *x = a[[0, c]] + s * (a[[1, c]] + s * (a[[2, c]] + s * a[[3, c]]));
            }
        }
    }

    /// Writes `X'(t)`; at a knot that of the piece after it.
    pub fn derivative(&self, t: f64, out: &mut [f64]) {
        self.derivative_of(self.piece(t), t, out);
    }

    /// Writes the derivative at `t` of the polynomial of a piece, zero for none.
    pub fn derivative_of(&self, piece: Option<usize>, t: f64, out: &mut [f64]) {
        let Some(piece) = piece else { return out.fill(0.0) };
        let (s, a) = self.local(piece, t);
        for (c, x) in out.iter_mut().enumerate() {
            *x = a[[1, c]] + s * (2.0 * a[[2, c]] + 3.0 * s * a[[3, c]]);
        }
    }

    /// Of [`derivative_of`](Self::derivative_of) and a cotangent `v`: adds that of the coefficients to `gradient`.
    fn pull_back(&self, piece: Option<usize>, t: f64, v: &[f64], gradient: &mut Array3<f64>) {
        let Some(piece) = piece else { return };
        let s = t - self.knots[piece];
        for (power, weight) in [(1, 1.0), (2, 2.0 * s), (3, 3.0 * s * s)] {
            for (c, v) in v.iter().enumerate() {
                gradient[[piece, power, c]] += weight * v;
            }
        }
    }

    fn local(&self, piece: usize, t: f64) -> (f64, ArrayView2<'_, f64>) {
        (t - self.knots[piece], self.coefficients.index_axis(Axis(0), piece))
    }
}
