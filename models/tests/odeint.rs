//! Solves of neural differential equations: the kernel against tensor operations, gradients against differences.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, TensorData};
use flowmap_models::fused::{FieldKind, FieldSpec, HostField, Monomial, Solve, SolveError, odeint};
use flowmap_solvers::control::Control;
use flowmap_solvers::increment::VectorJacobian;
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk, RK4, TSIT5};
use ndarray::Array2;

/// Numbers without order, between plus and minus `size`; in f32 and f64 the same.
fn numbers(count: usize, seed: u64, size: f64) -> Vec<f64> {
    let mut state = seed;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0
    };
    (0..count).map(|_| f64::from((size * draw()) as f32)).collect()
}

fn fields() -> Vec<FieldSpec> {
    let known = vec![
        Monomial { entry: 1, coefficient: -0.7, powers: vec![2, 1, 0] },
        Monomial { entry: 2, coefficient: 0.4, powers: vec![0, 0, 1] },
        Monomial { entry: 0, coefficient: 0.1, powers: vec![0, 0, 0] },
    ];
    vec![
        FieldSpec::new(FieldKind::Plain, 2, &[16, 9], vec![]),
        FieldSpec::new(FieldKind::Plain, 3, &[7], known),
        FieldSpec::new(FieldKind::Plain, 2, &[], vec![]),
        FieldSpec::new(FieldKind::Hamiltonian, 4, &[11, 6], vec![]),
        FieldSpec::new(FieldKind::Hamiltonian, 2, &[13], vec![]),
        FieldSpec::new(FieldKind::Separable, 4, &[5, 6], vec![]),
        FieldSpec::new(FieldKind::Lagrangian, 2, &[9, 8], vec![]),
        FieldSpec::new(FieldKind::Lagrangian, 4, &[11, 6], vec![]),
    ]
}

/// Parameters; those of a Lagrangian so small that masses stay near one.
fn parameters(field: &FieldSpec) -> Vec<f64> {
    let size = if field.kind == FieldKind::Lagrangian { 0.3 } else { 0.7 };
    numbers(field.parameters(), 5, size)
}

