//! A network on a grid as a flow map.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{Cost, Equal, GridNetwork, GridNetworkConfig, GridSpec, SineNetConfig};
use crate::emulator::{Emulator, FieldSpec, per_channel, shifted};
use crate::fused::Edge;

/// `u_{k+1} = σ ⊙ N_θ((u_{k−h+1} − μ)/σ, …, (u_k − μ)/σ) + μ` with mean `μ` and standard deviation `σ` of every channel and a history of
/// `h` frames: the network predicts the next state itself, or with a bundle of `b` the next `b` states at once (J. Brandstetter et al.,
/// "Message Passing Neural PDE Solvers", ICLR 2022).
#[derive(Module, Debug)]
pub struct GridSurrogate {
    network: GridNetwork,
    /// `[1, channel, 1]`.
    mean: Tensor<3>,
    std: Tensor<3>,
    #[module(skip)]
    size: [usize; 2],
    #[module(skip)]
    history: usize,
    #[module(skip)]
    bundle: usize,
}

impl GridSurrogate {
    /// Draws the weights from the device's random stream.
    pub fn init(config: &GridNetworkConfig, spec: &FieldSpec, device: &Device) -> Self {
        let grid = grid_of(spec);
        Self {
            network: config.init(&grid, device),
            mean: per_channel(&spec.mean, device),
            std: per_channel(&spec.std, device),
            size: grid.size,
            history: spec.history.max(1),
            bundle: spec.bundle.max(1),
        }
    }

    /// Frames as the network sees them.
    fn scaled(&self, u: Tensor<3>) -> Tensor<3> {
        let repeated = |of: &Tensor<3>| of.clone().repeat_dim(1, self.history);
        (u - repeated(&self.mean)) / repeated(&self.std)
    }
}

impl Emulator for GridSurrogate {
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        let [batch, all, points] = u.dims();
        let channels = all / self.history;
        let [nx, ny] = self.size;
        let mut frames = self.scaled(u);
        let mut states = Vec::with_capacity(steps);
        while states.len() < steps {
            let fields = frames.clone().reshape([batch, all, nx, ny]);
            let bundle = self.network.forward(fields).reshape([batch, self.bundle * channels, points]);
            for next in bundle.chunk(self.bundle, 1).into_iter().take(steps - states.len()) {
                states.push(next.clone() * self.std.clone() + self.mean.clone());
                frames = shifted(frames, next);
            }
        }
        states
    }

    fn history(&self) -> usize {
        self.history
    }

    fn bundle(&self) -> usize {
        self.bundle
    }

    fn features(&self, u: Tensor<3>) -> Vec<Tensor<4>> {
        let [batch, all, _] = u.dims();
        let [nx, ny] = self.size;
        match &self.network {
            GridNetwork::SineNet(network) => network.features(self.scaled(u).reshape([batch, all, nx, ny])),
            _ => Vec::new(),
        }
    }
}

impl GridNetworkConfig {
    /// What it costs on a field.
    pub fn cost_on(&self, spec: &FieldSpec) -> Cost {
        self.cost(&grid_of(spec))
    }

    /// Whether a cost keeps to the budget that the network was given, if it was.
    ///
    /// # Errors
    /// The key of the budget that no such network keeps to, and what this one takes.
    pub fn within_budget(&self, cost: Cost) -> Result<(), (&'static str, usize)> {
        let Self::Sinenet(SineNetConfig { budget: Some(budget), .. }) = self else { return Ok(()) };
        match budget.equal {
            Equal::Params if !budget.allows_params(cost) => Err(("params", cost.params)),
            Equal::Macs if !budget.allows_macs(cost) => Err(("macs", cost.macs)),
            _ => Ok(()),
        }
    }

    /// The same network with as many channels that it has at most `budget` parameters, and no fewer than one channel.
    pub fn fitted(&self, budget: usize, spec: &FieldSpec) -> Self {
        let grid = grid_of(spec);
        let fits = |width: usize| self.with_width(width).cost(&grid).params <= budget;
        let mut high = 1;
        while fits(2 * high) {
            high *= 2;
        }
        // The largest width that fits is at least `high`, and less than twice that.
        let widths: Vec<usize> = (high..2 * high).collect();
        self.with_width(high - 1 + widths.partition_point(|w| fits(*w)).max(1))
    }
}

/// What a network on a grid is told of a field.
fn grid_of(spec: &FieldSpec) -> GridSpec {
    let size = match spec.shape[..] {
        [nx, ny] => [nx, ny],
        _ => [1, spec.points()],
    };
    let edge = |axis: usize| spec.edges.get(axis).copied().unwrap_or_default();
    let edges = if spec.shape.len() == 2 { [edge(0), edge(1)] } else { [Edge::Periodic, edge(0)] };
    let [input, output] = [spec.history, spec.bundle].map(|frames| frames.max(1) * spec.channels);
    GridSpec { size, input, output, edges }
}
