//! The semilinear neural operator: the linear part exact, the rest learned.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::field::{SemiLinear, VectorField};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::etdrk::Etdrk1;
use flowmap_solvers::stepper::explicit_rk::{EULER, ExplicitRk};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::emulator::{Emulator, FieldSpec, per_channel, shifted};
use crate::fused::Edge;
use crate::layers::{Dft, FourierNetwork, FourierNetworkConfig};

/// `z_{k+1} = e^{hL} z_k + h φ₁(hL) N_θ(z_k)`: the exponential Euler step of the integrator core with the equation's own
/// `L` and a network of Fourier layers for `N`.
///
/// With `linear = "none"` it is the plain residual Fourier neural operator `z_{k+1} = z_k + h N_θ(z_k)`, an Euler step, with
/// the same parameters. Only this one knows walls (fields are continued by zeros over an eighth of an axis that is not periodic) and
/// sees more than the last frame.
///
/// A. Singh et al., "Learning Semilinear Neural Operators: A Unified Recursive Framework For Prediction And Data
/// Assimilation", ICLR 2024. The correction by measurements that follows the step is an [`Observer`](crate::observer::Observer).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemilinearOperatorConfig {
    /// Modes of a Fourier layer.
    pub modes: usize,
    /// Channels inside.
    pub width: usize,
    /// Fourier layers.
    pub layers: usize,
    /// Whether the equation's linear part is inside.
    pub linear: LinearPart,
    /// Whether `N_θ` is a derivative in space, `N_θ = ∂_x g_θ`, so that the mean is conserved; on two axes `N_θ` is less its mean.
    pub conservative: bool,
}

/// What a semilinear operator knows of the equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinearPart {
    /// `L`, exactly.
    Exact,
    /// Nothing.
    None,
}

impl Default for SemilinearOperatorConfig {
    fn default() -> Self {
        Self { modes: 24, width: 32, layers: 4, linear: LinearPart::Exact, conservative: false }
    }
}

impl Validate for SemilinearOperatorConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("modes", self.modes, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
    }
}

/// The model of [`SemilinearOperatorConfig`].
#[derive(Module, Debug)]
pub struct SemilinearOperator {
    network: FourierNetwork,
    /// `mean`, `1/std` and `rate`, each `[1, channel, 1]`.
    mean: Tensor<3>,
    inverse_std: Tensor<3>,
    rate: Tensor<3>,
    /// The derivative, of a conservative operator.
    slope: Option<Circulant>,
    #[module(skip)]
    spec: FieldSpec,
    #[module(skip)]
    config: SemilinearOperatorConfig,
}

impl SemilinearOperatorConfig {
    /// The same with as many channels that it has at most `budget` parameters, and no fewer than one.
    pub fn fitted(&self, budget: usize, spec: &FieldSpec, device: &Device) -> Self {
        let of = |width| Self { width, ..self.clone() };
        let fits = |width: usize| of(width).init(spec, device).num_params() <= budget;
        of((1..).take_while(|width| fits(*width)).last().unwrap_or(1))
    }

    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &FieldSpec, device: &Device) -> SemilinearOperator {
        let modes = self.modes.min(spec.shape.iter().copied().min().unwrap_or(2) / 2);
        let network = FourierNetworkConfig {
            input: spec.history.max(1) * spec.channels,
            output: spec.channels,
            width: self.width,
            layers: self.layers,
            modes,
            shape: spec.shape.iter().zip(margins(spec)).map(|(n, margin)| n + margin).collect(),
        };
        let inverse: Vec<f64> = spec.std.iter().map(|s| 1.0 / s).collect();
        SemilinearOperator {
            network: network.init(device),
            mean: per_channel(&spec.mean, device),
            inverse_std: per_channel(&inverse, device),
            rate: per_channel(&spec.rate, device),
            slope: (self.conservative && spec.shape.len() == 1).then(|| slope(modes, spec, device)),
            spec: spec.clone(),
            config: self.clone(),
        }
    }
}

impl SemilinearOperator {
    /// `N_θ` of the last frames in physical units per unit of time.
    pub fn nonlinear(&self, u: Tensor<3>) -> Tensor<3> {
        let frames = self.spec.history.max(1);
        let repeated = |of: &Tensor<3>| of.clone().repeat_dim(1, frames);
        let v = (u - repeated(&self.mean)) * repeated(&self.inverse_std);
        let out = self.on_margins(v) * self.rate.clone();
        match &self.slope {
            Some(slope) => slope.apply(out),
            None if self.config.conservative => out.clone() - out.mean_dim(2),
            None => out,
        }
    }

