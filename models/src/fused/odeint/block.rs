//! A field on a group of samples.

use pulp::Simd;

use super::super::network::{
    Aligned, Dense, Real, Tape, gradient, gradient_pull_back, value, value_pull_back,
};
use super::lagrangian::{Lagrangian, STRIDE};
use super::{FieldKind, FieldSpec};

/// A field with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Block<'a, T> {
    spec: &'a FieldSpec,
    nets: Vec<Dense<T>>,
}

/// Where a field works, and sums its gradients.
pub(super) struct Work<T> {
    tapes: Vec<Tape<T>>,
    /// `−v`, or a part of it, of a Hamiltonian field.
    turned: Aligned<T>,
    lagrangian: Option<Lagrangian<T>>,
}

impl<'a, T: Real> Block<'a, T> {
    pub(super) fn new(spec: &'a FieldSpec, parameters: &[T]) -> Self {
        let count = Dense::<T>::count(&spec.sizes);
        let nets = parameters.chunks_exact(count).map(|p| Dense::new(&spec.sizes, p)).collect();
        Self { spec, nets }
    }

    /// Slots of the tapes that an evaluation takes.
    fn stride(&self) -> usize {
        match self.spec.kind {
            FieldKind::Plain => 1,
            FieldKind::Hamiltonian | FieldKind::Separable => 2,
            FieldKind::Lagrangian => STRIDE,
        }
    }

    pub(super) fn work<S: Simd, const L: usize>(&self, stages: usize) -> Work<T> {
        let tape = |net: &Dense<T>| Tape::new::<S, L>(&net.sizes, stages * self.stride());
        let dim = self.spec.dim();
        Work {
            tapes: self.nets.iter().map(tape).collect(),
            turned: Aligned::lanes::<S>(dim * L),
            lagrangian: (self.spec.kind == FieldKind::Lagrangian)
                .then(|| Lagrangian::new::<S, L>(dim, stages)),
        }
    }

    /// Writes `f(y)`, and keeps what [`Self::pull_back`] needs of this stage.
    #[inline(always)]
    pub(super) fn eval<S: Simd, const L: usize>(
        &self,
        simd: S,
        work: &mut Work<T>,
        stage: usize,
        y: &[T::Lanes<S>],
        dy: &mut [T::Lanes<S>],
    ) {
        let slot = stage * self.stride();
        let minus = T::splat(simd, T::of(-1.0));
        let half = y.len() / 2;
        match self.spec.kind {
            FieldKind::Plain => {
                let tape = &mut work.tapes[0];
                tape.input_mut::<S, L>(0, slot).copy_from_slice(y);
                value::<S, T, L>(simd, &self.nets[0], tape, slot, dy);
            }
            FieldKind::Hamiltonian => {
                let tape = &mut work.tapes[0];
                tape.input_mut::<S, L>(0, slot).copy_from_slice(y);
                let slope = work.turned.get_mut::<S>();
                gradient::<S, T, L>(simd, &self.nets[0], tape, slot, slope);
                let (by_q, by_p) = slope.split_at(half);
                dy[..half].copy_from_slice(by_p);
                for (d, g) in dy[half..].iter_mut().zip(by_q) {
                    *d = T::times(simd, minus, *g);
                }
            }
            FieldKind::Lagrangian => {
                let (velocity, acceleration) = dy.split_at_mut(half);
                velocity.copy_from_slice(&y[half..]);
                if let Some(lagrangian) = &mut work.lagrangian {
                    let (net, tape) = (&self.nets[0], &mut work.tapes[0]);
                    lagrangian.eval::<S, L>(simd, net, tape, stage, y, acceleration);
                }
            }
            FieldKind::Separable => {
                let (q, p) = y.split_at(half);
                let (dq, dp) = dy.split_at_mut(half);
                for (net, (x, out)) in [(p, dq), (q, &mut *dp)].into_iter().enumerate() {
                    let tape = &mut work.tapes[net];
                    tape.input_mut::<S, L>(0, slot).copy_from_slice(x);
                    gradient::<S, T, L>(simd, &self.nets[net], tape, slot, out);
                }
                dp.iter_mut().for_each(|d| *d = T::times(simd, minus, *d));
            }
        }
        for term in &self.spec.known {
            let c = T::splat(simd, T::of(term.coefficient));
            for l in 0..L {
                let d = &mut dy[term.entry * L + l];
                *d = T::plus(simd, *d, monomial::<S, T, L>(simd, c, &term.powers, y, l));
            }
        }
    }

