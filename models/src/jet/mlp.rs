//! A multilayer perceptron on the host, with jets and the Jacobian of every sample.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rand::{Rng, RngExt};

use super::activation::Activation;
use super::{Directions, Embedding, chain};
use crate::matrix::{Strided, outer, product};

/// `W_L σ(… σ(W_1 φ(x) + b_1) …) + b_L` with an embedding `φ`. Its weights are one vector: for one layer after the other
/// `W [in, out]`, then `b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    embedding: Embedding,
    sizes: Vec<usize>,
    activation: Activation,
    omega: f64,
}

/// What the way back needs of a forward pass.
#[derive(Clone, Debug)]
pub struct Tape {
    directions: Directions,
    samples: usize,
    /// What goes into each layer, `[component · sample, width]`.
    inputs: Vec<Array2<f64>>,
    /// What comes out of each layer, before its activation.
    outputs: Vec<Array2<f64>>,
}

impl Tape {
    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// One component `[sample, output]` of the network's jet.
    pub fn component(&self, component: usize) -> ArrayView2<'_, f64> {
        let last = &self.outputs[self.outputs.len() - 1];
        last.slice(s![component * self.samples..(component + 1) * self.samples, ..])
    }
}

impl Mlp {
    /// A network with `depth` hidden layers of `width` units. `omega` is the frequency that the weights of a network of sines
    /// are drawn for; others ignore it.
    pub fn new(
        embedding: Embedding,
        width: usize,
        depth: usize,
        outputs: usize,
        activation: Activation,
        omega: f64,
    ) -> Self {
        let mut sizes = vec![embedding.len()];
        sizes.extend(std::iter::repeat_n(width, depth));
        sizes.push(outputs);
        Self { embedding, sizes, activation, omega }
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        self.sizes.windows(2).map(|w| (w[0] + 1) * w[1]).sum()
    }

