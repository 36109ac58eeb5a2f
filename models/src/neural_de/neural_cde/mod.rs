//! The neural controlled differential equation.

mod log_ode;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::control_path::{ControlError, ControlPath, Fill, Samples};
use flowmap_solvers::field::VectorField;
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::{ExplicitRk, MIDPOINT, RK4, Tableau};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

pub use log_ode::LogOdeConfig;

use crate::classifier::{SeriesClassifier, SeriesSpec};
use crate::fused::gelu;
use crate::layers::Dense;
use log_ode::Windowed;

/// `z(t₀) = ℓ(X(t₀))`, `dz = f(z) dX`, and a read-out `C z(t_end) + d` of classes, with a network `f: ℝʰ → ℝʰˣᶜ` whose last
/// nonlinearity is `tanh`, and the time among the channels of the control `X`.
///
/// Steps are those of the integrator core. Each piece of a series' own control is one step, or by the log-ODE method each window
/// of some: rows of a batch run over knots of their own, and one that has fewer waits at its end, where `X` is constant.
///
/// P. Kidger, J. Morrill, J. Foster, T. Lyons, "Neural Controlled Differential Equations for Irregular Time Series",
/// NeurIPS 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeuralCdeConfig {
    /// Entries `h` of the state.
    pub hidden: usize,
    /// Units of a hidden layer of `f`.
    pub width: usize,
    /// Hidden layers of `f`.
    pub layers: usize,
    /// How samples become a control.
    pub control: Control,
    /// The method of a step.
    pub method: Method,
    /// Whether windows of the control are taken in one step each, as the vector fields of their log-signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_ode: Option<LogOdeConfig>,
}

/// How samples become a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Cubic pieces with backward differences: smooth, for samples that are even or free of noise. After two noisy samples
    /// close together the slope of a piece is large, and it overshoots.
    Hermite,
    /// Straight lines.
    Linear,
    /// Time and values by turns: nothing depends on what comes later.
    Rectilinear,
}

/// The method of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The midpoint rule, of order two.
    Midpoint,
    /// The classical Runge-Kutta method, of order four.
    Rk4,
}

impl Method {
    fn tableau(self) -> &'static Tableau {
        match self {
            Self::Midpoint => &MIDPOINT,
            Self::Rk4 => &RK4,
        }
    }
}

impl Default for NeuralCdeConfig {
    fn default() -> Self {
        Self {
            hidden: 8,
            width: 64,
            layers: 1,
            control: Control::Linear,
            method: Method::Midpoint,
            log_ode: None,
        }
    }
}

impl Validate for NeuralCdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("hidden", self.hidden, 1, 4096);
        check.within("width", self.width, 1, 65_536);
        check.within("layers", self.layers, 1, 64);
        if let Some(log_ode) = &self.log_ode {
            log_ode.validate(check.table("log_ode"));
        }
    }
}

/// The model of [`NeuralCdeConfig`].
#[derive(Module, Debug)]
pub struct NeuralCde {
    start: Dense,
    layers: Vec<Dense>,
    last: Dense,
    readout: Dense,
    #[module(skip)]
    spec: SeriesSpec,
    #[module(skip)]
    config: NeuralCdeConfig,
}

impl NeuralCdeConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &SeriesSpec, device: &Device) -> NeuralCde {
        let channels = spec.channels + 1;
        let width = |l: usize| if l == 0 { self.hidden } else { self.width };
        NeuralCde {
            start: Dense::init(channels, self.hidden, 1.0, device),
            layers: (0..self.layers).map(|l| Dense::init(width(l), self.width, 1.0, device)).collect(),
            last: Dense::init(self.width, self.hidden * channels, 1.0, device),
            readout: Dense::init(self.hidden, spec.classes, 1.0, device),
            spec: *spec,
            config: self.clone(),
        }
    }
}

impl NeuralCde {
    /// The control of a series, with the time in units of the span as its first channel.
    ///
    /// # Errors
    /// If a rectilinear control begins with a missing value.
    pub fn control(&self, series: &Samples) -> Result<ControlPath, ControlError> {
        let times: Vec<f64> = series.times().iter().map(|t| t / self.spec.span).collect();
        let scaled = |values: ArrayView2<'_, f64>| Samples::new(&times, values);
        match self.config.control {
            Control::Rectilinear => ControlPath::rectilinear(&scaled(series.values())?),
            Control::Linear => ControlPath::linear(&scaled(series.values())?.with_time(), Fill::Interpolate),
            Control::Hermite => {
                ControlPath::hermite(&scaled(series.values())?.with_time(), Fill::Interpolate)
            }
        }
    }

