//! Signatures and log-signatures of controls.

use ndarray::Axis;

use super::{ControlError, ControlPath, POWERS};

/// The deepest level that is computed.
const DEEPEST: usize = 3;

/// Powers of the iterated integrals of cubics: three of them reach degree nine.
const DEGREES: usize = 10;

/// The log-signature of a control over an interval, to a depth of at most three, in tensor form.
///
/// With the iterated integrals `S¹ = ∫ dX`, `S² = ∫∫ dX ⊗ dX`, `S³`, over `s₁ < s₂ < s₃`, it is `L¹ = S¹`, `L² = S² − ½ S¹ ⊗ S¹` (the Lévy
/// area, antisymmetric) and `L³ = S³ − ½ (S¹ ⊗ S² + S² ⊗ S¹) + ⅓ S¹ ⊗ S¹ ⊗ S¹`: what a path does to a controlled equation, as an element
/// of the free Lie algebra.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSignature {
    channels: usize,
    /// `Lᵏ`, `cᵏ` numbers, the last index the fastest.
    levels: Vec<Vec<f64>>,
}

impl LogSignature {
    /// Of the pieces `from..to` of a control; exact but for rounding, since iterated integrals of polynomials are
    /// polynomials.
    ///
    /// # Errors
    /// If the depth is not 1, 2 or 3.
    pub fn new(path: &ControlPath, from: usize, to: usize, depth: usize) -> Result<Self, ControlError> {
        if !(1..=DEEPEST).contains(&depth) {
            return Err(ControlError::Depth { depth });
        }
        let mut whole = Signature::unit(path.channels(), depth);
        for piece in from..to {
            whole.extend(&Signature::of_piece(path, piece, depth));
        }
        Ok(whole.logarithm())
    }

    /// The depth.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The channels of the control.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// `Lᵏ` of a level `k ≥ 1`, `cᵏ` numbers, the last index the fastest; none beyond the depth.
    pub fn level(&self, k: usize) -> Option<&[f64]> {
        self.levels.get(k.checked_sub(1)?).map(Vec::as_slice)
    }
}

/// `S¹, S², S³`, as deep as there are levels.
struct Signature {
    channels: usize,
    levels: Vec<Vec<f64>>,
}

impl Signature {
    /// That of a point.
    fn unit(channels: usize, depth: usize) -> Self {
        let levels = (1..=depth).map(|k| vec![0.0; channels.pow(k as u32)]).collect();
        Self { channels, levels }
    }

    fn of_piece(path: &ControlPath, piece: usize, depth: usize) -> Self {
        let channels = path.channels();
        let h = path.knots()[piece + 1] - path.knots()[piece];
        let a = path.coefficients().index_axis(Axis(0), piece);
        let slope = |c: usize| -> Polynomial {
            let mut slope = [0.0; DEGREES];
            (1..POWERS).for_each(|p| slope[p - 1] = p as f64 * a[[p, c]]);
            slope
        };
        let slopes: Vec<Polynomial> = (0..channels).map(slope).collect();
        let mut one = [0.0; DEGREES];
        one[0] = 1.0;
        let mut words = vec![one];
        let mut levels = Vec::with_capacity(depth);
        for _ in 0..depth {
            words = words.iter().flat_map(|w| slopes.iter().map(|s| integral_of_product(w, s))).collect();
            levels.push(words.iter().map(|w| w.iter().rev().fold(0.0, |sum, c| sum * h + c)).collect());
        }
        Self { channels, levels }
    }

    /// Chen's identity: the signature of this path and then the next.
    fn extend(&mut self, next: &Self) {
        for k in (0..self.levels.len()).rev() {
            let mut sum = next.levels[k].clone();
            for (j, first) in self.levels[..k].iter().enumerate() {
                add_product(&mut sum, 1.0, first, &next.levels[k - 1 - j]);
            }
            self.levels[k].iter_mut().zip(sum).for_each(|(s, x)| *s += x);
        }
    }

    fn logarithm(self) -> LogSignature {
        let s = &self.levels;
        let mut levels = s.clone();
        if s.len() > 1 {
            add_product(&mut levels[1], -0.5, &s[0], &s[0]);
        }
        if s.len() > 2 {
            add_product(&mut levels[2], -0.5, &s[0], &s[1]);
            add_product(&mut levels[2], -0.5, &s[1], &s[0]);
            let mut square = vec![0.0; s[1].len()];
            add_product(&mut square, 1.0, &s[0], &s[0]);
            add_product(&mut levels[2], 1.0 / 3.0, &square, &s[0]);
        }
        LogSignature { channels: self.channels, levels }
    }
}

/// A polynomial by ascending powers.
type Polynomial = [f64; DEGREES];

/// `∫₀ˢ a b`.
fn integral_of_product(a: &Polynomial, b: &Polynomial) -> Polynomial {
    let mut out = [0.0; DEGREES];
    for (p, a) in a.iter().enumerate() {
        for (q, b) in b.iter().enumerate().take(POWERS - 1) {
            if p + q + 1 < DEGREES {
                out[p + q + 1] += a * b / (p + q + 1) as f64;
            }
        }
    }
    out
}

/// `out += scale · a ⊗ b`.
fn add_product(out: &mut [f64], scale: f64, a: &[f64], b: &[f64]) {
    for (row, a) in out.chunks_exact_mut(b.len()).zip(a) {
        row.iter_mut().zip(b).for_each(|(o, b)| *o += scale * a * b);
    }
}
