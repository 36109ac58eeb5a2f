//! A gain that is the same for all forecasts: Kalman's, for errors diagonal in Fourier space.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{Belief, Observer, Seen, Variances};
use crate::emulator::{FieldSpec, per_channel};
use crate::layers::Dft;

/// Kalman's filter for errors whose modes are independent, `P_m` the variance of mode `m`:
///
/// `K_m = ρ P_m / (S_m + ρ σ²)`, applied to the innovation on the grid, zero where nothing was seen; `S` is the spectrum of
/// an error of spectrum `P` where the mask hides a share `1 − ρ` of it, the transform of the product of both
/// autocovariances. With everything seen `K_m = P_m/(P_m + σ²)`. Then `P_m ← P_m (1 − ρ K_m)`, and from frame to frame
/// `P_m ← g_m P_m + t_m P̄ + q_m`, bounded by twice the climate's, with learned growth `g`, transfer `t` from all modes, and
/// model error `q`. The gain is optimal interpolation with a background that is learned and follows what has been seen.
///
/// R. E. Kalman, Journal of Basic Engineering 82 (1960) 35.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagonalGainConfig {}

/// The observer of [`DiagonalGainConfig`].
#[derive(Module, Debug)]
pub struct DiagonalGain {
    /// Logarithms `[1, channel, mode]`.
    growth: Param<Tensor<3>>,
    transfer: Param<Tensor<3>>,
    model_error: Param<Tensor<3>>,
    /// The climate's variances, relative to the field's, `[1, channel, mode]`.
    climate: Tensor<3>,
    /// The weights of the modes in a variance, `[1, 1, mode]`.
    weights: Tensor<3>,
    /// `1/std`, `[1, channel, 1]`.
    inverse_std: Tensor<3>,
    std: Tensor<3>,
    dft: Dft,
}

/// Starting values: the share of an error that spreads to other modes within a frame, and the least variance of the model
/// error, relative to the climate's.
const TRANSFER: f64 = 0.3;
const MODEL_ERROR: f64 = 1e-5;

/// The least variance of a mode relative to the mean.
const FLOOR: f64 = 1e-9;

impl DiagonalGainConfig {
    /// Starts from the equation's own growth, the climate's spectrum and that of the errors of one forecast.
    pub fn init(&self, spec: &FieldSpec, variances: &Variances, device: &Device) -> DiagonalGain {
        let dft = Dft::new(&spec.shape, spec.points(), device);
        let places: Vec<usize> = dft.frequencies().iter().map(|f| spec.place(f)).collect();
        let weights: Vec<f64> = dft.multiplicities().iter().map(|m| m / spec.points() as f64).collect();
        let modes = spec.symbol.len() / spec.channels.max(1);
        let shape = [1, spec.channels, dft.modes()];
        let (mut growth, mut transfer, mut error, mut known) = (vec![], vec![], vec![], vec![]);
        for (c, (spectrum, wrong)) in variances.climate.iter().zip(&variances.model_error).enumerate() {
            let variance = spec.std[c] * spec.std[c];
            let at: Vec<f64> = places.iter().map(|p| (spectrum[*p] / variance).max(FLOOR)).collect();
            let total: f64 = at.iter().zip(&weights).map(|(v, w)| v * w).sum();
            for (place, v) in places.iter().zip(&at) {
                growth.push((2.0 * spec.symbol[c * modes + place].re * spec.dt).clamp(-8.0, 0.5));
                transfer.push((TRANSFER * v / total).ln());
                error.push((wrong[*place] / variance).max(MODEL_ERROR * v).ln());
                known.push(*v);
            }
        }
        let tensor = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
            Tensor::<3>::from_data(TensorData::new(values, shape), device)
        };
        let inverse: Vec<f64> = spec.std.iter().map(|s| 1.0 / s).collect();
        let weight: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        let count = weight.len();
        DiagonalGain {
            growth: Param::from_tensor(tensor(&growth)),
            transfer: Param::from_tensor(tensor(&transfer)),
            model_error: Param::from_tensor(tensor(&error)),
            climate: tensor(&known),
            weights: Tensor::from_data(TensorData::new(weight, [1, 1, count]), device),
            inverse_std: per_channel(&inverse, device),
            std: per_channel(&spec.std, device),
            dft,
        }
    }
}