    /// Adds `(∂f/∂y)ᵀ v` to `y_bar`, and keeps what the gradients by the parameters are made of.
    #[inline(always)]
    pub(super) fn pull_back<S: Simd, const L: usize>(
        &self,
        simd: S,
        work: &mut Work<T>,
        stage: usize,
        y: &[T::Lanes<S>],
        v: &[T::Lanes<S>],
        y_bar: &mut [T::Lanes<S>],
    ) {
        let slot = stage * self.stride();
        let minus = T::splat(simd, T::of(-1.0));
        let half = y.len() / 2;
        match self.spec.kind {
            FieldKind::Plain => {
                value_pull_back::<S, T, L>(simd, &self.nets[0], &mut work.tapes[0], slot, v, y_bar);
            }
            FieldKind::Hamiltonian => {
                // vᵀ J ∇H = v_q · ∂H/∂p − v_p · ∂H/∂q.
                let turned = work.turned.get_mut::<S>();
                turned[half..].copy_from_slice(&v[..half]);
                for (u, v) in turned.iter_mut().zip(&v[half..]) {
                    *u = T::times(simd, minus, *v);
                }
                gradient_pull_back::<S, T, L>(simd, &self.nets[0], &mut work.tapes[0], slot, turned, y_bar);
            }
            FieldKind::Lagrangian => {
                for (bar, v) in y_bar[half..].iter_mut().zip(v) {
                    *bar = T::plus(simd, *bar, *v);
                }
                if let Some(lagrangian) = &mut work.lagrangian {
                    let (net, tape) = (&self.nets[0], &mut work.tapes[0]);
                    lagrangian.pull_back::<S, L>(simd, net, tape, stage, y, &v[half..], y_bar);
                }
            }
            FieldKind::Separable => {
                let turned = &mut work.turned.get_mut::<S>()[..half];
                for (u, v) in turned.iter_mut().zip(&v[half..]) {
                    *u = T::times(simd, minus, *v);
                }
                let (q_bar, p_bar) = y_bar.split_at_mut(half);
                gradient_pull_back::<S, T, L>(
                    simd,
                    &self.nets[0],
                    &mut work.tapes[0],
                    slot,
                    &v[..half],
                    p_bar,
                );
                gradient_pull_back::<S, T, L>(simd, &self.nets[1], &mut work.tapes[1], slot, turned, q_bar);
            }
        }
        for term in &self.spec.known {
            for (k, p) in term.powers.iter().enumerate().filter(|(_, p)| **p > 0) {
                let mut powers = term.powers.clone();
                powers[k] -= 1;
                let c = T::splat(simd, T::of(term.coefficient * f64::from(*p)));
                for l in 0..L {
                    let slope = monomial::<S, T, L>(simd, c, &powers, y, l);
                    let bar = &mut y_bar[k * L + l];
                    *bar = T::mul_add(simd, slope, v[term.entry * L + l], *bar);
                }
            }
        }
    }

    /// Adds the products of all stages to the sums of the gradients.
    #[inline(always)]
    pub(super) fn collect<S: Simd, const L: usize>(&self, simd: S, work: &mut Work<T>) {
        for tape in &mut work.tapes {
            tape.collect::<S, L>(simd, self.stride());
        }
    }

    /// Adds the sums to the gradients by all parameters.
    #[inline(always)]
    pub(super) fn gradients<S: Simd>(&self, simd: S, work: &Work<T>, out: &mut [T]) {
        let count = out.len() / work.tapes.len();
        for (tape, out) in work.tapes.iter().zip(out.chunks_exact_mut(count)) {
            tape.gradients(simd, out);
        }
    }
}

/// `c Π yᵢ^pᵢ` of one vector of samples.
#[inline(always)]
fn monomial<S: Simd, T: Real, const L: usize>(
    simd: S,
    c: T::Lanes<S>,
    powers: &[u32],
    y: &[T::Lanes<S>],
    l: usize,
) -> T::Lanes<S> {
    let mut product = c;
    for (i, p) in powers.iter().enumerate() {
        for _ in 0..*p {
            product = T::times(simd, product, y[i * L + l]);
        }
    }
    product
}
