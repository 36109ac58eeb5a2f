//! The log-ODE method.

use super::{ControlError, ControlPath, LogSignature, MatrixTangent, Pieces};
use crate::field::VectorField;
use crate::state::DenseState;

/// `dz = f(z) dX` over windows of the control as `z' = F_w(z)/(b − a)`, where `F_w` is the vector field that the log-signature of
/// the window `w = [a, b]` makes of the columns `fᵢ`: a level-one word becomes `fᵢ`, a Lie bracket of words the Lie bracket
/// `[g, h] = (Dh) g − (Dg) h` of their fields. To depth one it is the piecewise-linear control through the ends of the windows.
///
/// A window may hold many samples, so a long series is solved in few steps. Where `X` is smooth, the error falls with the
/// second power of the length of a window to depth one, with the fourth to depths two and three; with the scale `ε` of the
/// control over one window as `ε^{depth+1}`.
///
/// J. Morrill, C. Salvi, P. Kidger, J. Foster, "Neural Rough Differential Equations for Long Time Series", ICML 2021.
#[derive(Clone, Debug)]
pub struct LogOde<F> {
    field: F,
    /// The ends of the windows.
    ends: Vec<f64>,
    windows: Vec<LogSignature>,
    inside: Option<f64>,
    scratch: Scratch,
}

/// Vectors of the state's length.
#[derive(Clone, Debug, Default)]
struct Scratch {
    /// `fᵢ`, one after the other.
    columns: Vec<f64>,
    direction: Vec<f64>,
    inner: Vec<f64>,
    term: Vec<f64>,
}

impl<F> LogOde<F> {
    /// Windows of so many pieces of a control each (the last may have fewer), with log-signatures to a depth.
    ///
    /// # Errors
    /// If the depth is not 1, 2 or 3.
    pub fn new(field: F, path: &ControlPath, pieces: usize, depth: usize) -> Result<Self, ControlError> {
        let count = path.knots().len() - 1;
        let starts: Vec<usize> = (0..count).step_by(pieces.max(1)).chain([count]).collect();
        let windows = starts.windows(2).map(|w| LogSignature::new(path, w[0], w[1], depth));
        Ok(Self {
            field,
            ends: starts.iter().map(|k| path.knots()[*k]).collect(),
            windows: windows.collect::<Result<_, _>>()?,
            inside: None,
            scratch: Scratch::default(),
        })
    }

    /// The log-signatures of the windows.
    pub fn windows(&self) -> &[LogSignature] {
        &self.windows
    }
}

impl<F> Pieces for LogOde<F> {
    fn knots(&self) -> Vec<f64> {
        self.ends.clone()
    }

    fn enter(&mut self, a: f64, b: f64) {
        self.inside = Some(0.5 * (a + b));
    }
}

impl<Y: DenseState, F: MatrixTangent> VectorField<Y> for LogOde<F> {
    fn eval(&mut self, t: f64, y: &Y, dy: &mut Y) {
        let inside = self.inside.unwrap_or(t);
        let last = self.windows.len();
        let (z, out) = (y.as_slice(), dy.as_mut_slice());
        out.fill(0.0);
        if inside < self.ends[0] || inside > self.ends[last] {
            return;
        }
        let w = self.ends.partition_point(|k| *k <= inside).clamp(1, last) - 1;
        self.scratch.lie_field(&mut self.field, &self.windows[w], z, out);
        let length = self.ends[w + 1] - self.ends[w];
        out.iter_mut().for_each(|x| *x /= length);
    }
}

impl Scratch {
    /// Adds `F(z)` to `out`. The word `i₁ … iₖ` stands for the operator `V_{i₁} ⋯ V_{iₖ}` with `Vᵢ = fᵢ · ∇`, applied to the
    /// identity; of a Lie element the sum is a vector field.
    fn lie_field<F: MatrixTangent>(&mut self, field: &mut F, log: &LogSignature, z: &[f64], out: &mut [f64]) {
        let (h, channels) = (z.len(), log.channels());
        for buffer in [&mut self.direction, &mut self.inner, &mut self.term] {
            buffer.resize(h, 0.0);
        }
        let mut unit = vec![0.0; channels];
        let add = |out: &mut [f64], term: &[f64]| out.iter_mut().zip(term).for_each(|(o, x)| *o += x);
        if let Some(one) = log.level(1) {
            field.product(z, one, &mut self.term);
            add(out, &self.term);
        }
        if log.depth() == 1 {
            return;
        }
        self.columns.resize(channels * h, 0.0);
        for (c, column) in self.columns.chunks_exact_mut(h).enumerate() {
            unit[c] = 1.0;
            field.product(z, &unit, column);
            unit[c] = 0.0;
        }
        // `Σᵢ wᵢ fᵢ` for weights that lie `stride` apart.
        let combine = |columns: &[f64], weights: &[f64], stride: usize, to: &mut [f64]| {
            to.fill(0.0);
            for (column, w) in columns.chunks_exact(h).zip(weights.iter().step_by(stride)) {
                to.iter_mut().zip(column).for_each(|(t, f)| *t += w * f);
            }
        };
        if let Some(two) = log.level(2) {
            for j in 0..channels {
                combine(&self.columns, &two[j..], channels, &mut self.direction);
                unit[j] = 1.0;
                field.tangent(z, &unit, &self.direction, &mut self.term);
                unit[j] = 0.0;
                add(out, &self.term);
            }
        }
        if let Some(three) = log.level(3) {
            for k in 0..channels {
                self.inner.fill(0.0);
                for j in 0..channels {
                    let weights = &three[j * channels + k..];
                    combine(&self.columns, weights, channels * channels, &mut self.direction);
                    unit[j] = 1.0;
                    field.tangent(z, &unit, &self.direction, &mut self.term);
                    unit[j] = 0.0;
                    add(&mut self.inner, &self.term);
                    unit[k] = 1.0;
                    let column = &self.columns[j * h..][..h];
                    field.second_tangent(z, &unit, &self.direction, column, &mut self.term);
                    unit[k] = 0.0;
                    add(out, &self.term);
                }
                unit[k] = 1.0;
                field.tangent(z, &unit, &self.inner, &mut self.term);
                unit[k] = 0.0;
                add(out, &self.term);
            }
        }
    }
}
