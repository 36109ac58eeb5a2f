//! The times of the steps that were taken.

/// Steps `(t, h)` in order; consecutive ones of one size take the memory of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepLog {
    runs: Vec<Run>,
    steps: u64,
}

/// Steps `t = origin + k h`, `k = 0, 1, …`, the first of them with index `first`.
#[derive(Clone, Copy, Debug)]
struct Run {
    origin: f64,
    h: f64,
    first: u64,
}

impl Run {
    fn time(&self, n: u64) -> f64 {
        self.origin + self.h * (n - self.first) as f64
    }
}

impl StepLog {
    pub(crate) fn len(&self) -> u64 {
        self.steps
    }

    pub(crate) fn push(&mut self, t: f64, h: f64) {
        let n = self.steps;
        let continues = self.runs.last().is_some_and(|run| run.h == h && run.time(n) == t);
        if !continues {
            self.runs.push(Run { origin: t, h, first: n });
        }
        self.steps += 1;
    }

    /// The start and the size of step `n`.
    pub(crate) fn get(&self, n: u64) -> (f64, f64) {
        let run = self.runs[self.runs.partition_point(|run| run.first <= n) - 1];
        (run.time(n), run.h)
    }

    /// The step within which, or at whose end, `t` lies.
    pub(crate) fn find(&self, t: f64) -> Option<u64> {
        let sign = self.runs.first()?.h.signum();
        let (mut low, mut high) = (0, self.steps);
        // The last step that starts before t.
        while low < high {
            let middle = u64::midpoint(low, high);
            if (t - self.get(middle).0) * sign > 0.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.runs.len() * size_of::<Run>()) as u64
    }
}
