//! Which states of a trajectory are kept.

/// Which states of a trajectory are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SaveAt {
    /// The last one.
    #[default]
    End,
    /// The first, and every `every`-th step (and the last).
    Steps {
        /// How many steps lie between two that are kept.
        every: u64,
    },
    /// Those at the given times, each once, in the order of the integration (descending if it goes backward); times outside
    /// the interval are ignored.
    Times(Vec<f64>),
    /// All of them: the ends of all steps, and [`Solution::dense`](super::Solution::dense).
    Dense,
}
