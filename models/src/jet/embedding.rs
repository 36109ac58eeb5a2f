//! What a network is shown of a point, with its derivatives in closed form.

use ndarray::{Array2, ArrayView2};

use super::Directions;

/// A feature of a point `x`.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// `w·x + b`.
    Affine(Vec<f64>, f64),
    /// `cos(w·x)`.
    Cosine(Vec<f64>),
    /// `sin(w·x)`.
    Sine(Vec<f64>),
}

/// Features one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedding {
    features: Vec<Feature>,
}

impl Embedding {
    /// The point itself.
    pub fn identity(inputs: usize) -> Self {
        (0..inputs).fold(Self::default(), |e, axis| e.affine(inputs, axis, (-1.0, 1.0)))
    }

    /// And one input, mapped from `range` to `[−1, 1]`.
    #[must_use]
    pub fn affine(mut self, inputs: usize, axis: usize, range: (f64, f64)) -> Self {
        let scale = 2.0 / (range.1 - range.0);
        let offset = -0.5 * (range.0 + range.1) * scale;
        self.features.push(Feature::Affine(unit(inputs, axis, scale), offset));
        self
    }

    /// And `cos(mκx), sin(mκx)`, `m = 1 … harmonics`, of one input: whatever follows has its period `2π/κ`.
    #[must_use]
    pub fn periodic(mut self, inputs: usize, axis: usize, kappa: f64, harmonics: usize) -> Self {
        for m in 1..=harmonics {
            let w = unit(inputs, axis, kappa * m as f64);
            self.features.extend([Feature::Cosine(w.clone()), Feature::Sine(w)]);
        }
        self
    }

    /// And `cos(mκx)`, `m = 1 … harmonics`, of one input: whatever follows is even in it and has its period `2π/κ`.
    #[must_use]
    pub fn cosines(mut self, inputs: usize, axis: usize, kappa: f64, harmonics: usize) -> Self {
        self.features.extend((1..=harmonics).map(|m| Feature::Cosine(unit(inputs, axis, kappa * m as f64))));
        self
    }

    /// And `cos(w·x), sin(w·x)` for every given `w` (M. Tancik et al., NeurIPS 2020).
    #[must_use]
    pub fn fourier(mut self, frequencies: &[Vec<f64>]) -> Self {
        for w in frequencies {
            self.features.extend([Feature::Cosine(w.clone()), Feature::Sine(w.clone())]);
        }
        self
    }

    /// The number of features.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    /// The features.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The jet `[component · sample, feature]` at points `[sample, input]`.
    pub fn jet(&self, points: ArrayView2<'_, f64>, directions: &Directions) -> Array2<f64> {
        let (count, width) = (points.nrows(), self.features.len());
        let mut out = Array2::zeros((directions.components() * count, width));
        let dot = |w: &[f64], x: &[f64]| -> f64 { w.iter().zip(x).map(|(w, x)| w * x).sum() };
        for (f, feature) in self.features.iter().enumerate() {
            // The quarter periods by which a cosine is turned from a sine.
            let (w, turn) = match feature {
                Feature::Affine(w, _) => (w, None),
                Feature::Cosine(w) => (w, Some(1)),
                Feature::Sine(w) => (w, Some(0)),
            };
            let slopes: Vec<f64> = directions.lines().iter().map(|l| dot(w, &l.vector)).collect();
            for n in 0..count {
                let phase: f64 = w.iter().zip(points.row(n)).map(|(w, x)| w * x).sum();
                let Some(turn) = turn else {
                    if let Feature::Affine(_, offset) = feature {
                        out[[n, f]] = phase + offset;
                    }
                    for (line, slope) in directions.lines().iter().zip(&slopes) {
                        out[[line.first * count + n, f]] = *slope;
                    }
                    continue;
                };
                let (sin, cos) = phase.sin_cos();
                let cycle = [sin, cos, -sin, -cos];
                out[[n, f]] = cycle[turn % 4];
                for (line, slope) in directions.lines().iter().zip(&slopes) {
                    let mut power = 1.0;
                    for k in 1..=line.order {
                        power *= slope;
                        out[[(line.first + k - 1) * count + n, f]] = power * cycle[(turn + k) % 4];
                    }
                }
                if let Some(c) = directions.collapsed() {
                    let k2: f64 = slopes[c.first_line..c.first_line + c.axes].iter().map(|s| s * s).sum();
                    out[[c.slot * count + n, f]] = k2 * cycle[(turn + 2) % 4];
                }
            }
        }
        out
    }
}

fn unit(inputs: usize, axis: usize, scale: f64) -> Vec<f64> {
    (0..inputs).map(|a| if a == axis { scale } else { 0.0 }).collect()
}
