//! For the CPU: the whole solve of a group of samples in one pass forward and one back.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Element};
use pulp::bytemuck::Pod;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::host::{tensor, values};
use super::super::network::{Aligned, Real};
use super::block::Block;
use super::pack::{pack, unpack};
use super::{Solve, composed};

/// The states.
pub(crate) fn states(
    y0: FloatTensor<Flex>,
    parameters: FloatTensor<Flex>,
    solve: &Solve,
) -> FloatTensor<Flex> {
    run(y0, parameters, solve, false).0
}

/// The states, and for the way back where each step started, `[group, step, dim, lane]`.
pub(crate) fn forward(
    y0: FloatTensor<Flex>,
    parameters: FloatTensor<Flex>,
    solve: &Solve,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    run(y0, parameters, solve, true)
}

fn run(
    y0: FloatTensor<Flex>,
    parameters: FloatTensor<Flex>,
    solve: &Solve,
    keep: bool,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    match (y0.dtype(), parameters.dtype()) {
        (DType::F32, DType::F32) => forward_as::<f32>(&y0, &parameters, solve, keep),
        (DType::F64, DType::F64) => forward_as::<f64>(&y0, &parameters, solve, keep),
        _ => (composed::forward::<Flex>(y0.clone(), parameters, solve), y0),
    }
}

/// The gradients by the start and the parameters, given that by the states and where each step started.
pub(crate) fn backward(
    y0: FloatTensor<Flex>,
    parameters: FloatTensor<Flex>,
    starts: FloatTensor<Flex>,
    grad: FloatTensor<Flex>,
    solve: &Solve,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    match (y0.dtype(), parameters.dtype()) {
        (DType::F32, DType::F32) => backward_as::<f32>(&y0, &parameters, &starts, &grad, solve),
        (DType::F64, DType::F64) => backward_as::<f64>(&y0, &parameters, &starts, &grad, solve),
        _ => composed::backward::<Flex>(y0, parameters, grad, solve),
    }
}

fn forward_as<T: Real + Element + Pod>(
    y0: &FloatTensor<Flex>,
    parameters: &FloatTensor<Flex>,
    solve: &Solve,
    keep: bool,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    let [batch, dim] = y0.shape().dims::<2>();
    let (y0, parameters) = (y0.to_contiguous(), parameters.to_contiguous());
    let block = Block::new(&solve.field, values::<T>(&parameters));
    let pass = Pass { solve, block: &block, batch, dim };
    let parts = pass.groups(|group, width| pass.forward(group, width, values::<T>(&y0), keep));
    let mut states = vec![T::default(); solve.saves.len() * batch * dim];
    let mut starts = Vec::with_capacity(parts.iter().map(|(_, (_, starts))| starts.len()).sum());
    for (first, (saved, kept)) in &parts {
        let packed = saved.chunks_exact(saved.len() / solve.saves.len());
        for (packed, states) in packed.zip(states.chunks_exact_mut(batch * dim)) {
            unpack(packed, dim, *first, states);
        }
        starts.extend_from_slice(kept);
    }
    let count = starts.len();
    (tensor(states, &[solve.saves.len(), batch, dim]), tensor(starts, &[count]))
}

fn backward_as<T: Real + Element + Pod>(
    y0: &FloatTensor<Flex>,
    parameters: &FloatTensor<Flex>,
    starts: &FloatTensor<Flex>,
    grad: &FloatTensor<Flex>,
    solve: &Solve,
) -> (FloatTensor<Flex>, FloatTensor<Flex>) {
    let [batch, dim] = y0.shape().dims::<2>();
    let (parameters, grad) = (parameters.to_contiguous(), grad.to_contiguous());
    let (starts, grad) = (values::<T>(starts), values::<T>(&grad));
    let block = Block::new(&solve.field, values::<T>(&parameters));
    let pass = Pass { solve, block: &block, batch, dim };
    let parts = pass.groups(|group, width| pass.back(group, width, starts, grad));
    let mut by_start = vec![T::default(); batch * dim];
    let mut by_parameters = vec![T::default(); solve.field.parameters()];
    for (first, (start, gradients)) in &parts {
        unpack(start, dim, *first, &mut by_start);
        by_parameters.iter_mut().zip(gradients).for_each(|(sum, g)| *sum = *sum + *g);
    }
    let count = by_parameters.len();
    (tensor(by_start, &[batch, dim]), tensor(by_parameters, &[count]))
}

