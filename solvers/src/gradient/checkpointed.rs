//! Online binomial checkpointing.

use super::sweep::{Arguments, Sweep};
use super::{Checkpointed, GradientStatistics};
use crate::increment::PullBack;
use crate::state::State;
use crate::stepper::scheme::Differentiable;

/// A bounded set of states of a solve of unknown length.
///
/// On the way forward a checkpoint has a level; one that a later checkpoint outranks may give its slot to the newest
/// state, and when none is left the newest one is outranked. So at any time the set is that of a binomial schedule: with
/// `S` slots no step of the first `C(S + r, r)` is computed more than `r` times again. On the way back, slots that come
/// free are used by the offline binomial schedule.
///
/// Q. Wang, P. Moin, G. Iaccarino, "Minimal repetition dynamic checkpointing algorithm for unsteady adjoint
/// calculation", SIAM J. Sci. Comput. 31 (2009) 2549-2567; A. Griewank, A. Walther, "Algorithm 799: revolve", ACM TOMS
/// 26 (2000) 19-45.
pub(crate) struct Checkpoints<E> {
    config: Checkpointed,
    kept: Vec<Checkpoint<E>>,
    slots: usize,
}

struct Checkpoint<E> {
    step: u64,
    level: u32,
    state: E,
}

impl<E: State> Checkpoints<E> {
    pub(crate) fn new(config: Checkpointed) -> Self {
        Self { config, kept: Vec::new(), slots: 0 }
    }

    /// Takes note of the state from which step `n` starts.
    pub(crate) fn offer(&mut self, n: u64, state: &E) {
        if self.kept.is_empty() {
            let within = |mb: f64| (mb * 1e6 / state.bytes().max(1) as f64) as usize;
            let slots = self.config.slots.unwrap_or(usize::MAX);
            self.slots = self.config.budget_mb.map_or(slots, |mb| within(mb).min(slots)).max(1);
            self.kept.push(Checkpoint { step: n, level: u32::MAX, state: state.clone() });
            return;
        }
        if self.kept.len() < self.slots {
            self.kept.push(Checkpoint { step: n, level: 0, state: state.clone() });
            return;
        }
        let mut highest = 0;
        let outranked = self.kept.iter().rposition(|c| {
            let outranked = c.level < highest;
            highest = highest.max(c.level);
            outranked
        });
        let (position, level) = match (outranked, self.kept.last()) {
            (Some(position), _) => (position, 0),
            (None, Some(last)) if self.kept.len() > 1 => (self.kept.len() - 1, last.level + 1),
            // The one slot is the start's.
            _ => return,
        };
        let mut freed = self.kept.remove(position);
        freed.state.assign(state);
        self.kept.push(Checkpoint { step: n, level, state: freed.state });
    }

    /// Pulls every step back, the last first.
    pub(crate) fn sweep<M, F, Y>(mut self, sweep: &mut Sweep<M, F, Y>, stats: &mut GradientStatistics)
    where
        Y: State,
        F: PullBack<Y>,
        M: Differentiable<Y, F, Extended = E>,
    {
        let mut next = sweep.zero();
        let mut remaining = sweep.log.len();
        self.measure(stats);
        while let (Some(n), Some(last)) = (remaining.checked_sub(1), self.kept.last()) {
            if last.step == n {
                if let Some(c) = self.kept.pop() {
                    sweep.pull(n, &c.state, Arguments::Unknown);
                }
                remaining = n;
                continue;
            }
            let free = self.slots.saturating_sub(self.kept.len()) as u64;
            let target = last.step + ahead(n + 1 - last.step, free);
            let (mut step, mut state) = (last.step, last.state.clone());
            sweep.scheme.forget();
            while step < target {
                sweep.advance(step, &state, &mut next);
                std::mem::swap(&mut state, &mut next);
                step += 1;
            }
            if free == 0 {
                sweep.pull(n, &state, Arguments::Unknown);
                remaining = n;
            } else {
                self.kept.push(Checkpoint { step, level: 0, state });
                self.measure(stats);
            }
        }
    }

    fn measure(&self, stats: &mut GradientStatistics) {
        let bytes = self.kept.iter().map(|c| c.state.bytes()).sum::<usize>() as u64;
        stats.checkpoints = stats.checkpoints.max(self.kept.len() as u64);
        stats.peak_bytes = stats.peak_bytes.max(bytes);
    }
}

/// How far to go from a checkpoint before the next one is set, with `length` steps to be pulled back from it and `free`
/// slots left: to the last of them if there is none.
fn ahead(length: u64, free: u64) -> u64 {
    if free == 0 {
        return length - 1;
    }
    // The fewest repetitions r with C(s + r, s) ≥ length, of s = free + 1 checkpoints: then the part behind the next
    // one is of at most C(s + r − 1, s − 1) steps, and the part before it of at most C(s + r − 1, s).
    let repetitions = (1..).find(|r| binomial(free + 1 + r, free + 1) >= length).unwrap_or(1);
    let (before, behind) = (binomial(free + repetitions, free + 1), binomial(free + repetitions, free));
    let (least, most) = (length.saturating_sub(behind).max(1), before.min(length - 1));
    u64::midpoint(least, most.max(least))
}

/// The binomial coefficient, saturating.
fn binomial(n: u64, k: u64) -> u64 {
    let k = k.min(n - k);
    let mut value = 1_u128;
    for i in 1..=k {
        value = value * u128::from(n - k + i) / u128::from(i);
        if value > u128::from(u64::MAX) {
            return u64::MAX;
        }
    }
    value as u64
}