/// A field by tensor operations, as its definition says.
fn slope(spec: &FieldSpec, y: Tensor<2>, theta: &Tensor<1>) -> Tensor<2> {
    let [batch, dim] = y.dims();
    let half = dim / 2;
    let count = spec.parameters() / spec.networks();
    let layers = |net: usize| -> Vec<(Tensor<2>, Tensor<2>)> {
        let mut first = net * count;
        let mut take = |n: usize| {
            first += n;
            theta.clone().narrow(0, first - n, n)
        };
        let layer = |s: &[usize]| (take(s[0] * s[1]).reshape([s[1], s[0]]), take(s[1]).reshape([1, s[1]]));
        spec.sizes.windows(2).map(layer).collect()
    };
    let hidden = |net: &[(Tensor<2>, Tensor<2>)], y: &Tensor<2>| {
        let mut x = vec![y.clone()];
        for (w, b) in &net[..net.len() - 1] {
            let next = x.last().unwrap().clone().matmul(w.clone().transpose()) + b.clone();
            x.push(next.tanh());
        }
        x
    };
    let gradient = |net: usize, y: Tensor<2>| {
        let net = layers(net);
        let x = hidden(&net, &y);
        let mut g = net[net.len() - 1].0.clone().repeat_dim(0, batch);
        for ((w, _), h) in net[..net.len() - 1].iter().zip(&x[1..]).rev() {
            g = (g * (h.clone().powi_scalar(2).neg() + 1.0)).matmul(w.clone());
        }
        g
    };
    // The second derivative along two directions, both carried forward.
    let second = |y: &Tensor<2>, first: Tensor<2>, other: Tensor<2>| {
        let net = layers(0);
        let mut x = [y.clone(), first, other, y.clone() * 0.0];
        for (layer, (w, b)) in net.iter().enumerate() {
            let [a, a1, a2, a12] = x.map(|x| x.matmul(w.clone().transpose()));
            if layer + 1 == net.len() {
                return a12;
            }
            let h = (a + b.clone()).tanh();
            let s = h.clone().powi_scalar(2).neg() + 1.0;
            let bent = h.clone() * s.clone() * a1.clone() * a2.clone() * -2.0;
            x = [h, s.clone() * a1, s.clone() * a2, s * a12 + bent];
        }
        x[3].clone()
    };
    let acceleration = |y: &Tensor<2>| {
        let unit = |i: usize| {
            let unit: Vec<f64> = (0..batch * dim).map(|k| f64::from(u8::from(k % dim == half + i))).collect();
            Tensor::<2>::from_data(TensorData::new(unit, [batch, dim]), (&y.device(), y.dtype()))
        };
        let (v, slope) = (y.clone().narrow(1, half, half), gradient(0, y.clone()));
        let moving = Tensor::cat(vec![v, y.clone().narrow(1, 0, half) * 0.0], 1);
        let force = |i: usize| slope.clone().narrow(1, i, 1) - second(y, unit(i), moving.clone());
        let mass = |i: usize, j: usize| second(y, unit(i), unit(j)) + f64::from(u8::from(i == j));
        if half == 1 {
            return force(0) / mass(0, 0);
        }
        let determinant = mass(0, 0) * mass(1, 1) - mass(0, 1) * mass(1, 0);
        let first = mass(1, 1) * force(0) - mass(0, 1) * force(1);
        let other = mass(0, 0) * force(1) - mass(1, 0) * force(0);
        Tensor::cat(vec![first / determinant.clone(), other / determinant], 1)
    };
    let (q, p) = (y.clone().narrow(1, 0, half), y.clone().narrow(1, half, dim - half));
    let mut dy = match spec.kind {
        FieldKind::Plain => {
            let net = layers(0);
            let (w, b) = net.last().unwrap().clone();
            hidden(&net, &y).pop().unwrap().matmul(w.transpose()) + b
        }
        FieldKind::Hamiltonian => {
            let g = gradient(0, y.clone());
            Tensor::cat(vec![g.clone().narrow(1, half, half), g.narrow(1, 0, half).neg()], 1)
        }
        FieldKind::Lagrangian => Tensor::cat(vec![p, acceleration(&y)], 1),
        FieldKind::Separable => Tensor::cat(vec![gradient(0, p), gradient(1, q).neg()], 1),
    };
    for term in &spec.known {
        let mut product = y.clone().narrow(1, 0, 1) * 0.0 + term.coefficient;
        for (i, p) in term.powers.iter().enumerate() {
            product = product * y.clone().narrow(1, i, 1).powi_scalar(*p as i32);
        }
        let mask: Vec<f64> = (0..dim).map(|i| f64::from(u8::from(i == term.entry))).collect();
        dy = dy + product * Tensor::<2>::from_data(TensorData::new(mask, [1, dim]), (&y.device(), y.dtype()));
    }
    dy
}

fn reference(plan: &Solve, y0: Tensor<2>, theta: Tensor<1>) -> Tensor<3> {
    let mut y = y0;
    let mut states = Vec::new();
    for step in 0..=plan.steps.len() {
        plan.saves.iter().filter(|s| **s == step).for_each(|_| states.push(y.clone()));
        let Some(h) = plan.steps.get(step) else { break };
        let mut k: Vec<Tensor<2>> = Vec::new();
        for i in 0..plan.tableau.stages() {
            let row = plan.tableau.row(i);
            let at = row.iter().zip(&k).fold(y.clone(), |at, (a, k)| at + k.clone() * (h * a));
            k.push(slope(&plan.field, at, &theta));
        }
        y = plan.tableau.b.iter().zip(k).fold(y, |y, (b, k)| y + k * (h * b));
    }
    Tensor::stack(states, 0)
}

type Way = fn(&Arc<Solve>, Tensor<2>, Tensor<1>) -> Tensor<3>;

