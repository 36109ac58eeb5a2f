//! A Burn network as a field, differentiated one evaluation at a time.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};

use crate::field::VectorField;
use crate::increment::VectorJacobian;

/// `dy/dt = net(t, y)` with a module and a function of it, on plain tensors.
///
/// The tape of autodiff is that of one evaluation, and it is gone after its pull-back: the memory of a gradient is what
/// [`Gradient`](super::Gradient) says, whatever the number of steps. States have no autodiff; the module lives on a
/// device that has.
///
/// ```
/// use burn::module::Param;
/// use burn::tensor::{Device, Tensor};
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::gradient::{Adjoint, Autodiff, Gradient, Loss};
/// use flowmap_solvers::increment::Ordinary;
/// use flowmap_solvers::solve::SolveOptions;
/// use flowmap_solvers::stepper::explicit_rk::{RK4, RungeKutta};
///
/// let device = Device::flex();
/// let rate = Param::from_tensor(Tensor::<1>::from_floats([0.5], &device.clone().autodiff()));
/// let field = Autodiff::new(rate, |rate: &Param<Tensor<1>>, _t, y: Tensor<1>| -y * rate.val());
/// let y0 = Tensor::<1>::from_floats([2.0], &device);
/// let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.1 });
/// let found = Adjoint::new(Gradient::default())
///     .differentiate(RungeKutta::new(&RK4), Ordinary(field), &y0, &mut options, |solution| {
///         let end = solution.ys[0].clone();
///         Loss::new(end.clone().into_scalar::<f64>(), vec![end.ones_like()])
///     })
///     .unwrap();
/// let by_rate = found.parameters.entries()[0].clone().unwrap().into_scalar::<f64>();
/// assert!((by_rate + 2.0 * (-0.5_f64).exp()).abs() < 1e-5);
/// ```
#[derive(Clone, Debug)]
pub struct Autodiff<M, F> {
    module: M,
    plain: M,
    forward: F,
}

impl<M: Module, F> Autodiff<M, F> {
    /// Binds the module, on a device with autodiff, to `forward(module, t, y)`.
    pub fn new(module: M, forward: F) -> Self {
        Self { plain: module.valid(), module, forward }
    }

    /// The module.
    pub fn module(&self) -> &M {
        &self.module
    }
}

impl<const D: usize, M, F> VectorField<Tensor<D>> for Autodiff<M, F>
where
    M: Module,
    F: Fn(&M, f64, Tensor<D>) -> Tensor<D>,
{
    fn eval(&mut self, t: f64, y: &Tensor<D>, dy: &mut Tensor<D>) {
        *dy = (self.forward)(&self.plain, t, y.clone());
    }
}

impl<const D: usize, M, F> VectorJacobian<Tensor<D>> for Autodiff<M, F>
where
    M: Module,
    F: Fn(&M, f64, Tensor<D>) -> Tensor<D>,
{
    type Gradient = ParameterGradient;

    fn zero_gradient(&self) -> ParameterGradient {
        ParameterGradient::default()
    }

    fn vector_jacobian(
        &mut self,
        t: f64,
        y: &Tensor<D>,
        v: &Tensor<D>,
        scale: f64,
        y_bar: &mut Tensor<D>,
        gradient: &mut ParameterGradient,
    ) {
        let tracked = Tensor::from_inner(y.clone()).require_grad();
        let slope = (self.forward)(&self.module, t, tracked.clone());
        let v = Tensor::from_inner(v.clone().mul_scalar(scale));
        let mut gradients = slope.mul(v).sum().backward();
        if let Some(by_state) = tracked.grad_remove(&mut gradients) {
            *y_bar = y_bar.clone().add(by_state);
        }
        let mut sum = Sum { gradients: &gradients, entries: &mut gradient.entries, at: 0 };
        self.module.visit(&mut sum);
    }
}

/// A gradient by the float parameters of a module, in the order in which the module is visited.
#[derive(Clone, Debug, Default)]
pub struct ParameterGradient {
    entries: Vec<Option<Tensor<1>>>,
}

impl ParameterGradient {
    /// The gradient by each parameter, flat; none by one that nothing depends on. Empty if the field was never pulled back.
    pub fn entries(&self) -> &[Option<Tensor<1>>] {
        &self.entries
    }

    /// The gradient as an optimiser takes it; `module` is the field's or one of the same structure and identities.
    pub fn into_params<M: Module>(self, module: &M) -> GradientsParams {
        let mut register = Register { entries: self.entries.into_iter(), params: GradientsParams::new() };
        module.visit(&mut register);
        register.params
    }
}

/// Adds the gradients of a tape to the entries.
struct Sum<'a> {
    gradients: &'a Gradients,
    entries: &'a mut Vec<Option<Tensor<1>>>,
    at: usize,
}

impl ModuleVisitor for Sum<'_> {
    fn visit_float<const N: usize>(&mut self, param: &Param<Tensor<N>>) {
        if self.entries.len() <= self.at {
            self.entries.push(None);
        }
        let entry = &mut self.entries[self.at];
        self.at += 1;
        if let Some(found) = param.val().grad(self.gradients) {
            let length = found.shape().num_elements();
            let found = found.reshape([length]);
            *entry = Some(match entry.take() {
                Some(sum) => sum.add(found),
                None => found,
            });
        }
    }
}

struct Register {
    entries: std::vec::IntoIter<Option<Tensor<1>>>,
    params: GradientsParams,
}

impl ModuleVisitor for Register {
    fn visit_float<const N: usize>(&mut self, param: &Param<Tensor<N>>) {
        if let Some(Some(entry)) = self.entries.next() {
            self.params.register::<N>(param.id, entry.reshape(param.shape()));
        }
    }
}
