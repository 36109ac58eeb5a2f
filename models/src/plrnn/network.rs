//! The parameters of a piecewise-linear network, and what they make together.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use flowmap_solvers::issue::Issue;
use nalgebra::{DMatrix, DVector};
use ndarray::ArrayView2;

use super::observation::Affine;
use super::{Observation, PiecewiseLinearMap, PlrnnConfig, PlrnnSystem, RegulariserConfig, Variant};
use crate::fused::{TensorMap, plrnn_unroll};

/// The model of [`PlrnnConfig`].
#[derive(Module, Debug)]
pub struct Plrnn {
    /// The diagonal of `A`, `[latent]`.
    pub(super) a: Param<Tensor<1>>,
    /// `W₁` of a shallow network, else `W`: `[latent, hidden]` or `[latent, latent]`.
    pub(super) w1: Param<Tensor<2>>,
    /// `[latent]`.
    pub(super) h1: Param<Tensor<1>>,
    /// `[hidden, latent]`, of a shallow network.
    pub(super) w2: Option<Param<Tensor<2>>>,
    /// `[hidden]` of a shallow network, `−h_b` one after the other of a dendritic one.
    pub(super) h2: Option<Param<Tensor<1>>>,
    /// `α_b`, `[bases]`, of a dendritic network.
    slopes: Option<Param<Tensor<1>>>,
    /// What is not observed as a function of the signal: `L` of `z = [ẑ; L ẑ]`, `[latent − forced, forced]`.
    lift: Option<Param<Tensor<2>>>,
    pub(super) affine: Option<Affine>,
    /// `C` of the inputs, `[latent, input]`.
    drive: Option<Param<Tensor<2>>>,
    identity: Tensor<2>,
    /// `W₂` where it is not learned.
    fixed: Option<Tensor<2>>,
    #[module(skip)]
    pub(super) config: PlrnnConfig,
    #[module(skip)]
    channels: usize,
}

impl PlrnnConfig {
    /// Draws the weights of a network for a series of so many channels, standardised, that so many inputs drive, from the device's
    /// random stream.
    ///
    /// `A` is the diagonal of `(RᵀR/M + I)/λ_max` with normal `R`; weights are uniform within `1/√columns`; `h₁ = 0`, and
    /// `h₂ = 0` unless clipped (uniform within `1/√H`). Thresholds of a dendritic network are uniform over two standard
    /// deviations of the data.
    ///
    /// # Errors
    /// As [`PlrnnConfig::fits`].
    pub fn init(&self, channels: usize, inputs: usize, device: &Device) -> Result<Plrnn, Issue> {
        self.fits(channels)?;
        let (m, units) = (self.latent, self.units());
        let uniform = |shape: [usize; 2]| within(1.0 / (shape[1] as f64).sqrt()).init(shape, device);
        let shallow = matches!(self.variant, Variant::Shallow | Variant::ClippedShallow);
        let h2 = match self.variant {
            Variant::Shallow => Some(Initializer::Zeros.init([units], device)),
            Variant::ClippedShallow => Some(within(1.0 / (units as f64).sqrt()).init([units], device)),
            Variant::Dendritic => Some(within(2.0).init([units], device)),
            _ => None,
        };
        let slopes = (self.variant == Variant::Dendritic)
            .then(|| within(1.0 / (self.bases as f64).sqrt()).init([self.bases], device));
        let forced = self.forced(channels);
        let affine = self.observation == Observation::Affine;
        Ok(Plrnn {
            a: Param::from_tensor(diagonal(m, device)),
            w1: uniform([m, if shallow { units } else { m }]),
            h1: Initializer::Zeros.init([m], device),
            w2: shallow.then(|| uniform([units, m])),
            h2,
            slopes,
            lift: (m > forced).then(|| uniform([m - forced, forced])),
            affine: affine.then(|| Affine::init(channels, forced, device)),
            drive: (inputs > 0).then(|| uniform([m, inputs])),
            identity: matrix(&DMatrix::identity(m, m), device),
            fixed: self.fixed().map(|w| matrix(&w, device)),
            config: self.clone(),
            channels,
        })
    }

