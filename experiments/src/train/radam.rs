//! Rectified Adam.

use burn::optim::{AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Parameters of RAdam: Adam whose step is scaled by the variance of its own adaptive rate, and not adaptive at all while
/// that variance is unknown.
///
/// L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RAdam {
    /// The highest rate.
    pub rate: f64,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { rate: 1e-3 }
    }
}

impl RAdam {
    pub(super) fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(Rectified)
    }
}

/// The step of [`RAdam`].
#[derive(Clone)]
struct Rectified;

impl Optimizer for Rectified {
    type State<const D: usize> = AdaptiveMomentumState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdaptiveMomentumState<D>>,
    ) -> (Tensor<D>, Option<AdaptiveMomentumState<D>>) {
        let fresh = gradient.clone() * (1.0 - BETA_1);
        let square = gradient.clone() * gradient * (1.0 - BETA_2);
        let (time, first, second) = match state {
            Some(s) => (s.time + 1, s.moment_1 * BETA_1 + fresh, s.moment_2 * BETA_2 + square),
            None => (1, fresh, square),
        };
        let (scale, adaptive) = scale(time);
        let step = if adaptive {
            first.clone() * (rate * scale) / (second.clone().sqrt() + EPSILON)
        } else {
            first.clone() * (rate * scale)
        };
        (parameter - step, Some(AdaptiveMomentumState::new(time, first, second)))
    }

    fn to_device<const D: usize>(
        state: AdaptiveMomentumState<D>,
        device: &Device,
    ) -> AdaptiveMomentumState<D> {
        state.to_device(device)
    }
}

/// What the first moment is multiplied with at step `t`, and whether it is divided by the root of the second.
fn scale(time: usize) -> (f64, bool) {
    let t = time as i32;
    let (left_1, left_2) = (1.0 - BETA_1.powi(t), 1.0 - BETA_2.powi(t));
    let limit = 2.0 / (1.0 - BETA_2) - 1.0;
    let length = limit - 2.0 * f64::from(t) * BETA_2.powi(t) / left_2;
    if length <= 4.0 {
        return (1.0 / left_1, false);
    }
    let variance = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length);
    (variance.sqrt() * left_2.sqrt() / left_1, true)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    /// The length of the average, ρ_t, by its definition: Σ weights² is (Σ wᵢ)²/(Σ wᵢ²) only in the limit, so by the paper's
    /// formula in another arrangement.
    #[test]
    fn steps_are_those_of_the_paper() {
        let device = Device::flex();
        let gradients = [0.5_f64, -1.0, 2.0, 0.25, 1.0, -0.5, 0.75, 1.5];
        let mut parameter = Tensor::<1>::from_data(TensorData::from([1.0_f32]), &device);
        let mut state = None;
        let (mut m, mut v, mut x) = (0.0, 0.0, 1.0);
        for (i, g) in gradients.iter().enumerate() {
            let gradient = Tensor::<1>::from_data(TensorData::from([*g as f32]), &device);
            (parameter, state) = Rectified.step(0.01, parameter, gradient, state);
            let t = (i + 1) as f64;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let rho_inf = 1999.0;
            let b = 0.999_f64.powf(t);
            let rho = rho_inf - 2.0 * t * b / (1.0 - b);
            let m_hat = m / (1.0 - 0.9_f64.powf(t));
            x -= 0.01
                * if rho > 4.0 {
                    let r = ((rho - 4.0) * (rho - 2.0) * rho_inf / ((rho_inf - 4.0) * (rho_inf - 2.0) * rho))
                        .sqrt();
                    r * m_hat * (1.0 - b).sqrt() / (v.sqrt() + 1e-8)
                } else {
                    m_hat
                };
        }
        assert!((parameter.into_scalar::<f64>() - x).abs() < 1e-6);
        // ρ_t passes 4 at the fifth step.
        assert!(!scale(4).1 && scale(5).1);
        assert!((scale(1_000_000).0 - 1.0).abs() < 1e-9);
    }
}