    /// The network on a field that is continued by zeros beyond walls.
    fn on_margins(&self, v: Tensor<3>) -> Tensor<3> {
        let margins = margins(&self.spec);
        if margins.iter().all(|margin| *margin == 0) {
            return self.network.forward(v);
        }
        let [batch, channels, points] = v.dims();
        let (nx, mx, ny, my) = match (&self.spec.shape[..], &margins[..]) {
            ([nx, ny], [mx, my]) => (*nx, *mx, *ny, *my),
            (_, margins) => (1, 0, points, margins.first().copied().unwrap_or(0)),
        };
        let mut wide = v.reshape([batch, channels, nx, ny]);
        let device = wide.device();
        if my > 0 {
            wide = Tensor::cat(vec![wide, Tensor::zeros([batch, channels, nx, my], &device)], 3);
        }
        if mx > 0 {
            wide = Tensor::cat(vec![wide, Tensor::zeros([batch, channels, mx, ny + my], &device)], 2);
        }
        let out = self.network.forward(wide.reshape([batch, channels, (nx + mx) * (ny + my)]));
        let out = out.reshape([batch, self.spec.channels, nx + mx, ny + my]);
        out.narrow(2, 0, nx).narrow(3, 0, ny).reshape([batch, self.spec.channels, points])
    }
}

/// Points by which every axis is continued: an even number on an axis that is not periodic.
fn margins(spec: &FieldSpec) -> Vec<usize> {
    let edge = |axis: usize| spec.edges.get(axis).copied().unwrap_or_default();
    let margin = |(axis, n): (usize, &usize)| match edge(axis) {
        Edge::Periodic => 0,
        Edge::Zeros => (n / 16).max(1) * 2,
    };
    spec.shape.iter().enumerate().map(margin).collect()
}

/// The spectral derivative, in units of the highest mode kept: an operator of order one.
fn slope(modes: usize, spec: &FieldSpec, device: &Device) -> Circulant {
    let half = spec.points() / 2;
    let eigenvalue = |m: usize| Complex64::new(0.0, if m == half { 0.0 } else { m as f64 / modes as f64 });
    let channels = (0..spec.channels).flat_map(|_| (0..=half).map(eigenvalue));
    Circulant::new(&channels.collect::<Vec<_>>(), spec.channels, device)
}

impl Emulator for SemilinearOperator {
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        if self.spec.history > 1 {
            let (mut frames, mut states) = (u, Vec::with_capacity(steps));
            for _ in 0..steps {
                let now = frames.clone().narrow(
                    1,
                    (self.spec.history - 1) * self.spec.channels,
                    self.spec.channels,
                );
                let next = now + self.nonlinear(frames.clone()) * self.spec.dt;
                states.push(next.clone());
                frames = shifted(frames, next);
            }
            return states;
        }
        let field = Field { model: self, device: u.device() };
        match self.config.linear {
            LinearPart::Exact => march(&mut Etdrk1::new(field, &u), u, steps, self.spec.dt),
            LinearPart::None => march(&mut ExplicitRk::new(&EULER, field, &u), u, steps, self.spec.dt),
        }
    }

    fn history(&self) -> usize {
        self.spec.history.max(1)
    }
}

fn march(stepper: &mut impl Stepper<Tensor<3>>, u: Tensor<3>, steps: usize, dt: f64) -> Vec<Tensor<3>> {
    let mut states = Vec::with_capacity(steps);
    let mut now = u;
    for i in 0..steps {
        let mut next = now.clone();
        // One-step methods of a map never fail.
        let _ = stepper.step(i as f64 * dt, dt, &now, &mut next);
        stepper.accept();
        states.push(next.clone());
        now = next;
    }
    states
}

/// The model as a field of the integrator core.
struct Field<'a> {
    model: &'a SemilinearOperator,
    device: Device,
}

impl VectorField<Tensor<3>> for Field<'_> {
    fn eval(&mut self, _t: f64, u: &Tensor<3>, du: &mut Tensor<3>) {
        *du = self.model.nonlinear(u.clone());
    }
}

impl SemiLinear<Tensor<3>> for Field<'_> {
    type Diagonal = Diagonal;

    fn symbol(&self) -> Vec<Complex64> {
        self.model.spec.symbol.clone()
    }

    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> Diagonal {
        let spec = &self.model.spec;
        if spec.shape.len() == 1 {
            Diagonal::Circulant(Box::new(Circulant::new(&eigenvalues, spec.channels, &self.device)))
        } else {
            Diagonal::Multiplier(Box::new(Multiplier::new(&eigenvalues, spec, &self.device)))
        }
    }

    fn apply(&mut self, terms: &[(&Diagonal, &Tensor<3>)], out: &mut Tensor<3>) {
        let mut terms = terms.iter().map(|(d, y)| d.apply((*y).clone()));
        if let Some(first) = terms.next() {
            *out = terms.fold(first, |sum, term| sum + term);
        }
    }

    fn nonlinear(&mut self, t: f64, y: &Tensor<3>, out: &mut Tensor<3>) {
        self.eval(t, y, out);
    }
}

