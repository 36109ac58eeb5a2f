//! What is asked for that makes no sense.

use super::outcome::Shown;

/// Why a solve was refused; the message names the value and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum BadInput {
    /// The interval begins nowhere or ends nowhere.
    Interval {
        /// The start.
        t0: f64,
        /// The end.
        t1: f64,
    },
    /// A step size that is zero or not a number.
    Step {
        /// The step size.
        dt: f64,
    },
    /// Tolerances that no step can meet, or that are none.
    Tolerances {
        /// The relative one.
        rtol: f64,
        /// The absolute one.
        atol: f64,
    },
    /// A save time that is not a number.
    SaveTime {
        /// Its position.
        index: usize,
    },
    /// A save time that is given twice.
    RepeatedTime {
        /// The position of the second.
        index: usize,
        /// The time.
        t: f64,
    },
    /// Save times that are not in the order of the integration.
    UnsortedTimes {
        /// The position of the first that is out of order.
        index: usize,
        /// The time before it.
        before: f64,
        /// The time.
        t: f64,
        /// Whether the integration goes backward.
        backward: bool,
    },
    /// A field whose slopes (or Jacobians) have another shape than the state.
    FieldShape {
        /// Where it was found.
        t: f64,
    },
    /// A method that cannot do what is asked of it in a batch.
    NoErrorEstimate,
    /// A batch whose starts and field differ in the number of components.
    Components {
        /// Of the starts.
        starts: usize,
        /// Of the field.
        field: usize,
    },
}

impl BadInput {
    /// The time at which it was found, if a time is to blame.
    pub fn time(&self) -> Option<f64> {
        match *self {
            Self::RepeatedTime { t, .. } | Self::UnsortedTimes { t, .. } | Self::FieldShape { t } => Some(t),
            _ => None,
        }
    }
}

impl std::error::Error for BadInput {}

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Interval { t0, t1 } => {
                write!(
                    f,
                    "the interval from {t0} to {t1} is none: the start must be finite, and the end a number"
                )
            }
            Self::Step { dt } => {
                write!(f, "a step size of {dt} moves nothing: it must be finite and not zero")
            }
            Self::Tolerances { rtol, atol } => write!(
                f,
                "no step meets rtol = {rtol} with atol = {atol}: neither may be negative, and one must be above zero"
            ),
            Self::SaveTime { index } => write!(f, "save time {index} is not a number"),
            Self::RepeatedTime { index, t } => {
                write!(f, "save time {index} repeats t = {}: give each time once", Shown(t))
            }
            Self::UnsortedTimes { index, before, t, backward } => write!(
                f,
                "save time {index} (t = {}) comes after t = {}: sort them {}, in the order of the integration",
                Shown(t),
                Shown(before),
                if backward { "descending" } else { "ascending" }
            ),
            Self::FieldShape { t } => write!(
                f,
                "the field gave a slope of another shape than the state's at t = {}: it must write dy in place, with as \
                 many components as y has",
                Shown(t)
            ),
            Self::NoErrorEstimate => {
                write!(
                    f,
                    "the method has no error estimate to adapt to: take bogacki_shampine, dopri5, tsit5 or dopri8"
                )
            }
            Self::Components { starts, field } => write!(
                f,
                "the starts have {starts} components and the field {field}: give one column of starts per component"
            ),
        }
    }
}
