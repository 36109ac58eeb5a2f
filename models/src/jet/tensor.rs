//! The same network of Burn's operations: on any device, in any precision, differentiable in reverse for the weights.

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};
use ndarray::ArrayView2;

use super::{Activation, Directions, Mlp};

/// The network of an [`Mlp`] with its weights as tensors.
#[derive(Module, Debug)]
pub struct TensorMlp {
    /// `[in, out]` of every layer.
    weights: Vec<Param<Tensor<2>>>,
    /// `[1, out]` of every layer.
    biases: Vec<Param<Tensor<2>>>,
    #[module(skip)]
    network: Mlp,
}

impl TensorMlp {
    /// The network with the weights `theta`, in the layout of [`Mlp`].
    pub fn new(network: &Mlp, theta: &[f64], dtype: DType, device: &Device) -> Self {
        let tensor = |values: &[f64], shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, dtype)))
        };
        let (mut weights, mut biases, mut rest) = (Vec::new(), Vec::new(), theta);
        for pair in network.sizes().windows(2) {
            let (w, after) = rest.split_at(pair[0] * pair[1]);
            let (b, after) = after.split_at(pair[1]);
            weights.push(tensor(w, [pair[0], pair[1]]));
            biases.push(tensor(b, [1, pair[1]]));
            rest = after;
        }
        Self { weights, biases, network: network.clone() }
    }

    /// The derivatives of what was differentiated with respect to the weights, in the layout of [`Mlp`]; zero where it does not depend
    /// on a weight.
    pub fn gradient(&self, gradients: &Gradients) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.network.parameters());
        for (weight, bias) in self.weights.iter().zip(&self.biases) {
            for tensor in [weight.val(), bias.val()] {
                let values = tensor.grad(gradients).map(|g| g.into_data().convert::<f64>());
                match values.and_then(|v| v.try_to_vec::<f64>().ok()) {
                    Some(values) => theta.extend(values),
                    None => theta.resize(theta.len() + tensor.shape().num_elements(), 0.0),
                }
            }
        }
        theta
    }

    /// The jet `[component · sample, output]` at points `[sample, input]`.
    pub fn jet(&self, points: ArrayView2<'_, f64>, directions: &Directions) -> Tensor<2> {
        let features = self.network.embedding().jet(points, directions);
        let shape = [features.nrows(), features.ncols()];
        let first = &self.weights[0];
        let data = TensorData::new(features.into_raw_vec_and_offset().0, shape);
        let mut h = Tensor::<2>::from_data(data, (&first.device(), first.dtype()));
        let (layers, samples) = (self.weights.len(), points.nrows());
        for (l, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            let z = h.matmul(weight.val());
            let mut parts = split(&z, directions.components(), samples);
            parts[0] = parts[0].clone() + bias.val();
            if l + 1 < layers {
                parts = chain(&parts, directions, self.network.activation());
            }
            h = Tensor::cat(parts, 0);
        }
        h
    }
}

/// The components of a stack.
fn split(stack: &Tensor<2>, components: usize, samples: usize) -> Vec<Tensor<2>> {
    (0..components).map(|c| stack.clone().narrow(0, c * samples, samples)).collect()
}

/// Faà di Bruno's rule, component by component.
fn chain(z: &[Tensor<2>], directions: &Directions, activation: Activation) -> Vec<Tensor<2>> {
    let s = derivatives(activation, z[0].clone(), directions.order());
    let s = |k: usize| s[k].clone();
    let mut h = vec![s(0)];
    for line in directions.lines() {
        let at = |k: usize| z[line.first + k - 1].clone();
        h.push(s(1) * at(1));
        if line.order >= 2 {
            h.push(s(2) * at(1).square() + s(1) * at(2));
        }
        if line.order >= 3 {
            let mixed = (at(1) * at(2)).mul_scalar(3.0);
            h.push(s(3) * at(1).square() * at(1) + s(2) * mixed + s(1) * at(3));
        }
        if line.order >= 4 {
            let mixed = at(2).square().mul_scalar(3.0) + (at(1) * at(3)).mul_scalar(4.0);
            let cubic = (s(3) * at(1).square() * at(2)).mul_scalar(6.0);
            h.push(s(4) * at(1).square().square() + cubic + s(2) * mixed + s(1) * at(4));
        }
    }
    if let Some(collapsed) = directions.collapsed() {
        let squares = directions.collapsed_lines().iter().map(|l| z[l.first].clone().square());
        let second = s(1) * z[collapsed.slot].clone();
        h.push(match squares.reduce(|a, b| a + b) {
            Some(squares) => second + s(2) * squares,
            None => second,
        });
    }
    h
}

/// `σ, σ′, …, σ^(order)`.
fn derivatives(activation: Activation, z: Tensor<2>, order: usize) -> Vec<Tensor<2>> {
    let one_minus = |x: Tensor<2>| x.neg().add_scalar(1.0);
    let mut s = match activation {
        Activation::Tanh => {
            let t = z.tanh();
            let s1 = one_minus(t.clone().square());
            let s2 = (t.clone() * s1.clone()).mul_scalar(-2.0);
            let s3 = (s1.clone().square() + t.clone() * s2.clone()).mul_scalar(-2.0);
            let s4 = ((s1.clone() * s2.clone()).mul_scalar(3.0) + t.clone() * s3.clone()).mul_scalar(-2.0);
            vec![t, s1, s2, s3, s4]
        }
        Activation::Sine => {
            let (sin, cos) = (z.clone().sin(), z.cos());
            vec![sin.clone(), cos.clone(), sin.clone().neg(), cos.neg(), sin]
        }
        Activation::Gelu => {
            let q = z.clone().square();
            let cdf =
                z.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5);
            let pdf = q.clone().mul_scalar(-0.5).exp().mul_scalar((0.5 / std::f64::consts::PI).sqrt());
            let odd = z.clone() * pdf.clone();
            vec![
                z * cdf.clone(),
                cdf + odd.clone(),
                pdf.clone() * q.clone().neg().add_scalar(2.0),
                odd * q.clone().sub_scalar(4.0),
                pdf * (q.clone().neg().add_scalar(7.0) * q).sub_scalar(4.0),
            ]
        }
        Activation::Swish => {
            let g = z.clone().mul_scalar(0.5).tanh().add_scalar(1.0).mul_scalar(0.5);
            let turn = one_minus(g.clone().mul_scalar(2.0));
            let g1 = g.clone() * one_minus(g.clone());
            let g2 = g1.clone() * turn.clone();
            let g3 = g2.clone() * turn.clone() - g1.clone().square().mul_scalar(2.0);
            let g4 = g3.clone() * turn - (g1.clone() * g2.clone()).mul_scalar(6.0);
            vec![
                z.clone() * g.clone(),
                z.clone() * g1.clone() + g,
                z.clone() * g2.clone() + g1.mul_scalar(2.0),
                z.clone() * g3.clone() + g2.mul_scalar(3.0),
                z * g4 + g3.mul_scalar(4.0),
            ]
        }
    };
    s.truncate(order + 1);
    s
}
