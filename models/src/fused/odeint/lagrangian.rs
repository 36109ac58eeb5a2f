//! The accelerations of a Lagrangian on a group of samples.

use pulp::Simd;

use super::super::network::{Aligned, Dense, Real, Tape, gradient, gradient_pull_back, mixed_pull_back};

/// Slots of a tape that an evaluation takes: the state, two directions and the mixed derivative.
pub(super) const STRIDE: usize = 4;

/// With `L = ½ |v|² + y_θ(q, v)` and `M = ∂²L/∂v²`: `a = M⁻¹ (∂L/∂q − (∂²L/∂v∂q) v)`, and how it is pulled back.
pub(super) struct Lagrangian<T> {
    positions: usize,
    /// Of every stage, `M` as `L D Lᵀ` and then `a`.
    kept: Vec<(Aligned<T>, Aligned<T>)>,
    slope: Aligned<T>,
    column: Aligned<T>,
    directions: [Aligned<T>; 3],
}

impl<T: Real> Lagrangian<T> {
    pub(super) fn new<S: Simd, const L: usize>(dim: usize, stages: usize) -> Self {
        let n = dim / 2;
        let lanes = |count: usize| Aligned::lanes::<S>(count * L);
        Self {
            positions: n,
            kept: (0..stages).map(|_| (lanes(n * n), lanes(n))).collect(),
            slope: lanes(dim),
            column: lanes(dim),
            directions: std::array::from_fn(|_| lanes(dim)),
        }
    }

    /// Writes `a` at the state `(q, v)`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn eval<S: Simd, const L: usize>(
        &mut self,
        simd: S,
        net: &Dense<T>,
        tape: &mut Tape<T>,
        stage: usize,
        y: &[T::Lanes<S>],
        out: &mut [T::Lanes<S>],
    ) {
        let (n, slot) = (self.positions, stage * STRIDE);
        let (zero, one) = (T::splat(simd, T::default()), T::splat(simd, T::of(1.0)));
        tape.input_mut::<S, L>(0, slot).copy_from_slice(y);
        let slope = self.slope.get_mut::<S>();
        gradient::<S, T, L>(simd, net, tape, slot, slope);
        let (mass, kept) = &mut self.kept[stage];
        let mass = mass.get_mut::<S>();
        for j in 0..n {
            // The column ∂(∇y)/∂vⱼ.
            let unit = self.directions[0].get_mut::<S>();
            unit.fill(zero);
            unit[(n + j) * L..][..L].fill(one);
            let column = self.column.get_mut::<S>();
            column.fill(zero);
            gradient_pull_back::<S, T, L>(simd, net, tape, slot, unit, column);
            for l in 0..L {
                let mut force = slope[j * L + l];
                for k in 0..n {
                    force = T::mul_sub(simd, column[k * L + l], y[(n + k) * L + l], force);
                    mass[(k * n + j) * L + l] = column[(n + k) * L + l];
                }
                mass[(j * n + j) * L + l] = T::plus(simd, mass[(j * n + j) * L + l], one);
                out[j * L + l] = force;
            }
        }
        factor::<S, T, L>(simd, n, mass);
        solve::<S, T, L>(simd, n, mass, out);
        kept.get_mut::<S>().copy_from_slice(out);
    }

    /// Adds `(∂a/∂(q, v))ᵀ u` to `y_bar`: with `w = M⁻¹ u`, `uᵀ ∂a` is the variation of `wᵀ ∂L/∂q − D²L[(0, w), (v, a)]` at fixed `w` and
    /// `a`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn pull_back<S: Simd, const L: usize>(
        &mut self,
        simd: S,
        net: &Dense<T>,
        tape: &mut Tape<T>,
        stage: usize,
        y: &[T::Lanes<S>],
        u: &[T::Lanes<S>],
        y_bar: &mut [T::Lanes<S>],
    ) {
        let n = self.positions * L;
        let (zero, minus) = (T::splat(simd, T::default()), T::splat(simd, T::of(-1.0)));
        let (mass, a) = &self.kept[stage];
        let [first, second, mixed] = &mut self.directions;
        let (first, second, mixed) = (first.get_mut::<S>(), second.get_mut::<S>(), mixed.get_mut::<S>());
        first[..n].fill(zero);
        first[n..].copy_from_slice(u);
        solve::<S, T, L>(simd, self.positions, mass.get::<S>(), &mut first[n..]);
        second[..n].copy_from_slice(&y[n..]);
        second[n..].copy_from_slice(a.get::<S>());
        mixed.fill(zero);
        for (m, w) in mixed.iter_mut().zip(&first[n..]) {
            *m = T::times(simd, minus, *w);
        }
        let by_second = self.column.get_mut::<S>();
        by_second.fill(zero);
        let directions: [&[T::Lanes<S>]; 3] = [first, second, mixed];
        mixed_pull_back::<S, T, L>(
            simd,
            net,
            tape,
            stage * STRIDE,
            directions,
            T::of(-1.0),
            y_bar,
            by_second,
        );
        // Of the second direction only v belongs to the state.
        for (bar, d) in y_bar[n..].iter_mut().zip(&by_second[..n]) {
            *bar = T::plus(simd, *bar, *d);
        }
    }
}

/// Symmetric matrices `[row, column, L]` as `L D Lᵀ`, in place below and on the diagonal.
#[inline(always)]
fn factor<S: Simd, T: Real, const L: usize>(simd: S, n: usize, m: &mut [T::Lanes<S>]) {
    for j in 0..n {
        for i in j..n {
            for l in 0..L {
                let at = |i: usize, j: usize| (i * n + j) * L + l;
                let mut sum = m[at(i, j)];
                for k in 0..j {
                    sum = T::mul_sub(simd, T::times(simd, m[at(i, k)], m[at(j, k)]), m[at(k, k)], sum);
                }
                m[at(i, j)] = if i == j { sum } else { T::over(simd, sum, m[at(j, j)]) };
            }
        }
    }
}

/// `M⁻¹ b` in place, of a factored `M`.
#[inline(always)]
fn solve<S: Simd, T: Real, const L: usize>(simd: S, n: usize, m: &[T::Lanes<S>], b: &mut [T::Lanes<S>]) {
    for l in 0..L {
        let at = |i: usize, j: usize| m[(i * n + j) * L + l];
        for i in 0..n {
            for k in 0..i {
                b[i * L + l] = T::mul_sub(simd, at(i, k), b[k * L + l], b[i * L + l]);
            }
        }
        for i in (0..n).rev() {
            b[i * L + l] = T::over(simd, b[i * L + l], at(i, i));
            for k in i + 1..n {
                b[i * L + l] = T::mul_sub(simd, at(k, i), b[k * L + l], b[i * L + l]);
            }
        }
    }
}
