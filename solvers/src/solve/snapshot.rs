//! The state of an integration as plain data.

use serde::{Deserialize, Serialize};

use super::Statistics;
use crate::event::Watch;

/// Where an [`Integrator`](super::Integrator) stands: all that its further steps depend on, beside stepper and options.
///
/// It is the same to the bit in every format of serde: numbers are stored as their bits. What has been kept of the trajectory
/// is not part of it; that is in the solution which the integrator gives when it is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The time.
    #[serde(with = "exact")]
    pub(super) t: f64,
    /// The entries of the state.
    #[serde(with = "exact_all")]
    pub(super) y: Vec<f64>,
    /// The step that an adaptive solve tries next.
    #[serde(with = "exact")]
    pub(super) h: f64,
    /// Where the count of equal steps began, and the count.
    #[serde(with = "exact")]
    pub(super) origin: f64,
    pub(super) n: u64,
    /// The memory of the controller: the logarithms of two errors.
    #[serde(with = "exact_all")]
    pub(super) logarithms: Vec<f64>,
    /// Whether the last step was rejected.
    pub(super) rejected: bool,
    /// The next save time.
    pub(super) next_save: usize,
    /// What is known of every event.
    pub(super) watches: Vec<Watch>,
    /// The time of the last reset; none or one.
    #[serde(with = "exact_all")]
    pub(super) last_reset: Vec<f64>,
    /// Ends of rejected steps that the stepper comes back to.
    #[serde(with = "exact_all")]
    pub(super) revisited: Vec<f64>,
    /// The cost so far.
    pub(super) stats: Statistics,
    /// The stepper's own memory.
    #[serde(with = "exact_all")]
    pub(super) memory: Vec<f64>,
}

impl Snapshot {
    /// The time.
    pub fn t(&self) -> f64 {
        self.t
    }

    /// The cost so far.
    pub fn stats(&self) -> Statistics {
        self.stats
    }
}

/// Why an integration could not go on from a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// Another state.
    #[error(
        "the snapshot holds {found} entries, and the state has {expected}: resume with a state of the same shape"
    )]
    State {
        /// Entries of the state.
        expected: usize,
        /// Entries of the snapshot.
        found: usize,
    },
    /// Other events.
    #[error(
        "the snapshot knows {found} events, and the options have {expected}: resume with the same options"
    )]
    Events {
        /// Of the options.
        expected: usize,
        /// Of the snapshot.
        found: usize,
    },
    /// Another method.
    #[error(
        "the snapshot holds the memory of another method, or of another system: resume with the same stepper"
    )]
    Stepper,
    /// A fixed step that is now adaptive, or the other way round, or times outside the interval.
    #[error("the snapshot is of another solve: resume with the same interval and step control")]
    Options,
}

/// A number as its bits (which TOML, too, can hold: signed).
pub(crate) mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(x.to_bits().cast_signed())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(f64::from_bits(i64::deserialize(deserializer)?.cast_unsigned()))
    }
}

/// Numbers as their bits.
mod exact_all {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(x: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(x.iter().map(|x| x.to_bits().cast_signed()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let bits = Vec::<i64>::deserialize(deserializer)?;
        Ok(bits.into_iter().map(|b| f64::from_bits(b.cast_unsigned())).collect())
    }
}