    /// The outputs.
    pub fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// The embedding.
    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// The activation.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The widths, from the embedding to the output.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Draws weights: of X. Glorot and Y. Bengio (AISTATS 2010) with biases in a unit interval over the root of the fan-in; for sines those of
    /// V. Sitzmann et al. (NeurIPS 2020), the frequency `ω` folded into the weights.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        let mut weights = Vec::with_capacity(self.parameters());
        let last = self.sizes.len() - 2;
        for (l, pair) in self.sizes.windows(2).enumerate() {
            let (fan_in, fan_out) = (pair[0] as f64, pair[1] as f64);
            let sine = self.activation == Activation::Sine;
            let (bound, bias) = match (sine, l == 0, l == last) {
                (true, true, _) => (self.omega / fan_in, self.omega / fan_in.sqrt()),
                (true, _, false) => ((6.0 / fan_in).sqrt(), self.omega / fan_in.sqrt()),
                (true, _, true) => ((6.0 / fan_in).sqrt() / self.omega, 1.0 / fan_in.sqrt()),
                (false, ..) => ((6.0 / (fan_in + fan_out)).sqrt(), 1.0 / fan_in.sqrt()),
            };
            let mut draw = |bound: f64| bound * (2.0 * rng.random::<f64>() - 1.0);
            weights.extend((0..pair[0] * pair[1]).map(|_| draw(bound)));
            weights.extend((0..pair[1]).map(|_| draw(bias)));
        }
        weights
    }

    /// The network's jet at points `[sample, input]`.
    pub fn jet(&self, theta: &[f64], points: ArrayView2<'_, f64>, directions: &Directions) -> Tape {
        let samples = points.nrows();
        let mut tape = Tape {
            directions: directions.clone(),
            samples,
            inputs: vec![self.embedding.jet(points, directions)],
            outputs: Vec::with_capacity(self.sizes.len() - 1),
        };
        let layers = self.sizes.len() - 1;
        let mut offset = 0;
        for l in 0..layers {
            let (weight, bias, next) = self.layer(theta, l, offset);
            offset = next;
            let (fan_in, fan_out) = (self.sizes[l], self.sizes[l + 1]);
            let h = &tape.inputs[l];
            let mut z = Array2::zeros((h.nrows(), fan_out));
            if let (Some(h), Some(z)) = (h.as_slice(), z.as_slice_mut()) {
                product(Strided { values: h, row: fan_in, column: 1 }, weight, fan_out, z, false);
                for z in z.chunks_exact_mut(fan_out).take(samples) {
                    z.iter_mut().zip(bias).for_each(|(z, b)| *z += b);
                }
            }
            if l + 1 < layers {
                let mut h = Array2::zeros(z.raw_dim());
                if let (Some(z), Some(h)) = (z.as_slice(), h.as_slice_mut()) {
                    chain::forward(directions, self.activation, z, h);
                }
                tape.inputs.push(h);
            }
            tape.outputs.push(z);
        }
        tape
    }

    /// The derivatives of one number a sample with respect to the weights, `[sample, weight]`, written into `jacobian`; `seeds
    /// [component · sample, output]` are the derivatives of these numbers with respect to the network's jet.
    ///
    /// Since every layer has the same weights for all components, a row is a sum of outer products over the components. With fewer rows
    /// than samples, sample `i` adds to row `i` modulo their number.
    pub fn jacobian(
        &self,
        theta: &[f64],
        tape: &Tape,
        seeds: Array2<f64>,
        mut jacobian: ArrayViewMut2<'_, f64>,
    ) {
        self.back(theta, tape, seeds, |layer, offset, delta| {
            let (h, samples) = (&tape.inputs[layer], tape.samples);
            let components = h.nrows() / samples;
            let (fan_in, fan_out) = (h.ncols(), delta.ncols());
            let place = offset..offset + (fan_in + 1) * fan_out;
            let (Some(h), Some(delta)) = (h.as_slice(), delta.as_slice()) else { return };
            let rows = jacobian.nrows();
            for (n, row) in jacobian.axis_iter_mut(Axis(0)).enumerate() {
                let Some(row) = row.into_slice() else { continue };
                let (weights, bias) = row[place.clone()].split_at_mut(fan_in * fan_out);
                for n in (n..samples).step_by(rows) {
                    // Rows of the factors are a component apart.
                    let (h, d) = (&h[n * fan_in..], &delta[n * fan_out..]);
                    let add = n >= rows;
                    outer(h, samples * fan_in, d, samples * fan_out, components, add, weights, fan_out);
                    let first = d.iter().take(fan_out);
                    bias.iter_mut().zip(first).for_each(|(b, d)| *b = if add { *b + d } else { *d });
                }
            }
        });
    }

    /// The same derivatives in factors: of a row and a layer they are a sum of outer products of what goes into the layer and
    /// what comes back to it. `visit` is given, from the last layer to the first, the layer, its inputs and the derivatives with respect to its outputs, both
    /// `[component · sample, width]`.
    pub fn factors(
        &self,
        theta: &[f64],
        tape: &Tape,
        seeds: Array2<f64>,
        mut visit: impl FnMut(usize, ArrayView2<'_, f64>, ArrayView2<'_, f64>),
    ) {
        self.back(theta, tape, seeds, |layer, _, delta| {
            visit(layer, tape.inputs[layer].view(), delta.view())
        });
    }

    /// The sum of those derivatives over all samples, added to `gradient`: what a first-order method needs.
    pub fn gradient(&self, theta: &[f64], tape: &Tape, seeds: Array2<f64>, gradient: &mut [f64]) {
        self.back(theta, tape, seeds, |layer, offset, delta| {
            let h = &tape.inputs[layer];
            let (fan_in, fan_out) = (h.ncols(), delta.ncols());
            let (weights, bias) = gradient[offset..][..(fan_in + 1) * fan_out].split_at_mut(fan_in * fan_out);
            if let (Some(h), Some(delta)) = (h.as_slice(), delta.as_slice()) {
                product(Strided { values: h, row: 1, column: fan_in }, delta, fan_out, weights, true);
            }
            for row in delta.rows().into_iter().take(tape.samples) {
                bias.iter_mut().zip(row).for_each(|(b, d)| *b += d);
            }
        });
    }

    /// Carries `seeds` back; `visit` is given every layer, the place of its weights, and the derivatives with respect to what comes out of it.
    fn back(
        &self,
        theta: &[f64],
        tape: &Tape,
        seeds: Array2<f64>,
        mut visit: impl FnMut(usize, usize, &Array2<f64>),
    ) {
        let mut delta = seeds.as_standard_layout().into_owned();
        let mut end = self.parameters();
        for l in (0..self.sizes.len() - 1).rev() {
            let offset = end - (self.sizes[l] + 1) * self.sizes[l + 1];
            visit(l, offset, &delta);
            if l == 0 {
                break;
            }
            let (weight, ..) = self.layer(theta, l, offset);
            let (fan_in, fan_out) = (self.sizes[l], self.sizes[l + 1]);
            let mut transposed = vec![0.0; weight.len()];
            for (i, row) in weight.chunks_exact(fan_out).enumerate() {
                transposed[i..].iter_mut().step_by(fan_in).zip(row).for_each(|(t, w)| *t = *w);
            }
            let mut before = Array2::zeros((delta.nrows(), fan_in));
            if let (Some(delta), Some(before)) = (delta.as_slice(), before.as_slice_mut()) {
                product(
                    Strided { values: delta, row: fan_out, column: 1 },
                    &transposed,
                    fan_in,
                    before,
                    false,
                );
            }
            delta = before;
            let (z, h) = (tape.outputs[l - 1].as_slice(), tape.inputs[l].as_slice());
            if let (Some(z), Some(h), Some(d)) = (z, h, delta.as_slice_mut()) {
                chain::backward(&tape.directions, self.activation, z, h, d);
            }
            end = offset;
        }
    }

    /// The weights and the bias of a layer at a place of the vector, and the place after it.
    fn layer<'a>(&self, theta: &'a [f64], layer: usize, offset: usize) -> (&'a [f64], &'a [f64], usize) {
        let (fan_in, fan_out) = (self.sizes[layer], self.sizes[layer + 1]);
        let (weights, rest) = theta[offset..].split_at(fan_in * fan_out);
        (weights, &rest[..fan_out], offset + (fan_in + 1) * fan_out)
    }
}
