//! A network on a grid as a flow map.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{GridNetwork, GridNetworkConfig, GridSpec};
use crate::emulator::{Emulator, FieldSpec, per_channel};
use crate::fused::Edge;

/// `u_{k+1} = σ ⊙ N_θ((u_k − μ)/σ) + μ` with mean `μ` and standard deviation `σ` of every channel: the network predicts the next
/// state itself.
#[derive(Module, Debug)]
pub struct GridSurrogate {
    network: GridNetwork,
    /// `[1, channel, 1]`.
    mean: Tensor<3>,
    std: Tensor<3>,
    #[module(skip)]
    size: [usize; 2],
}

impl GridSurrogate {
    /// Draws the weights from the device's random stream. Fields are periodic.
    pub fn init(config: &GridNetworkConfig, spec: &FieldSpec, device: &Device) -> Self {
        let grid = grid_of(spec);
        Self {
            network: config.init(&grid, device),
            mean: per_channel(&spec.mean, device),
            std: per_channel(&spec.std, device),
            size: grid.size,
        }
    }
}

impl Emulator for GridSurrogate {
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>> {
        let [batch, channels, points] = u.dims();
        let [nx, ny] = self.size;
        let mut v = (u - self.mean.clone()) / self.std.clone();
        let mut states = Vec::with_capacity(steps);
        for _ in 0..steps {
            let fields = v.reshape([batch, channels, nx, ny]);
            v = self.network.forward(fields).reshape([batch, channels, points]);
            states.push(v.clone() * self.std.clone() + self.mean.clone());
        }
        states
    }
}

impl GridNetworkConfig {
    /// The same network with as many channels that it has at most `budget` parameters, and no fewer than one channel.
    pub fn fitted(&self, budget: usize, spec: &FieldSpec) -> Self {
        let grid = grid_of(spec);
        let fits = |width: usize| self.with_width(width).params(&grid) <= budget;
        let mut high = 1;
        while fits(2 * high) {
            high *= 2;
        }
        // The largest width that fits is at least `high`, and less than twice that.
        let widths: Vec<usize> = (high..2 * high).collect();
        self.with_width(high - 1 + widths.partition_point(|w| fits(*w)).max(1))
    }
}

fn grid_of(spec: &FieldSpec) -> GridSpec {
    let size = match spec.shape[..] {
        [nx, ny] => [nx, ny],
        _ => [1, spec.points()],
    };
    GridSpec { size, input: spec.channels, output: spec.channels, edges: [Edge::Periodic; 2] }
}
