//! For the CPU: columns in blocks that stay in the cache, both processors.

use std::marker::PhantomData;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Element};
use pulp::Arch;
use pulp::bytemuck::Pod;
use rayon::prelude::*;

use super::super::host::{tensor, values};
use super::super::network::Real;
use super::columns::{Block, Geometry, Run};
use super::panel::{Forward, Outer, ROWS, Step, panels};
use super::{Stencil, composed};

pub(crate) fn forward(
    u: FloatTensor<Flex>,
    weight: FloatTensor<Flex>,
    bias: FloatTensor<Flex>,
    stencil: Stencil,
) -> FloatTensor<Flex> {
    match u.dtype() {
        DType::F32 => typed_forward::<f32>(u, weight, bias, stencil),
        DType::F64 => typed_forward::<f64>(u, weight, bias, stencil),
        _ => composed::forward::<Flex>(u, weight, bias, stencil),
    }
}

pub(crate) fn backward(
    u: FloatTensor<Flex>,
    weight: FloatTensor<Flex>,
    grad: FloatTensor<Flex>,
    stencil: Stencil,
) -> (FloatTensor<Flex>, FloatTensor<Flex>, FloatTensor<Flex>) {
    match u.dtype() {
        DType::F32 => typed_backward::<f32>(u, weight, grad, stencil),
        DType::F64 => typed_backward::<f64>(u, weight, grad, stencil),
        _ => composed::backward::<Flex>(u, weight, grad, stencil),
    }
}

