//! By the backend's operations, a step after the other.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

use super::{FieldKind, Monomial, Solve};

/// The states.
pub(crate) fn forward<B: Backend>(
    y0: FloatTensor<B>,
    parameters: FloatTensor<B>,
    solve: &Solve,
) -> FloatTensor<B> {
    let nets = networks::<B>(parameters, solve);
    let mut y = y0;
    let mut states = Vec::with_capacity(solve.saves.len());
    let mut saves = solve.saves.iter().peekable();
    for step in 0..=solve.steps.len() {
        while saves.next_if(|s| **s == step).is_some() {
            let [batch, dim] = y.shape().dims::<2>();
            states.push(B::float_reshape(y.clone(), Shape::from([1, batch, dim])));
        }
        let Some(h) = solve.steps.get(step) else { break };
        let mut stages: Vec<FloatTensor<B>> = Vec::with_capacity(solve.tableau.stages());
        for i in 0..solve.tableau.stages() {
            let at = plus_stages::<B>(y.clone(), *h, solve.tableau.row(i), &stages);
            stages.push(slope::<B>(&nets, at, solve));
        }
        y = plus_stages::<B>(y, *h, solve.tableau.b, &stages);
    }
    B::float_cat(states, 0)
}

/// A tape of its own.
type Tape<B> = Autodiff<B>;

/// The gradients by the start and the parameters: a solve on a tape of its own.
pub(crate) fn backward<B: Backend>(
    y0: FloatTensor<B>,
    parameters: FloatTensor<B>,
    grad: FloatTensor<B>,
    solve: &Solve,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let leaf = |x: &FloatTensor<B>| {
        <Tape<B> as FloatTensorOps<Tape<B>>>::float_set_require_grad(Tape::<B>::from_inner(x.clone()), true)
    };
    let (start, theta) = (leaf(&y0), leaf(&parameters));
    let states = forward::<Tape<B>>(start.clone(), theta.clone(), solve);
    let weighted = <Tape<B> as FloatTensorOps<Tape<B>>>::float_mul(states, Tape::<B>::from_inner(grad));
    let gradients = Tape::<B>::backward(<Tape<B> as FloatTensorOps<Tape<B>>>::float_sum(weighted));
    let read = |x: &FloatTensor<Tape<B>>, like: FloatTensor<B>| {
        Tape::<B>::grad(x, &gradients)
            .unwrap_or_else(|| B::float_zeros(like.shape(), &like.device(), like.dtype().into()))
    };
    (read(&start, y0), read(&theta, parameters))
}

/// `(Wᵀ, b)` of every layer, `[in, out]` and `[1, out]`.
type Network<B> = Vec<(FloatTensor<B>, FloatTensor<B>)>;

fn networks<B: Backend>(parameters: FloatTensor<B>, solve: &Solve) -> Vec<Network<B>> {
    let mut first = 0;
    let mut take = |count: usize| {
        let part = B::float_slice(parameters.clone(), &[Slice::from(first..first + count)]);
        first += count;
        part
    };
    (0..solve.field.networks())
        .map(|_| {
            let layer = |s: &[usize]| {
                let w = B::float_reshape(take(s[0] * s[1]), Shape::from([s[1], s[0]]));
                (B::float_transpose(w), B::float_reshape(take(s[1]), Shape::from([1, s[1]])))
            };
            solve.field.sizes.windows(2).map(layer).collect()
        })
        .collect()
}

/// `f(y)`.
fn slope<B: Backend>(nets: &[Network<B>], y: FloatTensor<B>, solve: &Solve) -> FloatTensor<B> {
    let [_, dim] = y.shape().dims::<2>();
    let part = |x: &FloatTensor<B>, from: usize, to: usize| {
        B::float_slice(x.clone(), &[Slice::full(), Slice::from(from..to)])
    };
    let half = dim / 2;
    let mut dy = match solve.field.kind {
        FieldKind::Plain => {
            let hidden = hidden::<B>(&nets[0], y.clone());
            let (w, b) = &nets[0][nets[0].len() - 1];
            let x = hidden.last().cloned().unwrap_or_else(|| y.clone());
            B::float_add(B::float_matmul(x, w.clone()), b.clone())
        }
        FieldKind::Hamiltonian => {
            let g = gradient::<B>(&nets[0], y.clone());
            B::float_cat(vec![part(&g, half, dim), B::float_neg(part(&g, 0, half))], 1)
        }
        FieldKind::Lagrangian => {
            let velocity = part(&y, half, dim);
            let acceleration = acceleration::<B>(&nets[0], y.clone());
            B::float_cat(vec![velocity, acceleration], 1)
        }
        FieldKind::Separable => {
            let velocity = gradient::<B>(&nets[0], part(&y, half, dim));
            let force = B::float_neg(gradient::<B>(&nets[1], part(&y, 0, half)));
            B::float_cat(vec![velocity, force], 1)
        }
    };
    for term in &solve.field.known {
        dy = B::float_add(dy, monomial::<B>(&y, term));
    }
    dy
}