    /// `f(z)`, `[batch, hidden, channel]`.
    fn field(&self, z: Tensor<2>) -> Tensor<3> {
        let [batch, hidden] = z.dims();
        let inner = self.layers.iter().fold(z, |z, layer| gelu(layer.forward(z)));
        self.last.forward(inner).tanh().reshape([batch, hidden, self.spec.channels + 1])
    }

    /// The logits `[batch, class]` of states `[batch, hidden]`.
    pub fn read_out(&self, states: Tensor<2>) -> Tensor<2> {
        self.readout.forward(states)
    }

    /// The states `[batch, hidden]` at the knots of the controls, or the ends of the windows: the start, and after each step.
    pub fn states(&self, controls: &[ControlPath], device: &Device) -> Vec<Tensor<2>> {
        let (batch, channels) = (controls.len(), self.spec.channels + 1);
        let tableau = self.config.method.tableau();
        let mut values = vec![0.0; channels];
        let first = controls.iter().flat_map(|path| {
            path.value(path.knots()[0], &mut values);
            values.iter().map(|v| *v as f32).collect::<Vec<_>>()
        });
        let first = TensorData::new(first.collect::<Vec<_>>(), [batch, channels]);
        let mut states = vec![self.start.forward(Tensor::from_data(first, device))];
        let pieces = controls.iter().map(|c| c.knots().len() - 1).max().unwrap_or(0);
        match &self.config.log_ode {
            None => walk(tableau, Driven { model: self, controls, device }, pieces, &mut states),
            Some(log_ode) => {
                let field = Windowed::new(self, log_ode, controls, device);
                walk(tableau, field, pieces.div_ceil(log_ode.pieces), &mut states);
            }
        }
        states
    }
}

/// Adds the states after so many steps. Step `n` runs from `2n` to `2n + 1`, so that the end of a piece and the start of the next, where
/// `X'` may differ, are different times.
fn walk(
    tableau: &'static Tableau,
    field: impl VectorField<Tensor<2>>,
    steps: usize,
    states: &mut Vec<Tensor<2>>,
) {
    let mut stepper = ExplicitRk::new(tableau, field, &states[0]);
    for step in 0..steps {
        let now = states[step].clone();
        let mut next = now.clone();
        // One-step methods of a field of tensors never fail.
        let _ = stepper.step(2.0 * step as f64, 1.0, &now, &mut next);
        stepper.accept();
        stepper.reset();
        states.push(next);
    }
}

/// `f(z) X'` in the time of the steps.
struct Driven<'a> {
    model: &'a NeuralCde,
    controls: &'a [ControlPath],
    device: &'a Device,
}

impl Driven<'_> {
    /// The slopes of the controls in the unit of a step, `[batch, 1, channel]`.
    fn slopes(&self, t: f64) -> Tensor<3> {
        let step = (0.5 * t).floor();
        let (piece, inside) = (step as usize, t - 2.0 * step);
        let channels = self.model.spec.channels + 1;
        let mut slope = vec![0.0; channels];
        let mut slopes = Vec::with_capacity(self.controls.len() * channels);
        for path in self.controls {
            let knots = path.knots();
            match (knots.get(piece), knots.get(piece + 1)) {
                (Some(a), Some(b)) => {
                    path.derivative_of(Some(piece), a + inside * (b - a), &mut slope);
                    slopes.extend(slope.iter().map(|s| (s * (b - a)) as f32));
                }
                _ => slopes.extend(std::iter::repeat_n(0.0, channels)),
            }
        }
        Tensor::from_data(TensorData::new(slopes, [self.controls.len(), 1, channels]), self.device)
    }
}

impl VectorField<Tensor<2>> for Driven<'_> {
    fn eval(&mut self, t: f64, z: &Tensor<2>, dz: &mut Tensor<2>) {
        let product = self.model.field(z.clone()) * self.slopes(t);
        *dz = product.sum_dim(2).reshape(z.dims());
    }
}

impl SeriesClassifier for NeuralCde {
    fn logits(&self, series: &[Samples], device: &Device) -> Result<Tensor<2>, ControlError> {
        let controls = series.iter().map(|s| self.control(s)).collect::<Result<Vec<_>, _>>()?;
        let states = self.states(&controls, device);
        Ok(self.read_out(states[states.len() - 1].clone()))
    }
}
