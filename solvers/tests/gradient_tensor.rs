//! Gradients of solves of Burn tensors: those of the same network by hand.

#![allow(clippy::unwrap_used)]

use burn::module::Param;
use burn::tensor::{DType, Device, Tensor, TensorData};
use flowmap_solvers::control::Control;
use flowmap_solvers::gradient::{Adjoint, Autodiff, Checkpointed, Gradient, Loss, Reversible};
use flowmap_solvers::increment::{Ordinary, with_vector_jacobian};
use flowmap_solvers::solve::{SaveAt, Solution, SolveOptions};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, RK4, RungeKutta};
use flowmap_solvers::stepper::reversible::{Coupled, ReversibleHeun};
use flowmap_solvers::stepper::scheme::Differentiable;

type Theta = Param<Tensor<2>>;
type Host = [f64; 6];

/// `ẏ = tanh(y A) + sin t`, rows of `y` apart.
fn network(theta: &Theta, t: f64, y: Tensor<2>) -> Tensor<2> {
    y.matmul(theta.val()).tanh().add_scalar(t.sin())
}

const A: [[f64; 2]; 2] = [[-0.3, 0.9], [-1.1, 0.2]];
const Y0: Host = [0.5, -0.2, 1.0, 0.3, -0.7, 0.8];

fn on_host<M>(scheme: M, gradient: Gradient, control: Control) -> (f64, Host, Vec<f64>)
where
    M: Differentiable<Host, Ordinary<flowmap_solvers::increment::WithVectorJacobian<HostField, HostPull>>>,
{
    let field: HostField = |t, y, dy| {
        for r in 0..3 {
            for j in 0..2 {
                dy[2 * r + j] = (y[2 * r] * A[0][j] + y[2 * r + 1] * A[1][j]).tanh() + t.sin();
            }
        }
    };
    let pull: HostPull = |_t, y, v, scale, y_bar, gradient| {
        for r in 0..3 {
            for j in 0..2 {
                let u = (y[2 * r] * A[0][j] + y[2 * r + 1] * A[1][j]).tanh();
                let by = scale * v[2 * r + j] * (1.0 - u * u);
                for i in 0..2 {
                    y_bar[2 * r + i] += by * A[i][j];
                    gradient[2 * i + j] += by * y[2 * r + i];
                }
            }
        }
    };
    let loss = |s: &Solution<Host>| {
        let value = s.ys.iter().flatten().map(|y| y * y).sum();
        Loss::new(value, s.ys.iter().map(|y| y.map(|y| 2.0 * y)).collect())
    };
    let found = Adjoint::new(gradient)
        .differentiate(
            scheme,
            Ordinary(with_vector_jacobian(4, field, pull)),
            &Y0,
            &mut options(control),
            loss,
        )
        .unwrap();
    (found.value, found.y0, found.parameters)
}

type HostField = fn(f64, &Host, &mut Host);
type HostPull = fn(f64, &Host, &Host, f64, &mut Host, &mut Vec<f64>);

fn options<Y>(control: Control) -> SolveOptions<Y> {
    SolveOptions::new(0.0, 2.0, control).save(SaveAt::Times(vec![0.0, 0.33, 1.0, 1.71, 2.0]))
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.to_data().convert::<f64>().to_vec::<f64>().unwrap()
}

fn on_tensors<M, F>(scheme: M, gradient: Gradient, control: Control, field: F) -> (f64, Vec<f64>, Vec<f64>)
where
    F: flowmap_solvers::increment::VectorJacobian<
            Tensor<2>,
            Gradient = flowmap_solvers::gradient::ParameterGradient,
        >,
    M: Differentiable<Tensor<2>, Ordinary<F>>,
{
    let y0 = Tensor::<2>::from_data(TensorData::new(Y0.to_vec(), [3, 2]), (&Device::flex(), DType::F64));
    let loss = |s: &Solution<Tensor<2>>| {
        let value = s.ys.iter().map(|y| y.clone().powi_scalar(2).sum().into_scalar::<f64>()).sum();
        Loss::new(value, s.ys.iter().map(|y| y.clone().mul_scalar(2.0)).collect())
    };
    let found = Adjoint::new(gradient)
        .differentiate(scheme, Ordinary(field), &y0, &mut options(control), loss)
        .unwrap();
    (found.value, values(&found.y0), values(found.parameters.entries()[0].as_ref().unwrap()))
}

fn agree((v, y, p): (f64, Vec<f64>, Vec<f64>), (w, z, q): (f64, Host, Vec<f64>), name: &str) {
    assert!((v - w).abs() < 1e-10 * w.abs(), "{name}: {v} and {w}");
    for (a, b) in y.iter().chain(&p).zip(z.iter().chain(&q)) {
        assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{name}: {y:?} {p:?} and {z:?} {q:?}");
    }
}

#[test]
fn tensors_and_host_arrays_have_one_gradient() {
    let device = Device::flex();
    let a = TensorData::new(A.concat(), [2, 2]);
    let theta: Theta = Param::from_tensor(Tensor::from_data(a, (&device.autodiff(), DType::F64)));
    let field = || Autodiff::new(theta.clone(), network);
    let (fixed, adaptive) = (Control::Fixed { dt: 0.05 }, Control::adaptive(1e-7, 1e-9));
    let kinds = [
        Gradient::StepCheckpoint {},
        Gradient::Direct {},
        Gradient::Checkpointed(Checkpointed { slots: Some(3), budget_mb: None }),
        Gradient::Reversible(Reversible { segment: Some(10), tolerance: 1e-9 }),
    ];
    for kind in kinds {
        for control in [fixed, adaptive] {
            agree(
                on_tensors(RungeKutta::new(&DOPRI5), kind, control, field()),
                on_host(RungeKutta::new(&DOPRI5), kind, control),
                kind.name(),
            );
        }
        agree(
            on_tensors(ReversibleHeun::new(), kind, fixed, field()),
            on_host(ReversibleHeun::new(), kind, fixed),
            kind.name(),
        );
        agree(
            on_tensors(Coupled::new(&RK4, 0.99), kind, fixed, field()),
            on_host(Coupled::new(&RK4, 0.99), kind, fixed),
            kind.name(),
        );
    }
    // The gradient as an optimiser takes it has the shape of the parameter.
    let mut gradient = Autodiff::new(theta.clone(), network);
    let y = Tensor::<2>::from_data(TensorData::new(Y0.to_vec(), [3, 2]), (&Device::flex(), DType::F64));
    let (mut y_bar, mut sum) = (y.zeros_like(), Default::default());
    use flowmap_solvers::increment::VectorJacobian;
    gradient.vector_jacobian(0.0, &y, &y, 1.0, &mut y_bar, &mut sum);
    let params = sum.into_params(&theta);
    assert_eq!(params.get::<2>(theta.id).unwrap().dims(), [2, 2]);
}
