//! Judging simulations and models.

mod assimilation;
mod classification;
mod curves;
mod density;
mod drift;
mod dynamics;
mod gradient_study;
mod keep;
mod network_evolution;
mod network_solution;
mod order;
mod paths;
mod reconstruction;
mod simulation;
mod stochastic;
mod surrogate;

pub(crate) use assimilation::Forecast;
pub use assimilation::{AssimilationConfig, assimilation};
pub use classification::classification;
pub use density::{DensityEvaluation, density};
pub use dynamics::dynamics;
pub use gradient_study::{GradientStudyConfig, StudyConfig, gradient_study};
pub(crate) use network_evolution::check_evolution;
pub use network_evolution::network_evolution;
pub(crate) use network_solution::equation;
pub use network_solution::network_solution;
pub use paths::paths;
pub use reconstruction::reconstruction;
pub use simulation::simulation;
pub use surrogate::surrogate;

use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::Device;
use flowmap_models::baseline::{AutoregressiveConfig, Cell, EchoStateConfig, RecurrentConfig, SindyConfig};
use flowmap_models::config::{Learns, ModelConfig};
use flowmap_models::grid::{
    ConvNetConfig, DilatedResnetConfig, FactorisedOperatorConfig, FourierOperatorConfig, ModernUNetConfig,
    ResidualNetConfig, SineNetConfig, StridedUNetConfig, UNetConfig,
};
use flowmap_models::neural_de::NeuralOdeConfig;
use flowmap_models::try_seeded;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::commands::Progress;
use crate::error::Error;
use crate::plot::{Figure, animate, save};
use crate::run_dir::RunDir;
use crate::train::numbered;

/// How an experiment is judged: `[evaluate]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// What stands beside the model.
    pub baselines: Vec<Baseline>,
    /// The relative L2 error up to which a prediction is called valid.
    pub threshold: f64,
    /// Whether a simulation measures the order of its method by halving the step.
    pub order: bool,
    /// The longest period of the cycles of a piecewise-linear map that are searched for; zero searches for none.
    pub cycles: usize,
    /// Whether the gradients of a piecewise-linear network are measured over ever longer windows.
    pub gradients: bool,
    /// Whether models of time series are also run with the innovations that they leave along the training series.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub innovations: bool,
    /// The time of a free run of a model of dynamics beyond the data, from the start of the first test trajectory; zero runs none.
    pub horizon: f64,
    /// How a learned density is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub density: Option<DensityEvaluation>,
    /// Further speeds at which a problem of advection is solved by a network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub speeds: Vec<f64>,
    /// Whether the fields of a network that moves are also written in the formats of VTK.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub vtk: bool,
}

/// Something to beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The start, unchanged.
    Persistence,
    /// The mean of the training data.
    Mean,
    /// The method that made the data, at the step of the model.
    Solver,
    /// The classical Runge-Kutta method at the step of the model.
    Explicit,
    /// The same network without the linear part, with the same training; beside a network on a grid, one with as many
    /// parameters.
    Fno,
    /// A plain stack of convolutions with as many parameters as the model, with the same training.
    ConvNet,
    /// A residual network of convolutions, likewise.
    ResidualNet,
    /// The dilated residual network, likewise.
    DilatedResnet,
    /// The U-Net, likewise.
    UNet,
    /// The U-Net whose convolutions halve the points, likewise.
    StridedUNet,
    /// The modern U-Net, likewise.
    ModernUNet,
    /// The Fourier neural operator as it was published, likewise.
    FourierOperator,
    /// The factorised Fourier neural operator, likewise.
    FactorisedOperator,
    /// SineNet, likewise.
    Sinenet,
    /// An echo-state network.
    EchoState,
    /// Sparse identification of nonlinear dynamics.
    Sindy,
    /// Vector autoregression.
    Autoregressive,
    /// A long short-term memory.
    Lstm,
    /// Gated recurrent units.
    Gru,
    /// A neural differential equation without structure: beside a model of dynamics with the same layers and training, beside one
    /// of series fitted to windows.
    NeuralOde,
    /// The class of the nearest training series.
    NearestNeighbour,
    /// Logistic regression on log-signatures.
    LogSignature,
    /// The same network in the Eulerian frame.
    Pinn,
    /// The same network in the Eulerian frame, led to the equation by weaker ones.
    Curriculum,
    /// Random features whose coefficients move in time.
    Frozen,
}

