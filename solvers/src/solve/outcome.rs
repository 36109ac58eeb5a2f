//! How a trajectory ended.

use super::BadInput;

/// How a trajectory ended.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// At the end of the interval.
    Reached,
    /// At a terminal event.
    Event {
        /// Its position in the list given.
        index: usize,
        /// Its time.
        t: f64,
    },
    /// At the end of the interval, but an event that must happen had not happened.
    NeverFired {
        /// The event's position in the list given.
        index: usize,
        /// The end.
        t: f64,
    },
    /// Where resets follow each other without time passing between them.
    Zeno {
        /// The position of the event whose resets they are.
        index: usize,
        /// Where they accumulate.
        t: f64,
        /// How often the event has happened.
        count: u64,
    },
    /// Left by the caller before the end.
    Unfinished {
        /// Where it was left.
        t: f64,
    },
    /// Before it began, because what was asked for makes no sense, or a field was found to be of the wrong shape.
    Refused {
        /// What is wrong.
        reason: BadInput,
    },
    /// At the limit of steps.
    StepLimit {
        /// Where it stopped.
        t: f64,
        /// The limit.
        steps: u64,
    },
    /// Because the step size fell to rounding.
    StepUnderflow {
        /// Where it stopped.
        t: f64,
        /// The step size that was too small.
        dt: f64,
    },
    /// Because the state was no longer finite.
    NonFinite {
        /// The time of the last finite state.
        t: f64,
    },
}

impl Outcome {
    /// Whether the trajectory ended as asked for.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Reached | Self::Event { .. })
    }

    /// When the trajectory ended, unless at the end asked for.
    pub fn time(&self) -> Option<f64> {
        match *self {
            Self::Reached => None,
            Self::Refused { reason } => reason.time(),
            Self::Event { t, .. }
            | Self::NeverFired { t, .. }
            | Self::Zeno { t, .. }
            | Self::Unfinished { t }
            | Self::StepLimit { t, .. }
            | Self::StepUnderflow { t, .. }
            | Self::NonFinite { t } => Some(t),
        }
    }
}

/// A time as messages show it: to six significant digits, without trailing zeros.
pub(super) struct Shown(pub(super) f64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        if rounded == 0.0 || (1e-4..1e9).contains(&rounded.abs()) {
            write!(f, "{rounded}")
        } else {
            write!(f, "{rounded:e}")
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reached => write!(f, "reached the end"),
            Self::Event { index, t } => write!(f, "event {index} ended the trajectory at t = {}", Shown(*t)),
            Self::NeverFired { index, t } => write!(
                f,
                "event {index} had not happened by t = {}: lengthen the interval, or look at the condition's sign there",
                Shown(*t)
            ),
            Self::Zeno { index, t, count } => write!(
                f,
                "event {index} happened {count} times and accumulates at t = {}: let it end the trajectory there, or go on \
                 with the equation of the state at rest",
                Shown(*t)
            ),
            Self::Unfinished { t } => write!(f, "left at t = {} before the end", Shown(*t)),
            Self::Refused { reason } => write!(f, "{reason}"),
            Self::StepLimit { t, steps } => {
                write!(
                    f,
                    "stopped at t = {} after {steps} steps: raise max_steps, loosen the tolerance, or take a stiff method (kvaerno5)",
                    Shown(*t)
                )
            }
            Self::StepUnderflow { t, dt } => {
                write!(
                    f,
                    "the step size fell to {dt:.2e} at t = {}: the problem is stiff (take kvaerno5), or singular \
                     there, or a component is zero and atol with it",
                    Shown(*t)
                )
            }
            Self::NonFinite { t } => {
                write!(
                    f,
                    "the solution was no longer finite after t = {}: take a smaller dt, or a method that is \
                     stable at this one; where no dt helps, the field itself is not finite",
                    Shown(*t)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn messages_show_times_without_rounding_noise() {
        let shown = |t: f64| {
            let message = Outcome::NonFinite { t }.to_string();
            message.split("t = ").nth(1).and_then(|m| m.split(':').next()).unwrap_or_default().to_owned()
        };
        assert_eq!(shown(0.1 + 0.2), "0.3");
        assert_eq!(shown(12.345_678_9), "12.3457");
        assert_eq!(shown(1_234_567.0), "1234570");
        assert_eq!(shown(2.000_000_04e-7), "2e-7");
        assert_eq!(shown(0.0), "0");
    }
}