fn typed_forward<T: Real + Element + Pod>(
    u: FloatTensor<Flex>,
    weight: FloatTensor<Flex>,
    bias: FloatTensor<Flex>,
    stencil: Stencil,
) -> FloatTensor<Flex> {
    let (u, weight, bias) = (u.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
    let [output, _, _, _] = weight.shape().dims::<4>();
    let geometry = geometry(&u, &weight, stencil);
    let (w, rows) = (values::<T>(&weight), geometry.rows());
    let panels = panels(output, rows, |o, k| w[o * rows + k]);
    let v = apply(&geometry, &geometry.blocks(values::<T>(&u)), &panels, values(&bias));
    let [nx, ny] = geometry.size;
    tensor(v, &[geometry.batch, output, nx, ny])
}

fn typed_backward<T: Real + Element + Pod>(
    u: FloatTensor<Flex>,
    weight: FloatTensor<Flex>,
    grad: FloatTensor<Flex>,
    stencil: Stencil,
) -> (FloatTensor<Flex>, FloatTensor<Flex>, FloatTensor<Flex>) {
    let (u, weight, grad) = (u.to_contiguous(), weight.to_contiguous(), grad.to_contiguous());
    let [output, input, p, q] = weight.shape().dims::<4>();
    let forward = geometry(&u, &weight, stencil);
    let (w, g, taps) = (values::<T>(&weight), values::<T>(&grad), p * q);
    // The transpose of such a convolution is one with the mirrored kernel.
    let mirrored = panels(input, output * taps, |i, k| {
        let (o, tap) = (k / taps, k % taps);
        w[(o * input + i) * taps + taps - 1 - tap]
    });
    let back = Geometry { channels: output, ..forward };
    let by_u = apply(&back, &back.blocks(g), &mirrored, &vec![T::default(); input]);
    let by_weight = by_weight(&forward, &forward.blocks(values::<T>(&u)), g, output);
    let by_bias: Vec<T> = (0..output)
        .into_par_iter()
        .map(|o| {
            let planes = g.chunks_exact(forward.points()).skip(o).step_by(output);
            planes.map(total).sum()
        })
        .collect();
    let [nx, ny] = forward.size;
    (
        tensor(by_u, &[forward.batch, input, nx, ny]),
        tensor(by_weight, &[output, input, p, q]),
        tensor(by_bias, &[output]),
    )
}

fn geometry(u: &FloatTensor<Flex>, weight: &FloatTensor<Flex>, stencil: Stencil) -> Geometry {
    let [batch, channels, nx, ny] = u.shape().dims::<4>();
    let [_, _, p, q] = weight.shape().dims::<4>();
    Geometry { batch, channels, size: [nx, ny], taps: [p, q], stencil }
}

/// The product of a matrix in panels with all columns, as fields `[batch, out, x, y]`; the entries of `bias` are the rows.
fn apply<T: Real>(geometry: &Geometry, blocks: &[Block<T>], panels: &[T], bias: &[T]) -> Vec<T> {
    let (points, rows, output) = (geometry.points(), geometry.rows(), bias.len());
    let step = Arch::new().dispatch(Step(PhantomData::<T>));
    // Enough tasks for all processors, even of one block.
    let tasks = (4 * rayon::current_num_threads()).div_ceil(blocks.len().max(1));
    let share = output.div_ceil(ROWS).div_ceil(tasks).max(1);
    let parts: Vec<(usize, usize)> = (0..blocks.len())
        .flat_map(|b| (0..output.div_ceil(ROWS)).step_by(share).map(move |panel| (b, panel)))
        .collect();
    let stride = |b: usize| blocks[b].columns.next_multiple_of(step);
    let products: Vec<Vec<T>> = parts
        .into_par_iter()
        .map(|(b, panel)| {
            let first = panel * ROWS;
            let bias = &bias[first..output.min(first + share * ROWS)];
            let weights = &panels[panel * rows * ROWS..][..bias.len().div_ceil(ROWS) * rows * ROWS];
            let mut out = vec![T::default(); bias.len() * stride(b)];
            let block = &blocks[b];
            Arch::new().dispatch(Forward { weights, bias, block, stride: stride(b), out: &mut out });
            out
        })
        .collect();
    let mut runs = vec![Vec::<(usize, Run)>::new(); geometry.batch];
    for (b, block) in blocks.iter().enumerate() {
        block.runs.iter().for_each(|run| runs[run.sample].push((b, *run)));
    }
    let per_block = output.div_ceil(ROWS).div_ceil(share);
    let mut v = vec![T::default(); geometry.batch * output * points];
    v.par_chunks_mut((output * points).max(1)).enumerate().for_each(|(sample, fields)| {
        for (o, field) in fields.chunks_exact_mut(points).enumerate() {
            let (part, row) = (o / (share * ROWS), o % (share * ROWS));
            for (b, run) in &runs[sample] {
                let from = &products[b * per_block + part][row * stride(*b) + run.column..];
                field[run.point..][..run.length].copy_from_slice(&from[..run.length]);
            }
        }
    });
    v
}

/// `[out, in, P, Q]`: the sum over all columns of what they are times the gradient there.
fn by_weight<T: Real>(geometry: &Geometry, blocks: &[Block<T>], grad: &[T], output: usize) -> Vec<T> {
    let (points, rows) = (geometry.points(), geometry.rows());
    let step = Arch::new().dispatch(Step(PhantomData::<T>));
    let stride = output.next_multiple_of(step);
    let turned: Vec<Vec<T>> = blocks
        .par_iter()
        .map(|block| {
            let mut out = vec![T::default(); block.columns * stride];
            for run in &block.runs {
                let fields = &grad[run.sample * output * points..][..output * points];
                let out = &mut out[run.column * stride..][..run.length * stride];
                turn(fields, points, run.point, out, stride, output);
            }
            out
        })
        .collect();
    let share = rows.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(ROWS);
    let mut sums = vec![T::default(); rows * stride];
    sums.par_chunks_mut((share * stride).max(1)).enumerate().for_each(|(part, out)| {
        for (block, grad) in blocks.iter().zip(&turned) {
            Arch::new().dispatch(Outer { first: part * share, block, grad, stride, out: &mut *out });
        }
    });
    let mut weight = vec![T::default(); output * rows];
    for (o, to) in weight.chunks_exact_mut(rows).enumerate() {
        to.iter_mut().zip(sums.chunks_exact(stride)).for_each(|(to, from)| *to = from[o]);
    }
    weight
}

/// Some points of all fields, transposed, sixteen by sixteen.
fn turn<T: Real>(fields: &[T], points: usize, first: usize, out: &mut [T], stride: usize, output: usize) {
    const TILE: usize = 16;
    for (tile, out) in out.chunks_mut(TILE * stride).enumerate() {
        for o in (0..output).step_by(TILE) {
            for o in o..output.min(o + TILE) {
                let field = &fields[o * points + first + tile * TILE..];
                for (to, from) in out.chunks_exact_mut(stride).zip(field) {
                    to[o] = *from;
                }
            }
        }
    }
}

/// The sum, in sixteen parts so that it is vectorised and exact to more digits.
fn total<T: Real>(values: &[T]) -> T {
    let mut parts = [T::default(); 16];
    let chunks = values.chunks_exact(16);
    let rest: T = chunks.remainder().iter().copied().sum();
    for chunk in chunks {
        parts.iter_mut().zip(chunk).for_each(|(p, v)| *p = *p + *v);
    }
    rest + parts.into_iter().sum()
}
