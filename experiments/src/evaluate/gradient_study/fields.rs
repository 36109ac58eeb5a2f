//! The fields of the study, with their products by hand; a state is rows of two components.

use flowmap_solvers::field::VectorField;
use flowmap_solvers::increment::VectorJacobian;
use ndarray::Array1;

/// Their names in metrics.
pub(super) const FIELDS: [&str; 4] = ["pendulum", "decay", "van_der_pol", "neural"];

const HIDDEN: usize = 16;
/// Where the parts of the network's parameters begin: `W₁ (16×2)`, `b₁`, `W₂ (2×16)`, `b₂`.
const B1: usize = 2 * HIDDEN;
const W2: usize = 3 * HIDDEN;
const B2: usize = 5 * HIDDEN;

/// One of the fields, on rows.
#[derive(Clone, Debug)]
pub(super) struct StudyField {
    kind: Kind,
    rows: usize,
    theta: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `q̇ = p`, `ṗ = −θ sin q`.
    Pendulum,
    /// `ẏᵢ = −θᵢ yᵢ`.
    Decay,
    /// `ẋ = u`, `u̇ = θ(1 − x²)u − x`.
    VanDerPol,
    /// `ẏ = W₂ tanh(W₁ y + b₁) + b₂`.
    Neural,
}

impl StudyField {
    pub(super) fn new(name: &str, rows: usize) -> Self {
        let (kind, theta) = match name {
            "pendulum" => (Kind::Pendulum, vec![1.0]),
            "decay" => (Kind::Decay, vec![1.0, 0.7]),
            "van_der_pol" => (Kind::VanDerPol, vec![2.0]),
            // Fixed weights: the study is of the gradient, not of a training.
            _ => (Kind::Neural, (0..B2 + 2).map(|i| ((i * i + 3 * i) as f64 * 0.37).sin() * 0.6).collect()),
        };
        Self { kind, rows, theta }
    }

    /// Rows around `(1, ½)`.
    pub(super) fn start(&self) -> Array1<f64> {
        (0..self.rows).flat_map(|r| [1.0 + 0.05 * r as f64, 0.5 - 0.03 * r as f64]).collect()
    }

    fn hidden(&self, y: [f64; 2], j: usize) -> f64 {
        (self.theta[2 * j] * y[0] + self.theta[2 * j + 1] * y[1] + self.theta[B1 + j]).tanh()
    }

    fn slope(&self, y: [f64; 2]) -> [f64; 2] {
        let theta = &self.theta;
        match self.kind {
            Kind::Pendulum => [y[1], -theta[0] * y[0].sin()],
            Kind::Decay => [-theta[0] * y[0], -theta[1] * y[1]],
            Kind::VanDerPol => [y[1], theta[0] * (1.0 - y[0] * y[0]) * y[1] - y[0]],
            Kind::Neural => {
                let mut dy = [theta[B2], theta[B2 + 1]];
                for j in 0..HIDDEN {
                    let h = self.hidden(y, j);
                    dy[0] += theta[W2 + j] * h;
                    dy[1] += theta[W2 + HIDDEN + j] * h;
                }
                dy
            }
        }
    }

    /// `(∂f/∂y)ᵀ v`, and `(∂f/∂θ)ᵀ v` added to `gradient`.
    fn product(&self, y: [f64; 2], v: [f64; 2], gradient: &mut [f64]) -> [f64; 2] {
        let theta = &self.theta;
        match self.kind {
            Kind::Pendulum => {
                gradient[0] -= v[1] * y[0].sin();
                [-v[1] * theta[0] * y[0].cos(), v[0]]
            }
            Kind::Decay => {
                for i in 0..2 {
                    gradient[i] -= v[i] * y[i];
                }
                [-theta[0] * v[0], -theta[1] * v[1]]
            }
            Kind::VanDerPol => {
                let damping = 1.0 - y[0] * y[0];
                gradient[0] += v[1] * damping * y[1];
                [-v[1] * (2.0 * theta[0] * y[0] * y[1] + 1.0), v[0] + v[1] * theta[0] * damping]
            }
            Kind::Neural => {
                let mut y_bar = [0.0; 2];
                for i in 0..2 {
                    gradient[B2 + i] += v[i];
                }
                for j in 0..HIDDEN {
                    let h = self.hidden(y, j);
                    gradient[W2 + j] += v[0] * h;
                    gradient[W2 + HIDDEN + j] += v[1] * h;
                    let by = (v[0] * theta[W2 + j] + v[1] * theta[W2 + HIDDEN + j]) * (1.0 - h * h);
                    for i in 0..2 {
                        gradient[2 * j + i] += by * y[i];
                        y_bar[i] += by * theta[2 * j + i];
                    }
                    gradient[B1 + j] += by;
                }
                y_bar
            }
        }
    }
}

impl VectorField<Array1<f64>> for StudyField {
    fn eval(&mut self, _t: f64, y: &Array1<f64>, dy: &mut Array1<f64>) {
        for r in 0..self.rows {
            let [a, b] = self.slope([y[2 * r], y[2 * r + 1]]);
            (dy[2 * r], dy[2 * r + 1]) = (a, b);
        }
    }
}

impl VectorJacobian<Array1<f64>> for StudyField {
    type Gradient = Vec<f64>;

    fn zero_gradient(&self) -> Vec<f64> {
        vec![0.0; self.theta.len()]
    }

    fn vector_jacobian(
        &mut self,
        _t: f64,
        y: &Array1<f64>,
        v: &Array1<f64>,
        scale: f64,
        y_bar: &mut Array1<f64>,
        gradient: &mut Vec<f64>,
    ) {
        for r in 0..self.rows {
            let v = [scale * v[2 * r], scale * v[2 * r + 1]];
            let by = self.product([y[2 * r], y[2 * r + 1]], v, gradient);
            y_bar[2 * r] += by[0];
            y_bar[2 * r + 1] += by[1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_differences() {
        for name in FIELDS {
            let field = StudyField::new(name, 1);
            let (y, v, h) = ([0.7, -0.4], [0.3, 1.1], 1e-6);
            let pairing = |field: &StudyField, y: [f64; 2]| {
                let dy = field.slope(y);
                dy[0] * v[0] + dy[1] * v[1]
            };
            let mut gradient = field.zero_gradient();
            let y_bar = field.product(y, v, &mut gradient);
            for i in 0..2 {
                let at = |by: f64| {
                    let mut y = y;
                    y[i] += by;
                    pairing(&field, y)
                };
                assert!(((at(h) - at(-h)) / (2.0 * h) - y_bar[i]).abs() < 1e-8, "{name}, y{i}");
            }
            for i in 0..gradient.len() {
                let at = |by: f64| {
                    let mut field = field.clone();
                    field.theta[i] += by;
                    pairing(&field, y)
                };
                assert!(((at(h) - at(-h)) / (2.0 * h) - gradient[i]).abs() < 1e-8, "{name}, θ{i}");
            }
        }
    }
}
