//! Cholesky's factorisation in blocks: nearly all of its work is in matrix products.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

const BLOCK: usize = 96;

/// `A = L Lᵀ`; the lower triangle of `a` becomes `L`. None if `A` is not positive definite to rounding.
pub(super) fn factorise(a: &mut Array2<f64>) -> Option<()> {
    let n = a.nrows();
    let mut start = 0;
    while start < n {
        let end = (start + BLOCK).min(n);
        let (mut panel, mut rest) = a.view_mut().split_at(Axis(0), end);
        let mut diagonal = panel.slice_mut(s![start.., start..end]);
        unblocked(&mut diagonal)?;
        let diagonal = diagonal.view();
        rest.slice_mut(s![.., start..end]).axis_iter_mut(Axis(0)).into_par_iter().for_each(|row| {
            if let Some(row) = row.into_slice() {
                forward(diagonal, row);
            }
        });
        let left = rest.slice(s![.., start..end]).to_owned();
        subtract(&left, rest.slice_mut(s![.., end..]));
        start = end;
    }
    Some(())
}

/// The lower triangle of `target −= left leftᵀ`, block by block.
fn subtract(left: &Array2<f64>, target: ArrayViewMut2<'_, f64>) {
    let mut rows: Vec<_> = Vec::new();
    let (mut rest, mut first) = (target, 0);
    while rest.nrows() > 0 {
        let (row, below) = rest.split_at(Axis(0), BLOCK.min(left.nrows() - first));
        let height = row.nrows();
        rows.push((first, row));
        (rest, first) = (below, first + height);
    }
    rows.into_par_iter().for_each(|(first, row)| {
        let height = row.nrows();
        let mut row = row.slice_move(s![.., ..first + height]);
        let a = left.slice(s![first..first + height, ..]);
        general_mat_mul(-1.0, &a, &left.slice(s![..first + height, ..]).t(), 1.0, &mut row);
    });
}

fn unblocked(a: &mut ArrayViewMut2<'_, f64>) -> Option<()> {
    for j in 0..a.nrows() {
        let sum: f64 = (0..j).map(|k| a[[j, k]] * a[[j, k]]).sum();
        let pivot = a[[j, j]] - sum;
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let root = pivot.sqrt();
        a[[j, j]] = root;
        for i in j + 1..a.nrows() {
            let sum: f64 = (0..j).map(|k| a[[i, k]] * a[[j, k]]).sum();
            a[[i, j]] = (a[[i, j]] - sum) / root;
        }
    }
    Some(())
}

/// `x ← L⁻¹ x`.
fn forward(l: ArrayView2<'_, f64>, x: &mut [f64]) {
    for i in 0..x.len() {
        let row = l.row(i);
        let sum: f64 = row.iter().zip(&x[..i]).map(|(l, x)| l * x).sum();
        x[i] = (x[i] - sum) / row[i];
    }
}

/// `x ← (L Lᵀ)⁻¹ x` with the lower triangle of `l`.
pub(super) fn solve(l: &Array2<f64>, x: &mut [f64]) {
    forward(l.view(), x);
    for i in (0..x.len()).rev() {
        x[i] /= l[[i, i]];
        let value = x[i];
        let row = l.row(i);
        x[..i].iter_mut().zip(row).for_each(|(x, l)| *x -= value * l);
    }
}

/// The lower triangle of `A Aᵀ`, or of `Aᵀ A` if `transposed`, block by block; the upper triangle is zero or part of the product.
pub(super) fn gram(a: &Array2<f64>, transposed: bool) -> Array2<f64> {
    let a = if transposed { a.t() } else { a.view() };
    let n = a.nrows();
    let mut out = Array2::zeros((n, n));
    let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK).collect();
    blocks.into_par_iter().enumerate().for_each(|(b, block)| {
        let (first, height) = (b * BLOCK, block.nrows());
        let mut block = block.slice_move(s![.., ..first + height]);
        let rows = a.slice(s![first..first + height, ..]);
        general_mat_mul(1.0, &rows, &a.slice(s![..first + height, ..]).t(), 0.0, &mut block);
    });
    out
}