impl Baseline {
    /// The name in configs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistence => "persistence",
            Self::Mean => "mean",
            Self::Solver => "solver",
            Self::Explicit => "explicit",
            Self::Fno => "fno",
            Self::ConvNet => "conv_net",
            Self::ResidualNet => "residual_net",
            Self::DilatedResnet => "dilated_resnet",
            Self::UNet => "u_net",
            Self::StridedUNet => "strided_u_net",
            Self::ModernUNet => "modern_u_net",
            Self::FourierOperator => "fourier_operator",
            Self::FactorisedOperator => "factorised_operator",
            Self::Sinenet => "sinenet",
            Self::EchoState => "echo_state",
            Self::Sindy => "sindy",
            Self::Autoregressive => "autoregressive",
            Self::Lstm => "lstm",
            Self::Gru => "gru",
            Self::NeuralOde => "neural_ode",
            Self::NearestNeighbour => "nearest_neighbour",
            Self::LogSignature => "log_signature",
            Self::Pinn => "pinn",
            Self::Curriculum => "curriculum",
            Self::Frozen => "frozen",
        }
    }

    /// Whether it can stand beside a model that learns this.
    pub fn stands_beside(self, learns: Learns) -> bool {
        match self {
            Self::Persistence | Self::Mean => true,
            Self::Solver | Self::Explicit | Self::Fno => learns == Learns::Fields,
            Self::ConvNet
            | Self::ResidualNet
            | Self::DilatedResnet
            | Self::UNet
            | Self::StridedUNet
            | Self::ModernUNet
            | Self::FourierOperator
            | Self::FactorisedOperator
            | Self::Sinenet => learns == Learns::Fields,
            Self::Sindy => matches!(learns, Learns::Series | Learns::Dynamics),
            Self::EchoState | Self::Autoregressive | Self::Lstm => learns == Learns::Series,
            Self::Gru => matches!(learns, Learns::Series | Learns::Labels),
            Self::NearestNeighbour | Self::LogSignature => learns == Learns::Labels,
            Self::NeuralOde => matches!(learns, Learns::Series | Learns::Dynamics),
            Self::Pinn | Self::Curriculum | Self::Frozen => learns == Learns::Solution,
        }
    }

    /// The model of fields that it is, with its defaults; none for what stands beside other models alone, and for the FNO.
    pub fn fields(self) -> Option<ModelConfig> {
        Some(match self {
            Self::ConvNet => ModelConfig::ConvNet(ConvNetConfig::default()),
            Self::ResidualNet => ModelConfig::ResidualNet(ResidualNetConfig::default()),
            Self::DilatedResnet => ModelConfig::DilatedResnet(DilatedResnetConfig::default()),
            Self::UNet => ModelConfig::UNet(UNetConfig::default()),
            Self::StridedUNet => ModelConfig::StridedUNet(StridedUNetConfig::default()),
            Self::ModernUNet => ModelConfig::ModernUNet(ModernUNetConfig::default()),
            Self::FourierOperator => ModelConfig::FourierOperator(FourierOperatorConfig::default()),
            // As many layers as the other Fourier operators have: twenty-four are for a million parameters and more.
            Self::FactorisedOperator => ModelConfig::FactorisedOperator(FactorisedOperatorConfig {
                modes: 16,
                layers: 4,
                ..FactorisedOperatorConfig::default()
            }),
            Self::Sinenet => ModelConfig::Sinenet(SineNetConfig::default()),
            _ => return None,
        })
    }

    /// The model of time series that it is, with its defaults; none for what stands beside other models alone.
    pub fn model(self) -> Option<ModelConfig> {
        Some(match self {
            Self::Persistence | Self::Mean | Self::Solver | Self::Explicit | Self::Fno => return None,
            Self::NearestNeighbour | Self::LogSignature => return None,
            Self::ConvNet
            | Self::ResidualNet
            | Self::DilatedResnet
            | Self::UNet
            | Self::StridedUNet
            | Self::ModernUNet
            | Self::FourierOperator
            | Self::FactorisedOperator
            | Self::Sinenet => return None,
            Self::NeuralOde => ModelConfig::NeuralOde(NeuralOdeConfig::default()),
            Self::Pinn | Self::Curriculum | Self::Frozen => return None,
            Self::EchoState => ModelConfig::EchoState(EchoStateConfig::default()),
            Self::Sindy => ModelConfig::Sindy(SindyConfig::default()),
            Self::Autoregressive => ModelConfig::Autoregressive(AutoregressiveConfig::default()),
            Self::Lstm => {
                ModelConfig::Recurrent(RecurrentConfig { cell: Cell::Lstm, ..RecurrentConfig::default() })
            }
            Self::Gru => {
                ModelConfig::Recurrent(RecurrentConfig { cell: Cell::Gru, ..RecurrentConfig::default() })
            }
        })
    }
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            baselines: vec![Baseline::Persistence, Baseline::Mean],
            threshold: 0.2,
            order: false,
            cycles: 1,
            gradients: false,
            innovations: false,
            horizon: 0.0,
            density: None,
            speeds: Vec::new(),
            vtk: false,
        }
    }
}

