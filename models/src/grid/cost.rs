//! What a network costs.

use std::iter::Sum;
use std::ops::{Add, Mul};

use super::GridSpec;

/// Parameters, and the multiplications with additions of one sample's forward pass: those of convolutions, as is usual, without
/// normalisations, interpolations and activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Parameters.
    pub params: usize,
    /// Multiplications with additions.
    pub macs: usize,
}

impl Cost {
    /// A normalisation's scale and shift.
    pub(super) fn norm(channels: usize) -> Self {
        Self { params: 2 * channels, macs: 0 }
    }

    fn layer(input: usize, output: usize, taps: usize, points: usize) -> Self {
        let weights = input * taps * output;
        Self { params: weights + output, macs: weights * points }
    }
}

impl GridSpec {
    /// A convolution of three taps an axis, after some halvings.
    pub(super) fn convolution_cost(&self, input: usize, output: usize, halvings: usize) -> Cost {
        let taps: usize = self.size.iter().map(|n| if *n > 1 { 3 } else { 1 }).product();
        Cost::layer(input, output, taps, self.halved(halvings).iter().product())
    }

    /// A transposed convolution of four taps an axis, from the points after some halvings to twice as many.
    pub(super) fn doubling_cost(&self, input: usize, output: usize, halvings: usize) -> Cost {
        let taps: usize = self.size.iter().map(|n| if *n > 1 { 4 } else { 1 }).product();
        Cost::layer(input, output, taps, self.halved(halvings).iter().product())
    }

    /// A linear map of channels at every point, after some halvings.
    pub(super) fn pointwise_cost(&self, input: usize, output: usize, halvings: usize) -> Cost {
        Cost::layer(input, output, 1, self.halved(halvings).iter().product())
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { params: self.params + other.params, macs: self.macs + other.macs }
    }
}

impl Mul<Cost> for usize {
    type Output = Cost;

    fn mul(self, cost: Cost) -> Cost {
        Cost { params: self * cost.params, macs: self * cost.macs }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |a, b| a + b)
    }
}