/// The states, and the gradients of a weighted sum of them by the start and the parameters.
fn run(plan: &Arc<Solve>, y0: &[f64], theta: &[f64], dtype: DType, way: Way) -> [Vec<f64>; 3] {
    let device = Device::flex().autodiff();
    let dim = plan.field.dim();
    let start = TensorData::new(y0.to_vec(), [y0.len() / dim, dim]);
    let start = Tensor::<2>::from_data(start, (&device, dtype)).require_grad();
    let theta = TensorData::new(theta.to_vec(), [theta.len()]);
    let theta = Tensor::<1>::from_data(theta, (&device, dtype)).require_grad();
    let states = way(plan, start.clone(), theta.clone());
    let shape = states.dims();
    let weights: Vec<f64> = (0..shape.iter().product()).map(|i| f64::from((0.7 * i as f32).cos())).collect();
    let weights = Tensor::<3>::from_data(TensorData::new(weights, shape), (&device, dtype));
    let gradients = (states.clone() * weights).sum().backward();
    fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
        x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
    }
    [read(states), read(start.grad(&gradients).unwrap()), read(theta.grad(&gradients).unwrap())]
}

fn assert_near(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = b.iter().fold(1e-3_f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a} and {b}, of {scale}");
    }
}

fn fused(plan: &Arc<Solve>, y0: Tensor<2>, theta: Tensor<1>) -> Tensor<3> {
    odeint(plan, y0, theta).unwrap()
}

