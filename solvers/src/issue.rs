//! What is wrong with a configuration value, and where.

/// One problem of a configuration: where it is, what it is, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The dotted path of the value, `solver.etdrk4.dt`.
    pub path: String,
    /// What is wrong, with the value in it.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Issue {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: None }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Issue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Collects the problems of one table of a configuration.
#[derive(Debug)]
pub struct Check<'a> {
    path: String,
    issues: &'a mut Vec<Issue>,
}

impl<'a> Check<'a> {
    /// Checks the table at `path`; problems are appended to `issues`.
    pub fn new(path: impl Into<String>, issues: &'a mut Vec<Issue>) -> Self {
        Self { path: path.into(), issues }
    }

    /// The path of a key of this table.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A checker for the sub-table `key`.
    pub fn table(&mut self, key: &str) -> Check<'_> {
        let path = self.path(key);
        Check { path, issues: self.issues }
    }

    /// Records a problem with the value of `key`.
    pub fn fail(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let path = self.path(key);
        self.issues.push(Issue::new(path, message).hint(hint));
    }

    /// Records a problem with the value of `key` unless `holds`.
    pub fn require(&mut self, holds: bool, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        if !holds {
            self.fail(key, message, hint);
        }
    }

    /// Requires a finite number above zero.
    pub fn positive(&mut self, key: &str, value: f64) {
        self.require(
            value > 0.0 && value.is_finite(),
            key,
            format!("{value} is not a positive number"),
            "it must be finite and greater than 0",
        );
    }

    /// Requires a finite number of zero or above.
    pub fn non_negative(&mut self, key: &str, value: f64) {
        self.require(
            value >= 0.0 && value.is_finite(),
            key,
            format!("{value} is negative or not finite"),
            "it must be finite and at least 0",
        );
    }

    /// Requires a finite number.
    pub fn finite(&mut self, key: &str, value: f64) {
        self.require(value.is_finite(), key, format!("{value} is not finite"), "give a finite number");
    }

    /// Requires `low ≤ value ≤ high`.
    pub fn within<T: PartialOrd + std::fmt::Display>(&mut self, key: &str, value: T, low: T, high: T) {
        let holds = value >= low && value <= high;
        self.require(
            holds,
            key,
            format!("{value} is out of range"),
            format!("it must be between {low} and {high}"),
        );
    }

    /// Requires a count of at least `low`.
    pub fn at_least(&mut self, key: &str, value: usize, low: usize) {
        self.require(
            value >= low,
            key,
            format!("{value} is too small"),
            format!("it must be at least {low}"),
        );
    }
}

/// A configuration whose values can be checked beyond their types.
pub trait Validate {
    /// Records everything that is wrong with `self`.
    fn validate(&self, check: Check<'_>);

    /// All problems of `self`, found at `path`.
    fn issues(&self, path: &str) -> Vec<Issue> {
        let mut issues = Vec::new();
        self.validate(Check::new(path, &mut issues));
        issues
    }
}
