//! What a solve returns.

use super::Outcome;
use crate::event::EventRecord;
use crate::state::State;
use crate::stepper::{DenseStep, Work};

/// A trajectory, as far as it went.
#[derive(Clone, Debug)]
pub struct Solution<Y> {
    /// The times that were kept.
    pub ts: Vec<f64>,
    /// The states at these times.
    pub ys: Vec<Y>,
    /// The cost.
    pub stats: Statistics,
    /// How it ended.
    pub outcome: Outcome,
    /// The events found, in the order of time.
    pub events: Vec<EventRecord<Y>>,
    /// The interpolant, for [`SaveAt::Dense`](super::SaveAt::Dense).
    pub dense: Option<DenseOutput<Y>>,
}

impl<Y> Solution<Y> {
    /// Nothing yet, left at `t0`.
    pub(crate) fn empty(t0: f64) -> Self {
        Self {
            ts: Vec::new(),
            ys: Vec::new(),
            stats: Statistics::default(),
            outcome: Outcome::Unfinished { t: t0 },
            events: Vec::new(),
            dense: None,
        }
    }

    /// The last state kept.
    pub fn last(&self) -> Option<&Y> {
        self.ys.last()
    }
}

/// What a solve has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Statistics {
    /// Steps taken.
    pub accepted: u64,
    /// Steps tried and not taken.
    pub rejected: u64,
    /// The stepper's own counts.
    pub work: Work,
}

/// A trajectory as a function of time.
#[derive(Clone, Debug)]
pub struct DenseOutput<Y> {
    /// Where one piece ends and the next begins; one more than pieces.
    knots: Vec<f64>,
    /// The interpolants, each with the end of its step: beyond the next knot where an event cut the step short.
    pieces: Vec<(f64, DenseStep<Y>)>,
}

impl<Y: State> DenseOutput<Y> {
    pub(super) fn new(t0: f64) -> Self {
        Self { knots: vec![t0], pieces: Vec::new() }
    }

    /// Appends the interpolant of a step to `target`, valid up to `end`.
    pub(super) fn push(&mut self, piece: DenseStep<Y>, target: f64, end: f64) {
        self.pieces.push((target, piece));
        self.knots.push(end);
    }

    /// The state at `t`, or `None` outside the trajectory. Where an event has reset the state, that after the reset.
    pub fn at(&self, t: f64) -> Option<Y> {
        let (first, last) = (*self.knots.first()?, *self.knots.last()?);
        let forward = if last >= first { 1.0 } else { -1.0 };
        if (t - first) * forward < 0.0 || (t - last) * forward > 0.0 || self.pieces.is_empty() {
            return None;
        }
        let i = self.knots.partition_point(|k| (t - k) * forward >= 0.0).clamp(1, self.pieces.len()) - 1;
        let (a, (b, piece)) = (self.knots[i], &self.pieces[i]);
        Some(piece.at((t - a) / (b - a)))
    }

    /// Continues this trajectory with one that starts where it ends.
    pub(crate) fn append(&mut self, next: Self) {
        self.knots.extend(next.knots.into_iter().skip(1));
        self.pieces.extend(next.pieces);
    }
}
