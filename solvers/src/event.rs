//! Things that happen along a trajectory: roots of a function of time and state.

/// The sign change that counts as a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Either way.
    #[default]
    Any,
    /// From below zero to above.
    Rising,
    /// From above zero to below.
    Falling,
}

/// A function of time and state whose roots are found along a trajectory.
pub struct Event<Y> {
    /// The function.
    pub condition: Box<dyn FnMut(f64, &Y) -> f64 + Send>,
    /// Which sign change counts.
    pub direction: Direction,
    /// Whether the trajectory ends there.
    pub terminal: bool,
}

impl<Y> Event<Y> {
    /// An event at every root of `condition`, that does not end the trajectory.
    pub fn new(condition: impl FnMut(f64, &Y) -> f64 + Send + 'static) -> Self {
        Self { condition: Box::new(condition), direction: Direction::Any, terminal: false }
    }

    /// Counts only one sign change.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Ends the trajectory at the first root.
    #[must_use]
    pub fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Whether the values at the ends of a step enclose a root that counts.
    pub(crate) fn crossed(&self, before: f64, after: f64) -> bool {
        let rising = before < 0.0 && after >= 0.0;
        let falling = before > 0.0 && after <= 0.0;
        match self.direction {
            Direction::Any => rising || falling,
            Direction::Rising => rising,
            Direction::Falling => falling,
        }
    }
}

impl<Y> std::fmt::Debug for Event<Y> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("direction", &self.direction)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

/// A root that was found.
#[derive(Clone, Debug)]
pub struct EventRecord<Y> {
    /// The position of the event in the list given.
    pub index: usize,
    /// The time of the root.
    pub t: f64,
    /// The state there, by the method's dense output.
    pub y: Y,
}

/// The root in `[0, 1]` of a continuous function with values `f0`, `f1` of opposite sign at the ends, by the
/// Illinois variant of the false position, to rounding.
pub(crate) fn root(mut f: impl FnMut(f64) -> f64, f0: f64, f1: f64) -> f64 {
    let (mut a, mut fa, mut b, mut fb) = (0.0_f64, f0, 1.0_f64, f1);
    let mut side = 0;
    for _ in 0..100 {
        if fb == 0.0 || (b - a).abs() < 4.0 * f64::EPSILON {
            break;
        }
        let mut c = (a * fb - b * fa) / (fb - fa);
        if !(c > a.min(b) && c < a.max(b)) {
            c = 0.5 * (a + b);
        }
        let fc = f(c);
        if fc * fb < 0.0 {
            (a, fa) = (b, fb);
            side = 0;
        } else {
            side += 1;
            if side > 1 {
                fa *= 0.5;
            }
        }
        let step = (c - b).abs();
        (b, fb) = (c, fc);
        if step < 2.0 * f64::EPSILON * b.abs() {
            break;
        }
    }
    b
}
