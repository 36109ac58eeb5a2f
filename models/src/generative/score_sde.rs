//! Score-based diffusion: the logarithmic gradient of a density under growing noise.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{Activation, TimeNetwork, TimeNetworkConfig, Velocity};

/// A network `ε_θ(t, x)` that tells the noise in `x_t = α(t) x₀ + σ(t) ε`, so that the score of the law of `x_t` is
/// `∇ log p_t(x) ≈ −ε_θ(t, x)/σ(t)`.
///
/// The noise is that of the process `dx = f(t) x dt + g(t) dW`. Backwards in time, `dx = (f x − g² ∇log p_t) dt + g dW`
/// carries noise to data, and so does the flow of `v = f x − ½ g² ∇log p_t`, which has the same laws and a likelihood.
///
/// Y. Song et al., "Score-Based Generative Modeling through Stochastic Differential Equations", ICLR 2021.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreSdeConfig {
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Frequencies of the time.
    pub frequencies: usize,
    /// How the noise grows.
    pub process: Process,
    /// How errors at different times are weighed.
    pub weighting: Weighting,
    /// The time at which the noise is so small that the law is that of the data.
    pub start: f64,
}

/// A process that turns data into noise from `t = 0` to `t = 1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// `f = −β/2`, `g² = β`, `β(t)` linear: the variance of data of variance one is preserved.
    VariancePreserving {
        /// `β(0)`.
        beta_min: f64,
        /// `β(1)`.
        beta_max: f64,
    },
    /// `f = 0`, `g² = dσ²/dt`, `σ(t)` geometric: the variance explodes.
    VarianceExploding {
        /// `σ(0)`.
        sigma_min: f64,
        /// `σ(1)`.
        sigma_max: f64,
    },
}

/// The weight of the squared error of the noise at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// One.
    Simple,
    /// `g²/σ²`, which bounds the likelihood (Y. Song et al., "Maximum Likelihood Training of Score-Based Diffusion Models",
    /// NeurIPS 2021); scaled to be one in the mean.
    Likelihood,
}

impl Default for ScoreSdeConfig {
    fn default() -> Self {
        Self {
            width: 128,
            layers: 3,
            frequencies: 4,
            process: Process::VariancePreserving { beta_min: 0.1, beta_max: 20.0 },
            weighting: Weighting::Simple,
            start: 1e-3,
        }
    }
}

impl Validate for ScoreSdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("layers", self.layers, 1, 64);
        check.within("frequencies", self.frequencies, 0, 64);
        check.within("start", self.start, 1e-6, 0.5);
        let mut check = check.table("process");
        match self.process {
            Process::VariancePreserving { beta_min, beta_max } => {
                let mut check = check.table("variance_preserving");
                check.positive("beta_min", beta_min);
                check.within("beta_max", beta_max, beta_min, 1e3);
            }
            Process::VarianceExploding { sigma_min, sigma_max } => {
                let mut check = check.table("variance_exploding");
                check.positive("sigma_min", sigma_min);
                check.require(
                    sigma_max > sigma_min,
                    "sigma_max",
                    format!("{sigma_max} is no more than sigma_min"),
                    "it must be larger than the data",
                );
            }
        }
    }
}

impl Process {
    /// `α(t)`.
    pub fn alpha(&self, t: f64) -> f64 {
        match *self {
            Self::VariancePreserving { beta_min, beta_max } => {
                (-0.5 * (beta_min * t + 0.5 * (beta_max - beta_min) * t * t)).exp()
            }
            Self::VarianceExploding { .. } => 1.0,
        }
    }

    /// `σ(t)`.
    pub fn sigma(&self, t: f64) -> f64 {
        match *self {
            Self::VariancePreserving { .. } => {
                // 1 − α² without its cancellation at small times.
                (-(2.0 * self.alpha(t).ln()).exp_m1()).sqrt()
            }
            Self::VarianceExploding { sigma_min, sigma_max } => sigma_min * (sigma_max / sigma_min).powf(t),
        }
    }

    /// `f(t)`.
    pub fn drift(&self, t: f64) -> f64 {
        match *self {
            Self::VariancePreserving { beta_min, beta_max } => -0.5 * (beta_min + (beta_max - beta_min) * t),
            Self::VarianceExploding { .. } => 0.0,
        }
    }

    /// `g²(t)`.
    pub fn diffusion_squared(&self, t: f64) -> f64 {
        match *self {
            Self::VariancePreserving { .. } => -2.0 * self.drift(t),
            Self::VarianceExploding { sigma_min, sigma_max } => {
                2.0 * self.sigma(t).powi(2) * (sigma_max / sigma_min).ln()
            }
        }
    }
}

