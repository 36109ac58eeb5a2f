//! Cholesky's factorisation in blocks: nearly all of its work is in matrix products.

use ndarray::{Array2, ArrayViewMut2, s};

use super::dot;
use super::packed::{Packed, add_product};

const BLOCK: usize = 96;

/// `A = L Lᵀ`; the lower triangle of `a` becomes `L`. None if `A` is not positive definite to rounding.
pub(crate) fn factorise(a: &mut Array2<f64>) -> Option<()> {
    let n = a.nrows();
    let mut start = 0;
    while start < n {
        let end = (start + BLOCK).min(n);
        let mut diagonal = a.slice_mut(s![start..end, start..end]);
        unblocked(&mut diagonal)?;
        if end < n {
            let inverse = Packed::new(inverse(&diagonal).view());
            // Below it, X = A L⁻ᵀ; of what is left, A − X Xᵀ.
            let below = Packed::new(a.slice(s![end.., start..end]));
            let mut x = Array2::zeros((n - end, end - start));
            add_product(1.0, &below, &inverse, x.view_mut(), false);
            a.slice_mut(s![end.., start..end]).assign(&x);
            let x = Packed::new(x.view());
            add_product(-1.0, &x, &x, a.slice_mut(s![end.., end..]), true);
        }
        start = end;
    }
    Some(())
}

fn unblocked(a: &mut ArrayViewMut2<'_, f64>) -> Option<()> {
    for i in 0..a.nrows() {
        let (above, mut rest) = a.view_mut().split_at(ndarray::Axis(0), i);
        let row = rest.row_mut(0).into_slice()?;
        for j in 0..i {
            let other = above.row(j).to_slice()?;
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        row[i] = pivot.sqrt();
    }
    Some(())
}

/// The inverse of the lower triangle.
fn inverse(l: &ArrayViewMut2<'_, f64>) -> Array2<f64> {
    let n = l.nrows();
    let mut out = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        let (above, mut rest) = out.view_mut().split_at(ndarray::Axis(0), i);
        let mut row = rest.row_mut(0);
        row[i] = 1.0;
        for j in 0..i {
            row.slice_mut(s![..=j]).scaled_add(-l[[i, j]], &above.slice(s![j, ..=j]));
        }
        let pivot = l[[i, i]];
        row.mapv_inplace(|v| v / pivot);
    }
    out
}

/// `x ← (L Lᵀ)⁻¹ x` with the lower triangle of `l`.
pub(crate) fn solve(l: &Array2<f64>, x: &mut [f64]) {
    for i in 0..x.len() {
        let row = l.row(i);
        let sum = row.to_slice().map_or(0.0, |row| dot(&row[..i], &x[..i]));
        x[i] = (x[i] - sum) / row[i];
    }
    for i in (0..x.len()).rev() {
        x[i] /= l[[i, i]];
        let value = x[i];
        let row = l.row(i);
        x[..i].iter_mut().zip(row).for_each(|(x, l)| *x -= value * l);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::gram;

    #[test]
    fn products_factors_and_solutions_are_those_of_the_definition() {
        for (rows, columns) in [(1, 1), (7, 30), (250, 131), (1700, 97), (40, 203)] {
            let a = Array2::from_shape_fn((rows, columns), |(i, j)| {
                ((i * 37 + j * 17 + i * j) as f64).sin() + f64::from(u8::from(i == j))
            });
            let mut g = gram(&a, true);
            let exact = a.t().dot(&a);
            for i in 0..columns {
                for j in 0..=i {
                    assert!(
                        (g[[i, j]] - exact[[i, j]]).abs() < 1e-11 * rows as f64,
                        "{rows} {columns} {i} {j}"
                    );
                }
            }
            g.diag_mut().iter_mut().for_each(|d| *d += 0.1);
            let damped = &exact + &(Array2::<f64>::eye(columns) * 0.1);
            let x: Vec<f64> = (0..columns).map(|i| (i as f64).cos()).collect();
            let mut y = damped.dot(&ndarray::aview1(&x)).to_vec();
            factorise(&mut g).expect("it is positive definite");
            solve(&g, &mut y);
            for (x, y) in x.iter().zip(&y) {
                assert!((x - y).abs() < 1e-8, "{rows} {columns}: {x} {y}");
            }
            let dual = gram(&a, false);
            let exact = a.dot(&a.t());
            for i in 0..rows {
                for j in 0..=i {
                    assert!((dual[[i, j]] - exact[[i, j]]).abs() < 1e-11 * columns as f64);
                }
            }
        }
        let mut indefinite = ndarray::array![[1.0, 2.0], [2.0, 1.0]];
        assert!(factorise(&mut indefinite).is_none());
    }
}
