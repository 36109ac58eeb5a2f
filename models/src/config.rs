//! The choice of a model as configuration: `[model.NAME]`.

use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use crate::baseline::{AutoregressiveConfig, Baseline, EchoStateConfig, RecurrentConfig, SindyConfig};
use crate::classifier::GatedClassifierConfig;
use crate::generative::{
    ContinuousFlowConfig, LatentSdeConfig, RectifiedFlowConfig, ScoreSdeConfig, SdeGanConfig,
};
use crate::grid::{
    ConvNetConfig, DilatedResnetConfig, FactorisedOperatorConfig, FourierOperatorConfig, GridNetworkConfig,
    ModernUNetConfig, ResidualNetConfig, SineNetConfig, StridedUNetConfig, UNetConfig,
};
use crate::insr::InsrConfig;
use crate::neural_de::neural_cde::NeuralCdeConfig;
use crate::neural_de::{
    HamiltonianNetworkConfig, LagrangianNetworkConfig, LatentOdeConfig, NeuralOdeConfig, UniversalDeConfig,
};
use crate::observer::ObserverConfig;
use crate::pinn::{Frame, PinnConfig};
use crate::plrnn::PlrnnConfig;
use crate::semilinear_operator::SemilinearOperatorConfig;

/// A model and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelConfig {
    /// The semilinear neural operator, or by `linear = "none"` the plain residual Fourier neural operator.
    SemilinearOperator(SemilinearOperatorConfig),
    /// The correction of a forecast by observations.
    Observer(ObserverConfig),
    /// A plain stack of convolutions.
    ConvNet(ConvNetConfig),
    /// A residual network of convolutions.
    ResidualNet(ResidualNetConfig),
    /// The dilated residual network.
    DilatedResnet(DilatedResnetConfig),
    /// The U-Net.
    UNet(UNetConfig),
    /// The U-Net whose convolutions halve the points.
    StridedUNet(StridedUNetConfig),
    /// The modern U-Net.
    ModernUNet(ModernUNetConfig),
    /// The Fourier neural operator as it was published.
    FourierOperator(FourierOperatorConfig),
    /// The factorised Fourier neural operator.
    FactorisedOperator(FactorisedOperatorConfig),
    /// SineNet.
    Sinenet(SineNetConfig),
    /// A piecewise-linear recurrent network.
    Plrnn(PlrnnConfig),
    /// An echo-state network.
    EchoState(EchoStateConfig),
    /// Sparse identification of nonlinear dynamics.
    Sindy(SindyConfig),
    /// Vector autoregression.
    Autoregressive(AutoregressiveConfig),
    /// An LSTM or a GRU.
    Recurrent(RecurrentConfig),
    /// A neural ordinary differential equation.
    NeuralOde(NeuralOdeConfig),
    /// A Hamiltonian network.
    HamiltonianNetwork(HamiltonianNetworkConfig),
    /// A Lagrangian network.
    LagrangianNetwork(LagrangianNetworkConfig),
    /// Known terms and a network.
    UniversalDe(UniversalDeConfig),
    /// A latent differential equation.
    LatentOde(LatentOdeConfig),
    /// A neural controlled differential equation.
    NeuralCde(NeuralCdeConfig),
    /// A gated recurrent network that classifies.
    GatedClassifier(GatedClassifierConfig),
    /// A rectified flow.
    RectifiedFlow(RectifiedFlowConfig),
    /// Score-based diffusion.
    ScoreSde(ScoreSdeConfig),
    /// A continuous normalising flow.
    ContinuousFlow(ContinuousFlowConfig),
    /// A neural stochastic equation trained by its paths.
    SdeGan(SdeGanConfig),
    /// A latent stochastic equation.
    LatentSde(LatentSdeConfig),
    /// A network that is the solution itself.
    Pinn(PinnConfig),
    /// The same in the frame of the characteristics.
    Lpinn(PinnConfig),
    /// A network whose weights move in time.
    Insr(InsrConfig),
}

/// What a model learns, and with that how it is trained and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    /// The step of a field on a grid, from trajectories `[trajectory, time, channel, x]`.
    Fields,
    /// The correction of the forecast of a field by observations, from trajectories `[trajectory, time, channel, x]`.
    Corrections,
    /// A map behind one long series `[time, channel]`.
    Series,
    /// A differential equation, from trajectories `[trajectory, time, channel]`.
    Dynamics,
    /// The classes of labelled series at irregular times.
    Labels,
    /// A density, from a cloud of points `[point, 1, coordinate]`.
    Points,
    /// The law of a stochastic process, from paths `[path, time, channel]`.
    Paths,
    /// The solution of one equation from one start, without any data.
    Solution,
    /// The same, one time after the other.
    Evolution,
}

