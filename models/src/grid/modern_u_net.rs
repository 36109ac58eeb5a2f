//! The modern U-Net.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::strided_u_net::every_second;
use super::{Cost, GridSpec};
use crate::fused::gelu;
use crate::layers::{Convolution, GroupNorm, TransposedConvolution};

/// Channels of a level, at most.
const MOST_CHANNELS: usize = 16_384;

/// Groups of the last normalisation, if they divide the channels into two at least each.
const GROUPS: usize = 8;

/// A lift, levels of residual blocks down by convolutions of every second point and up by transposed ones, a projection. Every block and every change of the
/// points has its own skip connection, so that the way up has one block more on each level.
///
/// A block is `W u + C σ(N C σ(N u))` with convolutions `C`, normalisations `N`, GELU `σ`. The "modern U-Net" (U-Net-Mod) of J. Gupta and J. Brandstetter, "Towards
/// Multi-spatiotemporal-scale Generalized PDE Modeling", TMLR 2023, without attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModernUNetConfig {
    /// Channels of the lift.
    pub width: usize,
    /// By how much the channels grow on each level, the finest first.
    pub growth: Vec<usize>,
    /// Blocks of a level on the way down.
    pub blocks: usize,
}

impl Default for ModernUNetConfig {
    fn default() -> Self {
        Self { width: 64, growth: vec![1, 2, 2, 4], blocks: 2 }
    }
}

impl Validate for ModernUNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("width", self.width, 1, 4096);
        check.within("blocks", self.blocks, 1, 16);
        check.require(
            (1..=10).contains(&self.growth.len()) && self.growth.iter().all(|g| (1..=16).contains(g)),
            "growth",
            "wanted are one to ten factors from 1 to 16",
            "the published network has growth = [1, 2, 2, 4]",
        );
        let bottom = self.growth.iter().fold(self.width, |channels, g| channels.saturating_mul(*g));
        check.require(
            bottom <= MOST_CHANNELS,
            "growth",
            format!("{bottom} channels at the coarsest level, {MOST_CHANNELS} at most"),
            "lower width or growth",
        );
    }
}

/// The network of [`ModernUNetConfig`].
#[derive(Module, Debug)]
pub struct ModernUNet {
    lift: Convolution,
    down: Vec<Down>,
    middle: Vec<Residual>,
    up: Vec<Up>,
    norm: GroupNorm,
    project: Convolution,
}

/// A stage of the way down.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Down {
    Block(Residual),
    Halve(Convolution),
}

/// A stage of the way up.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Up {
    Block(Residual),
    Double(TransposedConvolution),
}

#[derive(Module, Debug)]
struct Residual {
    first_norm: GroupNorm,
    first: Convolution,
    second_norm: GroupNorm,
    second: Convolution,
    shortcut: Option<Convolution>,
}

/// A stage: what goes in and out.
#[derive(Clone, Copy)]
enum Stage {
    Block { input: usize, output: usize, level: usize },
    Change { channels: usize, level: usize },
}

impl ModernUNetConfig {
    /// Levels below the finest.
    pub(super) fn levels(&self) -> usize {
        self.growth.len() - 1
    }