/// A pass over all groups of a batch.
struct Pass<'a, T> {
    solve: &'a Solve,
    block: &'a Block<'a, T>,
    batch: usize,
    dim: usize,
}

/// The samples of a vector, when dispatched.
struct Count<T>(std::marker::PhantomData<T>);

impl<T: Real> WithSimd for Count<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        T::count::<S>()
    }
}

impl<T: Real> Pass<'_, T> {
    /// The results of all groups in their order, with the first sample of each, in parallel; `work` is told the group and its
    /// vectors: two, for which weights are loaded once, where that leaves two groups.
    fn groups<R: Send>(&self, work: impl Fn(usize, usize) -> R + Sync + Send) -> Vec<(usize, R)> {
        let lanes = Arch::new().dispatch(Count::<T>(std::marker::PhantomData));
        let width = if self.batch > 2 * lanes { 2 } else { 1 };
        let groups = self.batch.div_ceil(width * lanes);
        let one = |group: usize| (group * width * lanes, work(group, width));
        if groups > 1 && rayon::current_num_threads() > 1 {
            (0..groups).into_par_iter().map(one).collect()
        } else {
            (0..groups).map(one).collect()
        }
    }

    fn forward(&self, group: usize, width: usize, y0: &[T], keep: bool) -> (Vec<T>, Vec<T>) {
        let arch = Arch::new();
        match width {
            2 => arch.dispatch(Forward::<T, 2> { pass: self, y0, group, keep }),
            _ => arch.dispatch(Forward::<T, 1> { pass: self, y0, group, keep }),
        }
    }

    fn back(&self, group: usize, width: usize, starts: &[T], grad: &[T]) -> (Vec<T>, Vec<T>) {
        let arch = Arch::new();
        match width {
            2 => arch.dispatch(Back::<T, 2> { pass: self, starts, grad, group }),
            _ => arch.dispatch(Back::<T, 1> { pass: self, starts, grad, group }),
        }
    }
}

/// The saved states of a group, and where its steps started if that is kept.
struct Forward<'a, T, const L: usize> {
    pass: &'a Pass<'a, T>,
    y0: &'a [T],
    group: usize,
    keep: bool,
}

impl<T: Real, const L: usize> WithSimd for Forward<'_, T, L> {
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (Vec<T>, Vec<T>) {
        let Pass { solve, block, dim, .. } = *self.pass;
        let (n, width, stages) = (dim * L, L * T::count::<S>(), solve.tableau.stages());
        let mut work = block.work::<S, L>(1);
        let (mut y, mut at) = (Aligned::<T>::lanes::<S>(n), Aligned::<T>::lanes::<S>(n));
        let mut k = Aligned::<T>::lanes::<S>(n * stages);
        pack(self.y0, dim, self.group * width, y.as_mut_slice());
        let mut saved = Vec::with_capacity(solve.saves.len() * dim * width);
        let mut starts = Vec::with_capacity(if self.keep { solve.steps.len() * dim * width } else { 0 });
        let mut saves = solve.saves.iter().peekable();
        for step in 0..=solve.steps.len() {
            while saves.next_if(|s| **s == step).is_some() {
                saved.extend_from_slice(y.as_slice());
            }
            let Some(h) = solve.steps.get(step) else { break };
            if self.keep {
                starts.extend_from_slice(y.as_slice());
            }
            for i in 0..stages {
                let (known, rest) = k.get_mut::<S>().split_at_mut(i * n);
                let at = at.get_mut::<S>();
                at.copy_from_slice(y.get::<S>());
                add_stages::<S, T>(simd, *h, solve.tableau.row(i), known, at);
                block.eval::<S, L>(simd, &mut work, 0, at, &mut rest[..n]);
            }
            add_stages::<S, T>(simd, *h, solve.tableau.b, k.get::<S>(), y.get_mut::<S>());
        }
        (saved, starts)
    }
}