/// The model of [`ScoreSdeConfig`].
#[derive(Module, Debug)]
pub struct ScoreSde {
    network: TimeNetwork,
    #[module(skip)]
    config: ScoreSdeConfig,
}

impl ScoreSdeConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, dimension: usize, device: &Device) -> ScoreSde {
        let Self { width, layers, frequencies, .. } = *self;
        let network =
            TimeNetworkConfig { dimension, width, layers, frequencies, activation: Activation::Gelu };
        ScoreSde { network: network.init(device), config: self.clone() }
    }

    /// The weight of the error of the noise at a time.
    fn weight(&self, t: f64) -> f64 {
        let rate = |t: f64| self.process.diffusion_squared(t) / self.process.sigma(t).powi(2);
        match self.weighting {
            Weighting::Simple => 1.0,
            Weighting::Likelihood => {
                // ∫ g²/σ² dt: of VP ln(e^{∫β} − 1), of VE 2 ln σ.
                let whole = |t: f64| match self.process {
                    Process::VariancePreserving { .. } => (-2.0 * self.process.alpha(t).ln()).exp_m1().ln(),
                    Process::VarianceExploding { .. } => 2.0 * self.process.sigma(t).ln(),
                };
                rate(t) * (1.0 - self.start) / (whole(1.0) - whole(self.start))
            }
        }
    }
}

impl ScoreSde {
    /// The process of the noise.
    pub fn process(&self) -> &Process {
        &self.config.process
    }

    /// The times between which noise becomes data: from one down to this.
    pub fn start(&self) -> f64 {
        self.config.start
    }

    /// The standard deviation of the noise at the end, from which samples start.
    pub fn deviation(&self) -> f64 {
        match self.config.process {
            Process::VariancePreserving { .. } => 1.0,
            Process::VarianceExploding { .. } => self.config.process.sigma(1.0),
        }
    }

    /// What the network sees of a point is of about the size of one.
    fn scale(&self, t: f64) -> f64 {
        let sigma = self.config.process.sigma(t);
        match self.config.process {
            Process::VariancePreserving { .. } => 1.0,
            Process::VarianceExploding { .. } => 1.0 / (1.0 + sigma * sigma).sqrt(),
        }
    }

    /// The weighted mean over rows of `|ε_θ(t, αx + σε) − ε|²`, per coordinate, of points and noise `[row, coordinate]`, each
    /// row at its own time.
    pub fn loss(&self, x: Tensor<2>, noise: Tensor<2>, times: &[f64]) -> Tensor<1> {
        let device = x.device();
        let column = |of: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = times.iter().map(|t| of(*t) as f32).collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([times.len(), 1])
        };
        let process = &self.config.process;
        let noisy = x * column(&|t| process.alpha(t)) + noise.clone() * column(&|t| process.sigma(t));
        let found = self.network.forward(noisy * column(&|t| self.scale(t)), column(&|t| t));
        ((found - noise).powi_scalar(2) * column(&|t| self.config.weight(t))).mean()
    }

    /// `∇ log p_t(x)`.
    pub fn score(&self, t: f64, x: Tensor<2>) -> Tensor<2> {
        self.noise(t, x, Vec::new()).0.div_scalar(-self.config.process.sigma(t))
    }

    /// `ε_θ`, and its directional derivatives.
    fn noise(&self, t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let scale = self.scale(t);
        let time = Tensor::full([1, 1], t, &x.device());
        let directions = directions.into_iter().map(|d| d.mul_scalar(scale)).collect();
        self.network.along(x.mul_scalar(scale), time, directions)
    }
}

/// The flow with the same laws as the process: noise at `t = 1`, data at `t = start`.
impl Velocity for ScoreSde {
    fn velocity(&self, t: f64, x: Tensor<2>) -> Tensor<2> {
        self.along(t, x, Vec::new()).0
    }

    fn along(&self, t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let process = &self.config.process;
        let (f, g) = (process.drift(t), 0.5 * process.diffusion_squared(t) / process.sigma(t));
        let (noise, derivatives) = self.noise(t, x.clone(), directions.clone());
        let of = |x: Tensor<2>, noise: Tensor<2>| x.mul_scalar(f) + noise.mul_scalar(g);
        let derivatives = directions.into_iter().zip(derivatives).map(|(d, n)| of(d, n));
        let derivatives = derivatives.collect();
        (of(x, noise), derivatives)
    }
}