impl DiagonalGain {
    /// The variance of a point, `[1, channel, 1]`.
    pub(super) fn total(&self, belief: &Belief) -> Tensor<3> {
        (belief.clone() * self.weights.clone()).sum_dim(2)
    }

    /// The share of points seen, and the variance of the noise relative to the field's, both `[1, channel, 1]`.
    pub(super) fn noise(&self, seen: &Seen) -> (Tensor<3>, Tensor<3>) {
        let variance = self.inverse_std.clone().powi_scalar(2) * (seen.deviation * seen.deviation);
        (seen.mask.clone().mean_dim(2).clamp_min(1e-6), variance)
    }

    /// In units of the field.
    pub(super) fn restored(&self, normalised: Tensor<3>) -> Tensor<3> {
        normalised * self.std.clone()
    }

    /// The innovation relative to the field's deviation.
    pub(super) fn normalised(&self, innovation: Tensor<3>) -> Tensor<3> {
        innovation * self.inverse_std.clone()
    }

    /// A real spectrum `[1, channel, mode]` to the field that it is the transform of, `[channel, x]`.
    fn even(&self, spectrum: Tensor<3>) -> Tensor<2> {
        let [_, channels, modes] = spectrum.dims();
        let spectrum = spectrum.reshape([channels, 1, modes]);
        self.dft.inverse(Tensor::cat(vec![spectrum.clone(), spectrum.zeros_like()], 1))
    }

    /// The spectrum of an error that is seen through a mask, `[1, channel, mode]`.
    fn masked(&self, belief: &Belief, mask: &Tensor<3>) -> Tensor<3> {
        let [_, channels, points] = mask.dims();
        let modes = self.dft.modes();
        let power = self.dft.forward(mask.clone().reshape([channels, points])).powi_scalar(2).sum_dim(1);
        let overlap = self.even(power.reshape([1, channels, modes])) / points as f64;
        let spectrum = self.dft.forward(self.even(belief.clone()) * overlap).narrow(1, 0, 1);
        spectrum.reshape([1, channels, modes]).clamp_min(0.0)
    }

    /// The correction of a normalised innovation, and the belief after it.
    pub(super) fn gain(&self, innovation: Tensor<3>, belief: Belief, seen: &Seen) -> (Tensor<3>, Belief) {
        let [batch, channels, points] = innovation.dims();
        let modes = self.dft.modes();
        let (share, variance) = self.noise(seen);
        let through = self.masked(&belief, &seen.mask) + share.clone() * variance;
        let gain = share.clone() * belief.clone() / through;
        let spectrum = self.dft.forward(innovation.reshape([batch * channels, points]));
        let spectrum =
            spectrum.reshape([batch, channels, 2, modes]) * gain.clone().reshape([1, channels, 1, modes]);
        let added = self.dft.inverse(spectrum.reshape([batch * channels, 2, modes]));
        let left = (share * gain).neg().add_scalar(1.0).clamp_min(1e-4);
        (added.reshape([batch, channels, points]), belief * left)
    }
}

impl Observer for DiagonalGain {
    fn believe(&self, deviation: f64) -> Belief {
        self.climate.clone() * (deviation * deviation)
    }

    fn elapse(&self, belief: Belief) -> Belief {
        let total = self.total(&belief);
        let next = belief * self.growth.val().exp()
            + self.transfer.val().exp() * total
            + self.model_error.val().exp();
        let most = self.climate.clone() * 2.0;
        next.clone() * most.clone() / (next + most)
    }

    fn correct(&self, _forecast: Tensor<3>, belief: Belief, seen: &Seen) -> (Tensor<3>, Belief) {
        let (added, belief) = self.gain(self.normalised(seen.innovation.clone()), belief, seen);
        (self.restored(added), belief)
    }
}