#[test]
fn the_kernel_is_the_definition_to_rounding() {
    for (case, field) in fields().into_iter().enumerate() {
        for (tableau, batch) in [(&RK4, 3), (&TSIT5, 70), (&DOPRI5, 33), (&RK4, 131)] {
            let mut plan = Solve::at(field.clone(), tableau, &[0.0, 0.2, 0.25, 0.6], 0.15).unwrap();
            plan.saves.insert(2, 2);
            let plan = Arc::new(plan);
            let y0 = numbers(batch * field.dim(), 3, 1.0);
            let theta = parameters(&field);
            let exact = run(&plan, &y0, &theta, DType::F64, |s, y, t| reference(s, y, t));
            for (dtype, tolerance) in [(DType::F32, 2e-5), (DType::F64, 1e-13)] {
                let found = run(&plan, &y0, &theta, dtype, fused);
                for (name, (a, b)) in ["states", "start", "parameters"].iter().zip(found.iter().zip(&exact)) {
                    let what = format!("field {case}, {}, batch {batch}, {dtype:?}: {name}", tableau.name);
                    assert_near(&what, a, b, tolerance);
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_differences() {
    for field in fields() {
        let plan = Arc::new(Solve::at(field.clone(), &RK4, &[0.0, 0.5, 1.0], 0.25).unwrap());
        let (y0, theta) = (numbers(2 * field.dim(), 3, 1.0), parameters(&field));
        let [_, by_start, by_theta] = run(&plan, &y0, &theta, DType::F64, fused);
        let weighted = |y0: &[f64], theta: &[f64]| {
            let [states, ..] = run(&plan, y0, theta, DType::F64, fused);
            states.iter().enumerate().map(|(i, y)| y * f64::from((0.7 * i as f32).cos())).sum::<f64>()
        };
        let h = 1e-5;
        let slope = |x: &[f64], k: usize, f: &dyn Fn(&[f64]) -> f64| {
            let at = |h: f64| {
                let mut moved = x.to_vec();
                moved[k] += h;
                f(&moved)
            };
            (at(h) - at(-h)) / (2.0 * h)
        };
        for k in 0..y0.len() {
            let found = slope(&y0, k, &|y| weighted(y, &theta));
            assert!((found - by_start[k]).abs() < 1e-8, "start {k}: {found} {}", by_start[k]);
        }
        for k in (0..theta.len()).step_by(3) {
            let found = slope(&theta, k, &|t| weighted(&y0, t));
            assert!((found - by_theta[k]).abs() < 1e-8, "parameter {k}: {found} {}", by_theta[k]);
        }
    }
}

#[test]
fn the_host_field_moves_states_as_the_kernel_does_and_pulls_back() {
    for field in fields() {
        let dim = field.dim();
        let (y0, theta) = (numbers(11 * dim, 3, 1.0), parameters(&field));
        let plan = Arc::new(Solve::at(field.clone(), &RK4, &[0.0, 0.5], 0.125).unwrap());
        let [states, ..] = run(&plan, &y0, &theta, DType::F64, fused);
        let mut host = HostField::new(field.clone(), theta.clone()).unwrap();
        let start = Array2::from_shape_vec((11, dim), y0.clone()).unwrap();
        let mut options = SolveOptions::new(0.0, 0.5, Control::Fixed { dt: 0.125 }).save(SaveAt::End);
        let end =
            solve(&mut ExplicitRk::new(&RK4, host.clone(), &start), &start, &mut options).ys.pop().unwrap();
        assert_near("states", end.as_slice().unwrap(), &states[11 * dim..], 1e-14);

        let v = Array2::from_shape_vec((11, dim), numbers(11 * dim, 9, 1.0)).unwrap();
        let (mut y_bar, mut gradient) = (v.clone(), vec![0.0; theta.len()]);
        host.vector_jacobian(0.0, &start, &v, 0.5, &mut y_bar, &mut gradient);
        let weighted = |y: &[f64], theta: &[f64]| {
            let host = HostField::new(field.clone(), theta.to_vec()).unwrap();
            let mut dy = vec![0.0; y.len()];
            host.slope(y, &mut dy);
            dy.iter().zip(&v).map(|(d, v)| 0.5 * d * v).sum::<f64>()
        };
        let moved = |x: &[f64], k: usize, h: f64| {
            let mut x = x.to_vec();
            x[k] += h;
            x
        };
        let h = 1e-5;
        for k in 0..y0.len() {
            let found =
                (weighted(&moved(&y0, k, h), &theta) - weighted(&moved(&y0, k, -h), &theta)) / (2.0 * h);
            let given = (&y_bar - &v).into_raw_vec_and_offset().0[k];
            assert!((found - given).abs() < 1e-8, "entry {k}: {found} {given}");
        }
        for k in (0..theta.len()).step_by(2) {
            let found =
                (weighted(&y0, &moved(&theta, k, h)) - weighted(&y0, &moved(&theta, k, -h))) / (2.0 * h);
            assert!((found - gradient[k]).abs() < 1e-8, "parameter {k}: {found} {}", gradient[k]);
        }
    }
}

#[test]
fn twice_the_same_is_the_same_to_the_last_bit_and_nan_stays() {
    let field = FieldSpec::new(FieldKind::Plain, 2, &[16], vec![]);
    let plan = Arc::new(Solve::at(field.clone(), &RK4, &[0.0, 0.5], 0.1).unwrap());
    let (mut y0, theta) = (numbers(300, 3, 1.0), numbers(field.parameters(), 5, 0.7));
    let first = run(&plan, &y0, &theta, DType::F32, fused);
    assert_eq!(first, run(&plan, &y0, &theta, DType::F32, fused));
    y0[14] = f64::NAN;
    let [states, ..] = run(&plan, &y0, &theta, DType::F32, fused);
    assert!(states[314].is_nan() && states[316].is_finite());
}

#[test]
fn what_does_not_fit_is_refused() {
    let field = FieldSpec::new(FieldKind::Plain, 2, &[4], vec![]);
    let plan = |times: &[f64], longest: f64| Solve::at(field.clone(), &RK4, times, longest);
    assert!(matches!(plan(&[0.0, 1.0, 1.0], 0.1), Err(SolveError::Grid(m)) if m.contains("1 and 1")));
    assert!(matches!(plan(&[0.0, 1.0, 0.5], 0.1), Err(SolveError::Grid(_))));
    assert!(matches!(plan(&[0.0, f64::NAN], 0.1), Err(SolveError::Grid(_))));
    assert!(matches!(plan(&[0.0, 1.0], 0.0), Err(SolveError::Grid(_))));
    assert_eq!(plan(&[1.0, 0.0], 0.5).unwrap().steps, [-0.5, -0.5]);
    assert_eq!(plan(&[0.0, 0.3], 0.1).unwrap().steps.len(), 3);
    let plan = Arc::new(plan(&[0.0, 1.0], 0.5).unwrap());
    let device = Device::flex();
    let zeros = |n: usize, m: usize| Tensor::<2>::zeros([n, m], &device);
    let theta = |n: usize| Tensor::<1>::zeros([n], &device);
    assert_eq!(
        odeint(&plan, zeros(3, 3), theta(22)).unwrap_err(),
        SolveError::Dimension { given: 3, expected: 2 }
    );
    assert_eq!(
        odeint(&plan, zeros(3, 2), theta(9)).unwrap_err(),
        SolveError::Parameters { given: 9, expected: 22 }
    );
    assert!(odeint(&plan, zeros(3, 2), theta(22)).is_ok());
}