/// Every model: its name, and what it is.
pub const MODELS: &[(&str, &str)] = &[
    (
        "semilinear_operator",
        "semilinear neural operator, an exponential Euler step with the exact linear part; linear = \"none\" is the plain FNO",
    ),
    (
        "observer",
        "learned corrections of a forecast of fields by noisy, sparse observations, beside the filters of [assimilation]",
    ),
    ("conv_net", "a plain stack of convolutions"),
    ("residual_net", "residual network of convolutions"),
    ("dilated_resnet", "residual network of dilated convolutions"),
    ("u_net", "U-Net"),
    ("strided_u_net", "U-Net whose convolutions halve and double the points"),
    ("modern_u_net", "modern U-Net, of residual blocks with a skip connection each"),
    ("fourier_operator", "Fourier neural operator as it was published"),
    ("factorised_operator", "factorised Fourier neural operator, with a Fourier layer along each axis"),
    ("sinenet", "SineNet: U-shaped waves one after the other, with disentangled skips"),
    (
        "plrnn",
        "piecewise-linear recurrent network, a map trained on time series by generalized teacher forcing",
    ),
    ("echo_state", "echo-state network, a random reservoir with a read-out by ridge regression"),
    ("sindy", "sparse identification of nonlinear dynamics, an equation of few terms"),
    ("autoregressive", "vector autoregression, its order by an information criterion"),
    ("recurrent", "LSTM or GRU, trained by teacher forcing"),
    ("neural_ode", "neural ordinary differential equation, plain or augmented"),
    (
        "hamiltonian_network",
        "a network for the energy, or two for its kinetic and potential part, and Hamilton's equations",
    ),
    (
        "lagrangian_network",
        "a network for the Lagrangian of positions and velocities, and the equations of Euler and Lagrange",
    ),
    (
        "universal_de",
        "known terms of an equation and a network for the others, which are then read out as few terms",
    ),
    (
        "latent_ode",
        "recurrent encoder, neural differential equation of a latent state, decoder; trained by the evidence lower bound",
    ),
    ("neural_cde", "neural controlled differential equation, a classifier of irregular series"),
    ("gated_classifier", "gated recurrent network that is told the time between samples, a classifier"),
    ("rectified_flow", "rectified flow with reflow: noise carried to data along straight lines"),
    (
        "score_sde",
        "score-based diffusion: noise carried to data by a reversed process, or by its flow, with a likelihood",
    ),
    (
        "sde_gan",
        "neural stochastic differential equation, trained against a neural controlled equation or by an energy distance",
    ),
    ("latent_sde", "latent stochastic differential equation, trained by a variational bound on paths"),
    ("continuous_flow", "continuous normalising flow, trained by its likelihood through the solve"),
    (
        "pinn",
        "physics-informed network: the solution itself, by Gauss-Newton on the residual of the equation",
    ),
    ("lpinn", "Lagrangian physics-informed network: characteristics and the solution along them"),
    (
        "insr",
        "implicit neural representation in space whose weights an integrator moves in time, by regressions or by Galerkin's method",
    ),
];

