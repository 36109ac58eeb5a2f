//! The simplified Newton iteration of the implicit stages.

use nalgebra::{DMatrix, DVector, Dyn, LU};

use crate::field::Jacobian;
use crate::state::DenseState;
use crate::stepper::{StepFailure, Work};

/// The most iterations of a stage.
const ITERATIONS: usize = 10;
/// The fraction of the tolerance that an iteration may leave.
const KAPPA: f64 = 0.01;
/// A rate of convergence above which the Jacobian is formed anew for the next step.
const SLOW: f64 = 0.1;

/// The iteration matrix `I − hγJ`, factored, and what is known of its age.
#[derive(Clone, Debug)]
pub(super) struct Newton {
    rtol: f64,
    atol: f64,
    jacobian: DMatrix<f64>,
    lu: Option<LU<f64, Dyn, Dyn>>,
    /// `hγ` of the factors.
    factored: f64,
    /// Whether the Jacobian was formed at the state from which the step starts.
    fresh: bool,
    /// Whether the Jacobian is too old, as the last step's convergence shows.
    stale: bool,
    update: DVector<f64>,
}

impl Newton {
    pub(super) fn new(n: usize, rtol: f64, atol: f64) -> Self {
        Self {
            rtol,
            atol,
            jacobian: DMatrix::zeros(n, n),
            lu: None,
            factored: 0.0,
            fresh: false,
            stale: true,
            update: DVector::zeros(n),
        }
    }

    /// Whether the Jacobian is that of the step's start.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The step was accepted: the state has moved away from the Jacobian's.
    pub(super) fn moved(&mut self) {
        self.fresh = false;
    }

    /// The state was changed from outside.
    pub(super) fn forget(&mut self) {
        self.fresh = false;
        self.stale = true;
    }

    /// Appends the Jacobian, its age and `hγ` of the factors.
    pub(super) fn write(&self, out: &mut Vec<f64>) {
        let flag = |is: bool| f64::from(u8::from(is));
        let factored = if self.lu.is_some() { self.factored } else { 0.0 };
        out.extend([flag(self.fresh), flag(self.stale), factored]);
        out.extend(self.jacobian.iter());
    }

    /// Takes what [`write`](Self::write) gave, and factors again; `false` if it is too short.
    pub(super) fn read(&mut self, memory: &mut &[f64]) -> bool {
        let n = self.jacobian.len();
        let Some(([fresh, stale, factored], rest)) = memory.split_first_chunk() else { return false };
        let Some((jacobian, rest)) = rest.split_at_checked(n) else { return false };
        self.jacobian.copy_from_slice(jacobian);
        self.lu = None;
        if *factored != 0.0 && self.factor(*factored, &mut Work::default()).is_err() {
            return false;
        }
        (self.fresh, self.stale, *memory) = (*fresh != 0.0, *stale != 0.0, rest);
        true
    }

    /// Makes the factors usable for a step with `hg = hγ`.
    pub(super) fn prepare<Y: DenseState, F: Jacobian<Y>>(
        &mut self,
        field: &mut F,
        t: f64,
        y: &Y,
        hg: f64,
        work: &mut Work,
    ) -> Result<(), StepFailure> {
        if self.stale && !self.fresh {
            return self.refresh(field, t, y, hg, work);
        }
        if self.lu.is_none() || self.factored != hg {
            self.factor(hg, work)?;
        }
        Ok(())
    }

    /// Forms the Jacobian at `(t, y)` and factors.
    pub(super) fn refresh<Y: DenseState, F: Jacobian<Y>>(
        &mut self,
        field: &mut F,
        t: f64,
        y: &Y,
        hg: f64,
        work: &mut Work,
    ) -> Result<(), StepFailure> {
        field.jacobian(t, y, &mut self.jacobian);
        work.jacobians += 1;
        let n = self.update.len();
        if self.jacobian.shape() != (n, n) {
            self.jacobian = DMatrix::zeros(n, n);
            return Err(StepFailure::Shape);
        }
        (self.fresh, self.stale) = (true, false);
        self.factor(hg, work)
    }

    fn factor(&mut self, hg: f64, work: &mut Work) -> Result<(), StepFailure> {
        let n = self.jacobian.nrows();
        let mut matrix = &self.jacobian * -hg;
        for i in 0..n {
            matrix[(i, i)] += 1.0;
        }
        if matrix.iter().any(|x| !x.is_finite()) {
            self.lu = None;
            return Err(StepFailure::Singular);
        }
        let lu = matrix.lu();
        work.factorisations += 1;
        self.factored = hg;
        if !lu.is_invertible() {
            self.lu = None;
            return Err(StepFailure::Singular);
        }
        self.lu = Some(lu);
        Ok(())
    }

    /// Solves `Y = base + hγ f(t, Y)` from the guess in `stage`; `slope` is scratch space. Convergence is measured in the
    /// weighted norm of the tolerances around `y`.
    pub(super) fn solve<Y: DenseState, F: Jacobian<Y>>(
        &mut self,
        field: &mut F,
        t: f64,
        hg: f64,
        y: &Y,
        base: &Y,
        stage: &mut Y,
        slope: &mut Y,
        work: &mut Work,
    ) -> Result<(), StepFailure> {
        let Some(lu) = &self.lu else { return Err(StepFailure::Singular) };
        let mut previous = f64::INFINITY;
        for iteration in 1..=ITERATIONS {
            field.eval(t, stage, slope);
            work.evaluations += 1;
            if !slope.same_shape(stage) {
                *slope = stage.zeros_like();
                return Err(StepFailure::Shape);
            }
            let (b, k, z) = (base.as_slice(), slope.as_slice(), stage.as_mut_slice());
            for i in 0..z.len() {
                self.update[i] = b[i] + hg * k[i] - z[i];
            }
            lu.solve_mut(&mut self.update);
            work.linear_solves += 1;
            let (mut sum, y) = (0.0, y.as_slice());
            for i in 0..z.len() {
                z[i] += self.update[i];
                let w = self.update[i] / (self.atol + self.rtol * y[i].abs().max(z[i].abs()));
                sum += w * w;
            }
            let norm = (sum / z.len().max(1) as f64).sqrt();
            if !norm.is_finite() {
                return Err(StepFailure::Newton { iterations: iteration });
            }
            // At rounding nothing can be gained any more.
            let rounding = z
                .iter()
                .zip(self.update.iter())
                .all(|(z, u)| u.abs() <= 32.0 * f64::EPSILON * z.abs().max(f64::MIN_POSITIVE));
            if norm == 0.0 || rounding {
                return Ok(());
            }
            let rate = norm / previous;
            if iteration > 1 {
                if rate > SLOW {
                    self.stale = true;
                }
                if rate < 1.0 && rate / (1.0 - rate) * norm <= KAPPA {
                    return Ok(());
                }
                if rate >= 2.0 || (rate >= 0.98 && norm > 1.0) {
                    return Err(StepFailure::Newton { iterations: iteration });
                }
            } else if norm <= 1e-3 * KAPPA {
                return Ok(());
            }
            previous = norm;
        }
        Err(StepFailure::Newton { iterations: ITERATIONS })
    }
}
