//! Regression tests against analytic and golden solutions, and the command end to end.
