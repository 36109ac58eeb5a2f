//! SineNet: U-shaped waves one after the other.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::{BudgetConfig, Cost, Equal, GridSpec};
use crate::layers::{Convolution, Doubling, halve};

/// `K` waves between a lift and a projection; a wave goes down and up through the levels and is added to what it was given.
///
/// Down to level `i`: both the features and the wave's input are halved; the block sees them together (disentangled skips),
/// `h ← B(h, d) + W h`. Up: `u` is interpolated, `h ← B(s, u) + W u` with the skip `s` of the level. `B` is twice
/// convolution, group normalisation, GELU. Channels of level `i` are `⌊width · growthⁱ⌋`.
///
/// X. Zhang et al., "SineNet: Learning Temporal Dynamics in Time-Dependent Partial Differential Equations", ICLR 2024.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SineNetConfig {
    /// Waves.
    pub waves: usize,
    /// Channels of the finest level.
    pub width: usize,
    /// By how much channels grow from one level to the next.
    pub growth: f64,
    /// Levels below the finest.
    pub levels: usize,
    /// Whether the wave's input goes into every level.
    pub disentangled: bool,
    /// What it may cost. At equal parameters `growth` is the largest that is allowed; at equal multiplications it is the same, and all
    /// channels are scaled by one factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetConfig>,
}

impl Default for SineNetConfig {
    fn default() -> Self {
        Self { waves: 8, width: 64, growth: 1.425, levels: 4, disentangled: true, budget: None }
    }
}

impl Validate for SineNetConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("waves", self.waves, 1, 64);
        check.within("width", self.width, 1, 4096);
        check.within("growth", self.growth, 1.0, 4.0);
        check.within("levels", self.levels, 1, 10);
        if let Some(budget) = &self.budget {
            budget.validate(check.table("budget"));
        }
    }
}

/// The largest growth that a budget may lead to, and the largest factor of the channels.
const MOST_GROWTH: f64 = 4.0;
const MOST_SCALE: f64 = 16.0;

/// The network of [`SineNetConfig`].
#[derive(Module, Debug)]
pub struct SineNet {
    lift: Convolution,
    waves: Vec<Wave>,
    project: Convolution,
}

/// One way down and up.
#[derive(Module, Debug)]
struct Wave {
    down: Vec<Level>,
    up: Vec<Level>,
    doublings: Vec<Doubling>,
    #[module(skip)]
    disentangled: bool,
}

/// A block with its shortcut.
#[derive(Module, Debug)]
struct Level {
    block: Block,
    shortcut: Convolution,
}

impl SineNetConfig {
    /// The channels of every level.
    pub fn channels(&self, spec: &GridSpec) -> Vec<usize> {
        let width = self.width as f64;
        let Some(budget) = &self.budget else { return self.ladder(width, self.growth) };
        let within = |growth: f64| budget.allows_params(self.cost_of(&self.ladder(width, growth), spec));
        let growth = BudgetConfig::most(within, 1.0, MOST_GROWTH);
        if budget.equal == Equal::Params {
            return self.ladder(width, growth);
        }
        let within = |width: f64| budget.allows_macs(self.cost_of(&self.ladder(width, growth), spec));
        self.ladder(BudgetConfig::most(within, 1.0, MOST_SCALE * width), growth)
    }

    fn ladder(&self, width: f64, growth: f64) -> Vec<usize> {
        (0..=self.levels).map(|i| (width * growth.powi(i as i32)) as usize).collect()
    }

    /// What it costs.
    pub(super) fn cost(&self, spec: &GridSpec) -> Cost {
        self.cost_of(&self.channels(spec), spec)
    }

    fn cost_of(&self, channels: &[usize], spec: &GridSpec) -> Cost {
        let level = |input, output, shortcut: usize, halvings| {
            Block::cost(input, output, spec, halvings) + spec.pointwise_cost(shortcut, output, halvings)
        };
        let levels = (0..self.levels).map(|i| {
            let (fine, coarse) = (channels[i], channels[i + 1]);
            level(fine + self.beside(i, channels[0]), coarse, fine, i + 1)
                + level(fine + coarse, fine, coarse, i)
        });
        spec.convolution_cost(spec.input, channels[0], 0)
            + self.waves * levels.sum::<Cost>()
            + spec.convolution_cost(channels[0], spec.output, 0)
    }

    /// The channels that come beside the features on the way down to a level: at the first the features are the wave's input.
    fn beside(&self, level: usize, width: usize) -> usize {
        if level > 0 && self.disentangled { width } else { 0 }
    }

    /// Draws the weights from the device's random stream; the points of `spec` must be divisible by `2^levels`.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> SineNet {
        let channels = self.channels(spec);
        let width = channels[0];
        let level = |input: usize, output: usize, shortcut: usize| Level {
            block: Block::init(input, output, spec, device),
            shortcut: spec.pointwise(shortcut, output).init(device),
        };
        let wave = |_| Wave {
            down: (0..self.levels)
                .map(|i| level(channels[i] + self.beside(i, width), channels[i + 1], channels[i]))
                .collect(),
            up: (0..self.levels)
                .rev()
                .map(|i| level(channels[i] + channels[i + 1], channels[i], channels[i + 1]))
                .collect(),
            doublings: (0..self.levels)
                .rev()
                .map(|i| Doubling::init(spec.halved(i + 1), spec.edges, device))
                .collect(),
            disentangled: self.disentangled,
        };
        SineNet {
            lift: spec.convolution(spec.input, width, 1).init(device),
            waves: (0..self.waves).map(wave).collect(),
            project: spec.convolution(width, spec.output, 1).init(device),
        }
    }
}

impl SineNet {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        self.project.forward(self.waves.iter().fold(self.lift.forward(u), |v, wave| wave.forward(v)))
    }

    /// The features after the lift and after every wave, `[batch, width, x, y]` each.
    pub fn features(&self, u: Tensor<4>) -> Vec<Tensor<4>> {
        let mut features = vec![self.lift.forward(u)];
        for (i, wave) in self.waves.iter().enumerate() {
            features.push(wave.forward(features[i].clone()));
        }
        features
    }
}

impl Wave {
    fn forward(&self, start: Tensor<4>) -> Tensor<4> {
        let mut skips = vec![start.clone()];
        let (mut beside, mut v) = (start.clone(), start.clone());
        for (i, level) in self.down.iter().enumerate() {
            v = halve(v);
            let mut seen = v.clone();
            if self.disentangled {
                beside = halve(beside);
                if i > 0 {
                    seen = Tensor::cat(vec![seen, beside.clone()], 1);
                }
            }
            v = level.forward(seen, v);
            skips.push(v.clone());
        }
        skips.pop();
        for (level, doubling) in self.up.iter().zip(&self.doublings) {
            let u = doubling.forward(v.clone());
            let seen = match skips.pop() {
                Some(skip) => Tensor::cat(vec![skip, u.clone()], 1),
                None => u.clone(),
            };
            v = level.forward(seen, u);
        }
        start + v
    }
}

impl Level {
    fn forward(&self, seen: Tensor<4>, carried: Tensor<4>) -> Tensor<4> {
        self.block.forward(seen) + self.shortcut.forward(carried)
    }
}
