//! Reconstruction by inverse steps, in segments.

use super::sweep::{Arguments, Sweep};
use super::{GradientStatistics, Reversible};
use crate::increment::PullBack;
use crate::state::State;
use crate::stepper::scheme::Differentiable;

/// The extended states at the ends of the segments, before their companions were started afresh.
///
/// A segment is run back from its end, pulled back on the way, and compared at its start with the end of the segment
/// before. If it is off, its states are computed again from there, and it is pulled back once more.
pub(crate) struct Segments<E> {
    config: Reversible,
    ends: Vec<E>,
}

impl<E: State> Segments<E> {
    pub(crate) fn new(config: Reversible) -> Self {
        Self { config, ends: Vec::new() }
    }

    /// Takes note of step `n`, which led to `to`.
    pub(crate) fn offer(&mut self, n: u64, _from: &E, to: &E) {
        if self.config.segment.is_some_and(|steps| (n + 1).is_multiple_of(steps)) {
            self.ends.push(to.clone());
        }
    }

    /// Pulls every step back, the last first; `end` is the extended state at the end of the last step.
    pub(crate) fn sweep<M, F, Y>(
        mut self,
        sweep: &mut Sweep<M, F, Y>,
        end: E,
        y0: &Y,
        stats: &mut GradientStatistics,
    ) where
        Y: State,
        F: PullBack<Y>,
        M: Differentiable<Y, F, Extended = E>,
    {
        let mut last = sweep.log.len();
        let length = self.config.segment.unwrap_or(last).max(1);
        if self.config.segment.is_some() && last.is_multiple_of(length) {
            self.ends.pop();
        }
        let mut e = end;
        let mut before = e.zeros_like();
        // The start, the end of the last step, and the ends of the segments.
        stats.checkpoints = self.ends.len() as u64 + 2;
        stats.peak_bytes =
            self.ends.iter().map(|e| e.bytes() as u64).sum::<u64>() + (y0.bytes() + e.bytes()) as u64;
        let mut remaining_bytes = stats.peak_bytes;
        while last > 0 {
            let first = (last - 1) / length * length;
            let (bar, gradient) = (sweep.bar.clone(), sweep.gradient.clone());
            let checkpoint = self.ends.pop();
            let y = checkpoint.as_ref().map_or(y0, |c| sweep.scheme.value(c)).clone();
            let t = sweep.log.get(first).0;
            let start = sweep.scheme.start(&mut sweep.field, t, &y);
            sweep.scheme.forget();
            let (mut off, mut good) = (f64::INFINITY, false);
            for n in (first..last).rev() {
                let (t0, h) = sweep.log.get(n);
                sweep.scheme.backward(&mut sweep.field, t0, t0 + h, &e, &mut before);
                std::mem::swap(&mut e, &mut before);
                if n == first {
                    off = distance(&e, &start);
                    good = off <= self.config.tolerance;
                    if !good {
                        break;
                    }
                }
                sweep.pull(n, &e, Arguments::Prepared);
            }
            let error = if off.is_nan() { f64::INFINITY } else { off };
            stats.reconstruction_error = stats.reconstruction_error.max(error);
            if !good {
                stats.fallbacks += 1;
                (sweep.bar, sweep.gradient) = (bar, gradient);
                let bytes = recompute(sweep, start, first, last);
                stats.peak_bytes = stats.peak_bytes.max(remaining_bytes + bytes);
            }
            if let Some(checkpoint) = checkpoint {
                remaining_bytes -= checkpoint.bytes() as u64;
                e = checkpoint;
            }
            last = first;
        }
    }
}

/// Pulls the steps `first..last` back from states that are computed again; returns the bytes that these took.
fn recompute<M, F, Y>(sweep: &mut Sweep<M, F, Y>, start: M::Extended, first: u64, last: u64) -> u64
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    let mut states = vec![start];
    sweep.scheme.forget();
    for n in first..last - 1 {
        let mut next = sweep.zero();
        sweep.advance(n, &states[states.len() - 1], &mut next);
        states.push(next);
    }
    let bytes = states.iter().map(|e| e.bytes() as u64).sum();
    for n in (first..last).rev() {
        if let Some(e) = states.pop() {
            sweep.pull(n, &e, Arguments::Unknown);
        }
    }
    bytes
}

/// `|a − b| / |b|`.
fn distance<E: State>(a: &E, b: &E) -> f64 {
    let mut difference = a.clone();
    difference.axpy(-1.0, b);
    let (off, size) = (difference.rms(), b.rms());
    if size > 0.0 { off / size } else { off }
}