fn hidden<B: Backend>(net: &Network<B>, y: FloatTensor<B>) -> Vec<FloatTensor<B>> {
    let mut layers: Vec<FloatTensor<B>> = Vec::new();
    for (w, b) in &net[..net.len() - 1] {
        let x = layers.last().cloned().unwrap_or_else(|| y.clone());
        layers.push(B::float_tanh(B::float_add(B::float_matmul(x, w.clone()), b.clone())));
    }
    layers
}

/// The gradient of a network with one output.
fn gradient<B: Backend>(net: &Network<B>, y: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, _] = y.shape().dims::<2>();
    let hidden = hidden::<B>(net, y.clone());
    let ones = B::float_ones(Shape::from([batch, 1]), &y.device(), y.dtype().into());
    let mut g = B::float_matmul(ones, B::float_transpose(net[net.len() - 1].0.clone()));
    for (h, (w, _)) in hidden.into_iter().zip(net).rev() {
        let square = B::float_mul(h.clone(), h);
        g = B::float_sub(g.clone(), B::float_mul(g, square));
        g = B::float_matmul(g, B::float_transpose(w.clone()));
    }
    g
}

/// The derivative along a direction of the gradient of a network with one output.
fn gradient_along<B: Backend>(
    net: &Network<B>,
    y: FloatTensor<B>,
    direction: FloatTensor<B>,
) -> FloatTensor<B> {
    let [batch, _] = y.shape().dims::<2>();
    let hidden = hidden::<B>(net, y.clone());
    let damped = |x: FloatTensor<B>, h: &FloatTensor<B>| {
        let square = B::float_mul(h.clone(), h.clone());
        B::float_sub(x.clone(), B::float_mul(x, square))
    };
    let mut along: Vec<FloatTensor<B>> = Vec::new();
    for (h, (w, _)) in hidden.iter().zip(net) {
        let x = along.last().cloned().unwrap_or_else(|| direction.clone());
        along.push(damped(B::float_matmul(x, w.clone()), h));
    }
    let ones = B::float_ones(Shape::from([batch, 1]), &y.device(), y.dtype().into());
    let mut g = B::float_matmul(ones, B::float_transpose(net[net.len() - 1].0.clone()));
    let mut dg = B::float_mul_scalar(g.clone(), 0.0.into());
    for ((h, dh), (w, _)) in hidden.iter().zip(along).zip(net).rev() {
        let bend = B::float_mul_scalar(B::float_mul(h.clone(), dh), (-2.0).into());
        dg = B::float_add(damped(dg, h), B::float_mul(bend, g.clone()));
        g = damped(g, h);
        let back = B::float_transpose(w.clone());
        (g, dg) = (B::float_matmul(g, back.clone()), B::float_matmul(dg, back));
    }
    dg
}

/// `(∂²L/∂v²)⁻¹ (∂L/∂q − (∂²L/∂v∂q) v)` of `L = ½ |v|² +` the network.
fn acceleration<B: Backend>(net: &Network<B>, y: FloatTensor<B>) -> FloatTensor<B> {
    let [batch, dim] = y.shape().dims::<2>();
    let n = dim / 2;
    let column =
        |x: &FloatTensor<B>, i: usize| B::float_slice(x.clone(), &[Slice::full(), Slice::from(i..i + 1)]);
    let slope = gradient::<B>(net, y.clone());
    let (mut mass, mut force) = (Vec::new(), Vec::new());
    for j in 0..n {
        let of = |n: usize, value: f64| {
            B::float_full(Shape::from([batch, n]), value.into(), &y.device(), y.dtype().into())
        };
        let mut unit = vec![of(n + j, 0.0), of(1, 1.0)];
        if j + 1 < n {
            unit.push(of(n - j - 1, 0.0));
        }
        let unit = B::float_cat(unit, 1);
        let along = gradient_along::<B>(net, y.clone(), unit);
        let turning = (0..n).map(|k| B::float_mul(column(&along, k), column(&y, n + k)));
        force.push(turning.fold(column(&slope, j), |f, t| B::float_sub(f, t)));
        let row = (0..n).map(|k| {
            let entry = column(&along, n + k);
            if k == j { B::float_add_scalar(entry, 1.0.into()) } else { entry }
        });
        mass.push(row.collect::<Vec<_>>());
    }
    // Gauss' elimination, of a matrix that is near the identity at first.
    for j in 0..n {
        for i in j + 1..n {
            let factor = B::float_div(mass[i][j].clone(), mass[j][j].clone());
            for k in j..n {
                let less = B::float_mul(factor.clone(), mass[j][k].clone());
                mass[i][k] = B::float_sub(mass[i][k].clone(), less);
            }
            force[i] = B::float_sub(force[i].clone(), B::float_mul(factor, force[j].clone()));
        }
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            let less = B::float_mul(mass[i][k].clone(), force[k].clone());
            force[i] = B::float_sub(force[i].clone(), less);
        }
        force[i] = B::float_div(force[i].clone(), mass[i][i].clone());
    }
    B::float_cat(force, 1)
}