    /// The stages down, those up, and the channels at the bottom. A change is at the finer of its levels.
    fn stages(&self) -> (Vec<Stage>, Vec<Stage>, usize) {
        let (mut down, mut skips, mut channels) = (Vec::new(), vec![self.width], self.width);
        for (level, growth) in self.growth.iter().enumerate() {
            let output = channels * growth;
            for _ in 0..self.blocks {
                down.push(Stage::Block { input: channels, output, level });
                channels = output;
                skips.push(channels);
            }
            if level < self.levels() {
                down.push(Stage::Change { channels, level });
                skips.push(channels);
            }
        }
        let (bottom, mut up) = (channels, Vec::new());
        for (level, growth) in self.growth.iter().enumerate().rev() {
            for block in 0..=self.blocks {
                let skip = skips.pop().unwrap_or(0);
                let output = if block == self.blocks { channels / growth } else { channels };
                up.push(Stage::Block { input: channels + skip, output, level });
                channels = output;
            }
            if level > 0 {
                up.push(Stage::Change { channels, level: level - 1 });
            }
        }
        (down, up, bottom)
    }

    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        let (down, up, bottom) = self.stages();
        let stage = |stage: &Stage, doubling: bool| match *stage {
            Stage::Block { input, output, level } => Residual::cost(input, output, spec, level),
            Stage::Change { channels, level } if doubling => {
                spec.doubling_cost(channels, channels, level + 1)
            }
            Stage::Change { channels, level } => spec.convolution_cost(channels, channels, level + 1),
        };
        spec.convolution_cost(spec.input, self.width, 0)
            + down.iter().map(|s| stage(s, false)).sum::<Cost>()
            + 2 * Residual::cost(bottom, bottom, spec, self.levels())
            + up.iter().map(|s| stage(s, true)).sum::<Cost>()
            + Cost::norm(self.width)
            + spec.convolution_cost(self.width, spec.output, 0)
    }

    /// Draws the weights from the device's random stream; the points of `spec` must be divisible by `2^levels`.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> ModernUNet {
        let (down, up, bottom) = self.stages();
        let block = |input, output| Residual::init(input, output, spec, device);
        let down = down.into_iter().map(|stage| match stage {
            Stage::Block { input, output, .. } => Down::Block(block(input, output)),
            Stage::Change { channels, .. } => {
                Down::Halve(spec.convolution(channels, channels, 1).init(device))
            }
        });
        let groups = (1..=GROUPS).rev().find(|g| self.width.is_multiple_of(2 * g)).unwrap_or(1);
        ModernUNet {
            lift: spec.convolution(spec.input, self.width, 1).init(device),
            down: down.collect(),
            middle: (0..2).map(|_| block(bottom, bottom)).collect(),
            up: up
                .into_iter()
                .map(|stage| match stage {
                    Stage::Block { input, output, .. } => Up::Block(block(input, output)),
                    Stage::Change { channels, level } => Up::Double(TransposedConvolution::init(
                        channels,
                        channels,
                        spec.halved(level + 1),
                        spec.edges,
                        device,
                    )),
                })
                .collect(),
            norm: GroupNorm::grouped(self.width, groups, device),
            project: spec.convolution(self.width, spec.output, 1).init(device),
        }
    }
}

impl ModernUNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let mut v = self.lift.forward(u);
        let mut skips = vec![v.clone()];
        for stage in &self.down {
            v = match stage {
                Down::Block(block) => block.forward(v),
                Down::Halve(convolution) => every_second(convolution.forward(v)),
            };
            skips.push(v.clone());
        }
        for block in &self.middle {
            v = block.forward(v);
        }
        for stage in &self.up {
            v = match stage {
                Up::Block(block) => {
                    let seen = std::iter::once(v).chain(skips.pop()).collect();
                    block.forward(Tensor::cat(seen, 1))
                }
                Up::Double(doubling) => doubling.forward(v),
            };
        }
        self.project.forward(gelu(self.norm.forward(v)))
    }
}

impl Residual {
    fn init(input: usize, output: usize, spec: &GridSpec, device: &Device) -> Self {
        Self {
            first_norm: GroupNorm::init(input, device),
            first: spec.convolution(input, output, 1).init(device),
            second_norm: GroupNorm::init(output, device),
            second: spec.convolution(output, output, 1).init(device),
            shortcut: (input != output).then(|| spec.pointwise(input, output).init(device)),
        }
    }

    fn cost(input: usize, output: usize, spec: &GridSpec, level: usize) -> Cost {
        let shortcut =
            if input == output { Cost::default() } else { spec.pointwise_cost(input, output, level) };
        Cost::norm(input)
            + spec.convolution_cost(input, output, level)
            + Cost::norm(output)
            + spec.convolution_cost(output, output, level)
            + shortcut
    }

    fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        let v = self.first.forward(gelu(self.first_norm.forward(u.clone())));
        let v = self.second.forward(gelu(self.second_norm.forward(v)));
        match &self.shortcut {
            Some(shortcut) => v + shortcut.forward(u),
            None => v + u,
        }
    }
}