/// An operator that is diagonal in Fourier space.
#[derive(Clone, Debug)]
pub enum Diagonal {
    /// On one axis.
    Circulant(Box<Circulant>),
    /// On two.
    Multiplier(Box<Multiplier>),
}

impl Diagonal {
    /// `[batch, channel, x]` to the same shape.
    pub fn apply(&self, u: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Circulant(d) => d.apply(u),
            Self::Multiplier(d) => d.apply(u),
        }
    }
}

/// An operator that is diagonal in Fourier space, by a transform to all modes and back.
#[derive(Module, Debug)]
pub struct Multiplier {
    dft: Dft,
    /// `[1, channel, mode]`.
    re: Tensor<3>,
    im: Tensor<3>,
}

impl Multiplier {
    /// From the eigenvalues of all modes of a half spectrum, for one channel after the other.
    pub fn new(eigenvalues: &[Complex64], spec: &FieldSpec, device: &Device) -> Self {
        let dft = Dft::new(&spec.shape, spec.points(), device);
        let modes = eigenvalues.len() / spec.channels.max(1);
        let part = |of: fn(&Complex64) -> f64| {
            let values = eigenvalues.chunks_exact(modes).flat_map(|channel| {
                dft.frequencies().iter().map(|f| of(&channel[spec.place(f)]) as f32).collect::<Vec<_>>()
            });
            let shape = [1, spec.channels, dft.modes()];
            Tensor::from_data(TensorData::new(values.collect(), shape), device)
        };
        let (re, im) = (part(|e| e.re), part(|e| e.im));
        Self { dft, re, im }
    }

    /// `[batch, channel, x]` to the same shape.
    pub fn apply(&self, u: Tensor<3>) -> Tensor<3> {
        let [batch, channels, points] = u.dims();
        let modes = self.dft.modes();
        let u_hat =
            self.dft.forward(u.reshape([batch * channels, points])).reshape([batch, channels, 2, modes]);
        let (re, im) = (u_hat.clone().narrow(2, 0, 1), u_hat.narrow(2, 1, 1));
        let shape = [1, channels, 1, modes];
        let (a, b) = (self.re.clone().reshape(shape), self.im.clone().reshape(shape));
        let out = Tensor::cat(vec![re.clone() * a.clone() - im.clone() * b.clone(), re * b + im * a], 2);
        self.dft.inverse(out.reshape([batch * channels, 2, modes])).reshape([batch, channels, points])
    }
}

/// An operator that is diagonal in Fourier space, as a real matrix on the points: exact at any length, on every backend.
#[derive(Module, Debug)]
pub struct Circulant {
    /// `[1, channel, x, x]`, transposed for a product from the right.
    matrix: Tensor<4>,
}

impl Circulant {
    /// From `points/2 + 1` eigenvalues for each channel. That of the Nyquist mode acts by its real part, since the field is
    /// real.
    pub fn new(eigenvalues: &[Complex64], channels: usize, device: &Device) -> Self {
        let modes = eigenvalues.len() / channels.max(1);
        let points = 2 * (modes - 1);
        let mut matrix = Vec::with_capacity(channels * points * points);
        for channel in eigenvalues.chunks_exact(modes) {
            let kernel: Vec<f64> = (0..points)
                .map(|j| {
                    let wave = |m: usize| {
                        let angle = std::f64::consts::TAU * ((j * m) % points) as f64 / points as f64;
                        (channel[m] * Complex64::from_polar(1.0, angle)).re
                    };
                    let inner: f64 = (1..modes - 1).map(wave).sum();
                    (wave(0) + 2.0 * inner + wave(modes - 1)) / points as f64
                })
                .collect();
            // Row j, column i: the kernel at i − j.
            for j in 0..points {
                matrix.extend((0..points).map(|i| kernel[(i + points - j) % points] as f32));
            }
        }
        let data = TensorData::new(matrix, [1, channels, points, points]);
        Self { matrix: Tensor::from_data(data, device) }
    }

    /// `[batch, channel, x]` to the same shape.
    pub fn apply(&self, u: Tensor<3>) -> Tensor<3> {
        let [batch, channels, points] = u.dims();
        if channels == 1 {
            let matrix = self.matrix.clone().reshape([points, points]);
            u.reshape([batch, points]).matmul(matrix).reshape([batch, 1, points])
        } else {
            let u = u.reshape([batch, channels, 1, points]);
            u.matmul(self.matrix.clone()).reshape([batch, channels, points])
        }
    }
}