impl ModelConfig {
    /// The name in configs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SemilinearOperator(_) => "semilinear_operator",
            Self::Observer(_) => "observer",
            Self::ConvNet(_) => "conv_net",
            Self::ResidualNet(_) => "residual_net",
            Self::DilatedResnet(_) => "dilated_resnet",
            Self::UNet(_) => "u_net",
            Self::StridedUNet(_) => "strided_u_net",
            Self::ModernUNet(_) => "modern_u_net",
            Self::FourierOperator(_) => "fourier_operator",
            Self::FactorisedOperator(_) => "factorised_operator",
            Self::Sinenet(_) => "sinenet",
            Self::Plrnn(_) => "plrnn",
            Self::EchoState(_) => "echo_state",
            Self::Sindy(_) => "sindy",
            Self::Autoregressive(_) => "autoregressive",
            Self::Recurrent(_) => "recurrent",
            Self::NeuralOde(_) => "neural_ode",
            Self::HamiltonianNetwork(_) => "hamiltonian_network",
            Self::LagrangianNetwork(_) => "lagrangian_network",
            Self::UniversalDe(_) => "universal_de",
            Self::LatentOde(_) => "latent_ode",
            Self::NeuralCde(_) => "neural_cde",
            Self::GatedClassifier(_) => "gated_classifier",
            Self::RectifiedFlow(_) => "rectified_flow",
            Self::ScoreSde(_) => "score_sde",
            Self::ContinuousFlow(_) => "continuous_flow",
            Self::SdeGan(_) => "sde_gan",
            Self::LatentSde(_) => "latent_sde",
            Self::Pinn(_) => "pinn",
            Self::Lpinn(_) => "lpinn",
            Self::Insr(_) => "insr",
        }
    }

    /// What it learns.
    pub fn learns(&self) -> Learns {
        match self {
            Self::SemilinearOperator(_)
            | Self::ConvNet(_)
            | Self::ResidualNet(_)
            | Self::DilatedResnet(_)
            | Self::UNet(_)
            | Self::StridedUNet(_)
            | Self::ModernUNet(_)
            | Self::FourierOperator(_)
            | Self::FactorisedOperator(_)
            | Self::Sinenet(_) => Learns::Fields,
            Self::Observer(_) => Learns::Corrections,
            Self::Plrnn(_)
            | Self::EchoState(_)
            | Self::Sindy(_)
            | Self::Autoregressive(_)
            | Self::Recurrent(_) => Learns::Series,
            Self::NeuralOde(_)
            | Self::HamiltonianNetwork(_)
            | Self::LagrangianNetwork(_)
            | Self::UniversalDe(_)
            | Self::LatentOde(_) => Learns::Dynamics,
            Self::NeuralCde(_) | Self::GatedClassifier(_) => Learns::Labels,
            Self::RectifiedFlow(_) | Self::ScoreSde(_) | Self::ContinuousFlow(_) => Learns::Points,
            Self::SdeGan(_) | Self::LatentSde(_) => Learns::Paths,
            Self::Pinn(_) | Self::Lpinn(_) => Learns::Solution,
            Self::Insr(_) => Learns::Evolution,
        }
    }

    /// The network on a grid that it is, if it is such a one.
    pub fn grid(&self) -> Option<GridNetworkConfig> {
        Some(match self.clone() {
            Self::ConvNet(c) => GridNetworkConfig::ConvNet(c),
            Self::ResidualNet(c) => GridNetworkConfig::ResidualNet(c),
            Self::DilatedResnet(c) => GridNetworkConfig::DilatedResnet(c),
            Self::UNet(c) => GridNetworkConfig::UNet(c),
            Self::StridedUNet(c) => GridNetworkConfig::StridedUNet(c),
            Self::ModernUNet(c) => GridNetworkConfig::ModernUNet(c),
            Self::FourierOperator(c) => GridNetworkConfig::FourierOperator(c),
            Self::FactorisedOperator(c) => GridNetworkConfig::FactorisedOperator(c),
            Self::Sinenet(c) => GridNetworkConfig::Sinenet(c),
            _ => return None,
        })
    }

    /// Whether it learns series `[time, channel]`.
    pub fn learns_series(&self) -> bool {
        self.learns() == Learns::Series
    }

    /// Whether it solves a problem without any data.
    pub fn solves(&self) -> bool {
        matches!(self.learns(), Learns::Solution | Learns::Evolution)
    }

    /// The network that is a solution, and its frame, if it is such a one.
    pub fn solution(&self) -> Option<(&PinnConfig, Frame)> {
        match self {
            Self::Pinn(c) => Some((c, Frame::Eulerian)),
            Self::Lpinn(c) => Some((c, Frame::Lagrangian)),
            _ => None,
        }
    }

    /// The model as one that is fitted to series in one call, if it can be.
    pub fn baseline(&self) -> Option<&dyn Baseline> {
        match self {
            Self::EchoState(c) => Some(c),
            Self::Sindy(c) => Some(c),
            Self::Autoregressive(c) => Some(c),
            Self::Recurrent(c) => Some(c),
            Self::NeuralOde(c) => Some(c),
            _ => None,
        }
    }
}

impl Validate for ModelConfig {
    fn validate(&self, mut check: Check<'_>) {
        let check = check.table(self.name());
        match self {
            Self::SemilinearOperator(c) => c.validate(check),
            Self::Observer(c) => c.validate(check),
            Self::ConvNet(c) => c.validate(check),
            Self::ResidualNet(c) => c.validate(check),
            Self::DilatedResnet(c) => c.validate(check),
            Self::UNet(c) => c.validate(check),
            Self::StridedUNet(c) => c.validate(check),
            Self::ModernUNet(c) => c.validate(check),
            Self::FourierOperator(c) => c.validate(check),
            Self::FactorisedOperator(c) => c.validate(check),
            Self::Sinenet(c) => c.validate(check),
            Self::Plrnn(c) => c.validate(check),
            Self::EchoState(c) => c.validate(check),
            Self::Sindy(c) => c.validate(check),
            Self::Autoregressive(c) => c.validate(check),
            Self::Recurrent(c) => c.validate(check),
            Self::NeuralOde(c) => c.validate(check),
            Self::HamiltonianNetwork(c) => c.validate(check),
            Self::LagrangianNetwork(c) => c.validate(check),
            Self::UniversalDe(c) => c.validate(check),
            Self::LatentOde(c) => c.validate(check),
            Self::NeuralCde(c) => c.validate(check),
            Self::GatedClassifier(c) => c.validate(check),
            Self::RectifiedFlow(c) => c.validate(check),
            Self::ScoreSde(c) => c.validate(check),
            Self::ContinuousFlow(c) => c.validate(check),
            Self::SdeGan(c) => c.validate(check),
            Self::LatentSde(c) => c.validate(check),
            Self::Pinn(c) | Self::Lpinn(c) => c.validate(check),
            Self::Insr(c) => c.validate(check),
        }
    }
}