    /// `W₂` where it is not learned.
    fn fixed(&self) -> Option<DMatrix<f64>> {
        let m = self.latent;
        match self.variant {
            Variant::Standard => Some(DMatrix::identity(m, m)),
            Variant::MeanCentred => Some(DMatrix::identity(m, m).add_scalar(-1.0 / m as f64)),
            Variant::Dendritic => {
                Some(DMatrix::from_fn(self.bases * m, m, |i, j| f64::from(u8::from(i % m == j))))
            }
            Variant::AlmostLinear => {
                let first = m - self.piecewise_units;
                let chosen = |i: usize, j: usize| f64::from(u8::from(j == first + i));
                Some(DMatrix::from_fn(self.piecewise_units, m, chosen))
            }
            Variant::Shallow | Variant::ClippedShallow => None,
        }
    }
}

impl Plrnn {
    /// The map that the parameters make.
    pub fn tensor_map(&self) -> TensorMap {
        let (m, units) = (self.config.latent, self.config.units());
        let mut a = self.identity.clone() * self.a.val().unsqueeze();
        let mut w1 = self.w1.val();
        match self.config.variant {
            Variant::Dendritic => {
                if let Some(slopes) = &self.slopes {
                    let bases = slopes.val().reshape([1, self.config.bases, 1]);
                    w1 = (w1.reshape([m, 1, m]) * bases).reshape([m, units]);
                }
            }
            Variant::AlmostLinear => {
                let linear = m - units;
                if linear > 0 {
                    let zeros = Tensor::zeros([m, units], &w1.device());
                    a = a + Tensor::cat(vec![w1.clone().slice([0..m, 0..linear]), zeros], 1);
                }
                w1 = w1.slice([0..m, linear..m]);
            }
            _ => {}
        }
        let device = w1.device();
        let learned = self.w2.as_ref().map(Param::val);
        let w2 = learned.or_else(|| self.fixed.clone()).unwrap_or_else(|| Tensor::zeros([units, m], &device));
        let h2 = self.h2.as_ref().map_or_else(|| Tensor::zeros([units], &device), Param::val);
        let clipped = self.config.variant == Variant::ClippedShallow;
        TensorMap { a, w1, w2, h1: self.h1.val(), h2, clipped }
    }

    /// The map in `f64` on the host.
    pub fn to_map(&self) -> PiecewiseLinearMap {
        let map = self.tensor_map();
        PiecewiseLinearMap {
            a: to_host(map.a),
            w1: to_host(map.w1),
            w2: to_host(map.w2),
            h1: DVector::from_vec(read(map.h1)),
            h2: DVector::from_vec(read(map.h2)),
            clipped: map.clipped,
        }
    }

    /// The model in `f64` on the host: for free runs, Jacobians, exponents.
    pub fn to_system(&self) -> PlrnnSystem {
        let lift = self.lift.as_ref().map(|l| to_host(l.val()));
        let affine = self.affine.as_ref().map(Affine::to_host);
        let drive = self.drive.as_ref().map(|c| to_host(c.val()));
        PlrnnSystem::new(self.to_map(), self.channels, lift, affine, drive)
    }

    /// What the states are pulled towards, `[step, batch, forced]`, for a series `[step, batch, channel]`: the series itself,
    /// or `B⁺(x − b)` where the observation is affine.
    pub fn signals(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.affine {
            Some(affine) => affine.inverse(x),
            None => x,
        }
    }

    /// The whole state, `[batch, latent]`, that belongs to a signal `[batch, forced]`.
    pub fn state(&self, signal: Tensor<2>) -> Tensor<2> {
        match &self.lift {
            Some(lift) => Tensor::cat(vec![signal.clone(), signal.matmul(lift.val().transpose())], 1),
            None => signal,
        }
    }

