//! A learned gain that looks at the forecast.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::gates::{Gates, GatesConfig};
use super::{Belief, DiagonalGain, DiagonalGainConfig, Observer, Seen, Variances};
use crate::emulator::{FieldSpec, per_channel};

/// The correction of the [`DiagonalGain`], and what gated Fourier layers make of it and of the innovation: where errors grow
/// depends on the state, and a gain that is diagonal in Fourier space cannot know it. The gates are read off the forecast,
/// the mask, the noise and the belief, never off the innovation, so that the correction stays linear in it.
///
/// After A. Singh et al., ICLR 2024, whose gain is gated as well; its layers are not published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatedGainConfig {
    /// Modes of a Fourier layer.
    pub modes: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers, of the gates and of the correction alike.
    pub layers: usize,
}

impl Default for GatedGainConfig {
    fn default() -> Self {
        Self { modes: 24, width: 16, layers: 2 }
    }
}

impl Validate for GatedGainConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
    }
}

/// The observer of [`GatedGainConfig`].
#[derive(Module, Debug)]
pub struct GatedGain {
    diagonal: DiagonalGain,
    gates: Gates,
    /// `[1, channel, 1]`.
    mean: Tensor<3>,
}

impl GatedGainConfig {
    /// Draws the weights from the device's random stream; `variances` as for the diagonal gain.
    pub fn init(&self, spec: &FieldSpec, variances: &Variances, device: &Device) -> GatedGain {
        let c = spec.channels;
        let gates = GatesConfig {
            innovation: 2 * c,
            context: 5 * c,
            output: c,
            width: self.width,
            layers: self.layers,
            modes: self.modes,
            shape: spec.shape.clone(),
        };
        GatedGain {
            diagonal: DiagonalGainConfig {}.init(spec, variances, device),
            gates: gates.init(device),
            mean: per_channel(&spec.mean, device),
        }
    }
}

/// What gates look at: the forecast, the mask, and logarithms of the noise, of the belief and of the share seen, `[batch, 5·channel, x]`.
pub(super) fn context(
    diagonal: &DiagonalGain,
    forecast: Tensor<3>,
    mean: &Tensor<3>,
    belief: &Belief,
    seen: &Seen,
) -> Tensor<3> {
    let [batch, channels, points] = forecast.dims();
    let (share, noise) = diagonal.noise(seen);
    let size = [batch, channels, points];
    let log = |v: Tensor<3>| (v.clamp_min(1e-12).log() * 0.2).expand(size);
    Tensor::cat(
        vec![
            diagonal.normalised(forecast - mean.clone()),
            seen.mask.clone().expand(size),
            log(noise),
            log(diagonal.total(belief)),
            log(share),
        ],
        1,
    )
}

impl Observer for GatedGain {
    fn believe(&self, deviation: f64) -> Belief {
        self.diagonal.believe(deviation)
    }

    fn elapse(&self, belief: Belief) -> Belief {
        self.diagonal.elapse(belief)
    }

    fn correct(&self, forecast: Tensor<3>, belief: Belief, seen: &Seen) -> (Tensor<3>, Belief) {
        let context = context(&self.diagonal, forecast, &self.mean, &belief, seen);
        let innovation = self.diagonal.normalised(seen.innovation.clone());
        let (linear, after) = self.diagonal.gain(innovation.clone(), belief, seen);
        let (share, _) = self.diagonal.noise(seen);
        let added = self.gates.apply(context, Tensor::cat(vec![linear.clone(), innovation / share], 1));
        (self.diagonal.restored(linear + added), after)
    }
}