impl Validate for EvaluateConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.positive("threshold", self.threshold);
        check.within("cycles", self.cycles, 0, 32);
        check.non_negative("horizon", self.horizon);
        if let Some(density) = &self.density {
            density.validate(check.table("density"));
        }
        self.speeds.iter().for_each(|c| check.finite("speeds", *c));
    }
}

/// Where an experiment that learns runs.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Its folder.
    pub run: &'a RunDir,
    /// Where tensors live, without autodiff.
    pub device: &'a Device,
    /// Whether to go on from the last checkpoint.
    pub resume: bool,
    /// Set when the user interrupts.
    pub interrupted: &'a AtomicBool,
    /// What a person sees.
    pub progress: &'a Progress,
}

/// What an experiment found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Metrics; what could not be computed is null.
    pub metrics: Map<String, Value>,
    /// Sentences for the report.
    pub notes: Vec<String>,
    /// Tables for the report: title, columns, rows.
    pub tables: Vec<Value>,
    /// Figures for the report: file, title, caption.
    pub figures: Vec<Value>,
    /// What went wrong numerically, if something did.
    pub failure: Option<String>,
}

impl Findings {
    /// Records a metric.
    pub fn metric(&mut self, name: impl Into<String>, value: f64) {
        self.metrics.insert(name.into(), if value.is_finite() { json!(value) } else { Value::Null });
    }

    /// Draws and records a figure.
    ///
    /// # Errors
    /// If it cannot be drawn or written.
    pub fn figure(
        &mut self,
        run: &RunDir,
        stem: &str,
        caption: &str,
        figure: &impl Figure,
    ) -> Result<(), Error> {
        save(figure, &run.join("plots").join(stem))?;
        self.index(run, stem, "svg", caption)
    }

    /// Draws and records an animation.
    ///
    /// # Errors
    /// If it cannot be drawn or written.
    pub fn animation(
        &mut self,
        run: &RunDir,
        stem: &str,
        caption: &str,
        figures: &[impl Figure],
    ) -> Result<(), Error> {
        animate(figures, &run.join("plots").join(stem).with_extension("png"))?;
        self.index(run, stem, "png", caption)
    }

    fn index(&mut self, run: &RunDir, stem: &str, extension: &str, caption: &str) -> Result<(), Error> {
        let file = format!("{stem}.{extension}");
        self.figures.push(json!({"file": file, "title": stem.replace('_', " "), "caption": caption}));
        let index = serde_json::to_vec_pretty(&self.figures).unwrap_or_default();
        run.write("plots/index.json", &index)
    }
}

/// A model of a seed; its parameters are numbered, so that a checkpoint finds them again.
fn seeded<M: Module, E>(device: &Device, seed: u64, draw: impl FnOnce() -> Result<M, E>) -> Result<M, E> {
    try_seeded(device, seed, draw).map(numbered)
}