/// `y += h Σ wᵢ kᵢ`.
#[inline(always)]
fn add_stages<S: Simd, T: Real>(simd: S, h: f64, weights: &[f64], k: &[T::Lanes<S>], y: &mut [T::Lanes<S>]) {
    for (w, k) in weights.iter().zip(k.chunks_exact(y.len())).filter(|(w, _)| **w != 0.0) {
        let w = T::splat(simd, T::of(h * w));
        for (y, k) in y.iter_mut().zip(k) {
            *y = T::mul_add(simd, w, *k, *y);
        }
    }
}

/// The gradients of a group, by its start and by the parameters.
struct Back<'a, T, const L: usize> {
    pass: &'a Pass<'a, T>,
    starts: &'a [T],
    grad: &'a [T],
    group: usize,
}

impl<T: Real, const L: usize> WithSimd for Back<'_, T, L> {
    type Output = (Vec<T>, Vec<T>);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (Vec<T>, Vec<T>) {
        let Pass { solve, block, batch, dim } = *self.pass;
        let (n, width, stages) = (dim * L, L * T::count::<S>(), solve.tableau.stages());
        let (size, steps) = (dim * width, solve.steps.len());
        let starts = &self.starts[self.group * steps * size..][..steps * size];
        let mut work = block.work::<S, L>(stages);
        let mut x = Aligned::<T>::lanes::<S>(n * stages);
        let (mut k, mut k_bar) = (Aligned::<T>::lanes::<S>(n * stages), Aligned::<T>::lanes::<S>(n * stages));
        let (mut y, mut y_bar) = (Aligned::<T>::lanes::<S>(n), Aligned::<T>::lanes::<S>(n));
        let mut x_bar = Aligned::<T>::lanes::<S>(n);
        let one = T::splat(simd, T::of(1.0));
        let mut saves = solve.saves.iter().enumerate().rev().peekable();
        for step in (0..=steps).rev() {
            while let Some((place, _)) = saves.next_if(|(_, s)| **s == step) {
                pack(
                    &self.grad[place * batch * dim..][..batch * dim],
                    dim,
                    self.group * width,
                    y.as_mut_slice(),
                );
                for (bar, g) in y_bar.get_mut::<S>().iter_mut().zip(y.get::<S>()) {
                    *bar = T::plus(simd, *bar, *g);
                }
            }
            let Some(step) = step.checked_sub(1) else { break };
            let h = solve.steps[step];
            y.as_mut_slice().copy_from_slice(&starts[step * size..][..size]);
            for i in 0..stages {
                let (known, rest) = k.get_mut::<S>().split_at_mut(i * n);
                let at = &mut x.get_mut::<S>()[i * n..][..n];
                at.copy_from_slice(y.get::<S>());
                add_stages::<S, T>(simd, h, solve.tableau.row(i), known, at);
                block.eval::<S, L>(simd, &mut work, i, at, &mut rest[..n]);
            }
            for (b, bar) in solve.tableau.b.iter().zip(k_bar.get_mut::<S>().chunks_exact_mut(n)) {
                let w = T::splat(simd, T::of(h * b));
                for (bar, y) in bar.iter_mut().zip(y_bar.get::<S>()) {
                    *bar = T::times(simd, w, *y);
                }
            }
            for i in (0..stages).rev() {
                let x_bar = x_bar.get_mut::<S>();
                x_bar.fill(T::splat(simd, T::default()));
                let (before, v) = k_bar.get_mut::<S>().split_at_mut(i * n);
                let at = &x.get::<S>()[i * n..][..n];
                block.pull_back::<S, L>(simd, &mut work, i, at, &v[..n], x_bar);
                for (a, bar) in solve.tableau.row(i).iter().zip(before.chunks_exact_mut(n)) {
                    let w = T::splat(simd, T::of(h * a));
                    for (bar, x) in bar.iter_mut().zip(&*x_bar) {
                        *bar = T::mul_add(simd, w, *x, *bar);
                    }
                }
                for (bar, x) in y_bar.get_mut::<S>().iter_mut().zip(&*x_bar) {
                    *bar = T::mul_add(simd, one, *x, *bar);
                }
            }
            block.collect::<S, L>(simd, &mut work);
        }
        let mut gradients = vec![T::default(); solve.field.parameters()];
        block.gradients(simd, &work, &mut gradients);
        (y_bar.as_slice().to_vec(), gradients)
    }
}