    /// The whole states along a series `[step, batch, channel]`, one after the other: `[step, batch, latent]` on the host.
    /// Inputs may follow the channels.
    pub fn states(&self, x: Tensor<3>) -> Vec<f32> {
        let signals = self.signals(self.channels_of(x));
        let [steps, batch, forced] = signals.dims();
        let states = self.state(signals.reshape([steps * batch, forced]));
        states.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default()
    }

    /// `g(z)` of states `[step, batch, latent]`.
    pub fn observe(&self, z: Tensor<3>) -> Tensor<3> {
        let observed = match &self.lift {
            Some(_) => z.narrow(2, 0, self.config.forced(self.channels)),
            None => z,
        };
        match &self.affine {
            Some(affine) => affine.forward(observed),
            None => observed,
        }
    }

    /// The same network whose affine observation, if it has one, starts from the principal directions of series
    /// `[time, channel]`: then the signals are uncorrelated, of variance one, and hold as much of the series as so many
    /// entries can. Nothing changes where more entries are observed than there are channels.
    pub fn with_principal_observation(mut self, series: &[ArrayView2<'_, f64>]) -> Self {
        self.affine = self.affine.map(|affine| affine.principal(series));
        self
    }

    /// Of a series `[step, batch, channel]` what is not an input.
    fn channels_of(&self, x: Tensor<3>) -> Tensor<3> {
        if self.drive.is_some() { x.narrow(2, 0, self.channels) } else { x }
    }

    /// The mean squared error of the forced run along `input`, from its first sample, and the penalties.
    ///
    /// `input` is `[step + 1, batch, channel]` (the data, perhaps with noise), `target` `[step, batch, channel]` the samples
    /// after the first, `alpha` has an entry a step. In both the inputs of a driven network follow the channels; those of a
    /// sample act on the step that leads to it.
    pub fn loss(
        &self,
        input: Tensor<3>,
        target: Tensor<3>,
        alpha: &[f32],
        regulariser: &RegulariserConfig,
    ) -> Tensor<1> {
        let signals = self.signals(self.channels_of(input.clone()));
        let [samples, batch, forced] = signals.dims();
        let drive = self.drive.as_ref().map(|c| {
            let [latent, inputs] = c.dims();
            let s = input.slice([1..samples, 0..batch, self.channels..self.channels + inputs]);
            let driven = s.reshape([(samples - 1) * batch, inputs]).matmul(c.val().transpose());
            driven.reshape([samples - 1, batch, latent])
        });
        let first = signals.clone().narrow(0, 0, 1).reshape([batch, forced]);
        let states = plrnn_unroll(
            &self.tensor_map(),
            self.state(first),
            signals.narrow(0, 1, samples - 1),
            drive,
            alpha,
        );
        let error = (self.observe(states) - self.channels_of(target)).powi_scalar(2).mean();
        match regulariser.penalty(self) {
            Some(penalty) => error + penalty,
            None => error,
        }
    }
}

fn within(bound: f64) -> Initializer {
    Initializer::Uniform { min: -bound, max: bound }
}

/// The diagonal of `(RᵀR/M + I)/λ_max`: in (0, 1], and where the matrix is near the identity, near one.
fn diagonal(m: usize, device: &Device) -> Tensor<1> {
    let r = to_host(Tensor::<2>::random([m, m], Distribution::Normal(0.0, 1.0), device));
    let k = r.transpose() * &r / m as f64 + DMatrix::identity(m, m);
    let largest = k.symmetric_eigenvalues().max();
    let values: Vec<f64> = k.diagonal().iter().map(|v| v / largest).collect();
    Tensor::from_data(TensorData::new(values, [m]), device)
}

/// A matrix on a device.
pub(super) fn matrix(values: &DMatrix<f64>, device: &Device) -> Tensor<2> {
    let rows: Vec<f64> = values.transpose().iter().copied().collect();
    Tensor::from_data(TensorData::new(rows, [values.nrows(), values.ncols()]), device)
}

pub(super) fn to_host(x: Tensor<2>) -> DMatrix<f64> {
    let [rows, columns] = x.dims();
    DMatrix::from_row_slice(rows, columns, &read(x))
}

pub(super) fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default()
}