/// A known term in its entry, zeros in the others.
fn monomial<B: Backend>(y: &FloatTensor<B>, term: &Monomial) -> FloatTensor<B> {
    let [batch, dim] = y.shape().dims::<2>();
    let of = |n: usize, value: f64| {
        B::float_full(Shape::from([batch, n]), value.into(), &y.device(), y.dtype().into())
    };
    let mut product = of(1, term.coefficient);
    for (i, p) in term.powers.iter().enumerate() {
        for _ in 0..*p {
            let x = B::float_slice(y.clone(), &[Slice::full(), Slice::from(i..i + 1)]);
            product = B::float_mul(product, x);
        }
    }
    let mut columns = Vec::new();
    if term.entry > 0 {
        columns.push(of(term.entry, 0.0));
    }
    columns.push(product);
    if term.entry + 1 < dim {
        columns.push(of(dim - term.entry - 1, 0.0));
    }
    B::float_cat(columns, 1)
}

/// `y + h Σ wᵢ kᵢ`.
fn plus_stages<B: Backend>(
    y: FloatTensor<B>,
    h: f64,
    weights: &[f64],
    stages: &[FloatTensor<B>],
) -> FloatTensor<B> {
    let used = weights.iter().zip(stages).filter(|(w, _)| **w != 0.0);
    used.fold(y, |y, (w, k)| B::float_add(y, B::float_mul_scalar(k.clone(), (h * w).into())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::backend::Flex;
    use burn::backend::ops::FloatTensorOps;
    use burn::tensor::TensorData;
    use flowmap_solvers::stepper::explicit_rk::RK4;

    use super::super::{FieldSpec, flex_backward, flex_forward};
    use super::*;

    #[test]
    fn the_composed_form_is_the_kernel() {
        let known = vec![Monomial { entry: 1, coefficient: -0.7, powers: vec![2, 1] }];
        let kinds = [FieldKind::Plain, FieldKind::Hamiltonian, FieldKind::Lagrangian, FieldKind::Separable];
        for kind in kinds {
            let field = FieldSpec::new(kind, 2, &[5, 4], known.clone());
            let solve = Solve::at(field.clone(), &RK4, &[0.0, 0.3, 0.5], 0.1).unwrap();
            let tensor = |shape: Vec<usize>, step: f64| {
                let values: Vec<f64> =
                    (0..shape.iter().product()).map(|i| (step * (i + 1) as f64).sin()).collect();
                Flex::float_from_data(TensorData::new(values, shape), &Default::default())
            };
            let read = |x: FloatTensor<Flex>| x.to_contiguous().as_slice::<f64>().unwrap().to_vec();
            let (y0, theta) = (tensor(vec![3, 2], 0.7), tensor(vec![field.parameters()], 1.1));
            let grad = tensor(vec![3, 3, 2], 0.3);
            let (states, starts) = flex_forward(y0.clone(), theta.clone(), &solve);
            let kernel = flex_backward(y0.clone(), theta.clone(), starts, grad.clone(), &solve);
            let composed = backward::<Flex>(y0.clone(), theta.clone(), grad, &solve);
            let pairs = [
                (states, forward::<Flex>(y0, theta, &solve)),
                (kernel.0, composed.0),
                (kernel.1, composed.1),
            ];
            for (place, (a, b)) in pairs.into_iter().enumerate() {
                let (a, b) = (read(a), read(b));
                assert_eq!(a.len(), b.len());
                let near = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs().max(1.0));
                assert!(near, "{kind:?} {place}: {a:?} {b:?}");
            }
        }
    }
}
