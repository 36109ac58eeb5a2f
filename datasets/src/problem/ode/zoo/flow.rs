//! A chaotic flow as data.

use super::number::Dual;

/// A system of the zoo.
#[derive(Debug)]
pub(super) struct Flow {
    /// The name in configs.
    pub(super) name: &'static str,
    /// One line of mathematics.
    pub(super) equation: &'static str,
    /// The names of the variables.
    pub(super) variables: &'static [&'static str],
    /// A state on or close to the attractor.
    pub(super) start: &'static [f64],
    /// The parameters and their usual values.
    pub(super) parameters: &'static [(&'static str, f64)],
    /// The largest Lyapunov exponent as published for these values.
    pub(super) exponent: f64,
    /// Where it is published.
    pub(super) source: &'static str,
    /// A time that resolves the attractor: about a hundredth of the time in which an orbit turns once.
    pub(super) dt: f64,
    /// Writes the right-hand side.
    pub(super) slope: fn(&[f64], &[f64], &mut [f64]),
    /// Writes the right-hand side with its gradients.
    pub(super) dual: fn(&[Dual], &[Dual], &mut [Dual]),
}

/// A [`Flow`] from a right-hand side that is written once, in the names of variables and parameters.
macro_rules! flow {
    (
        name: $name:literal,
        equation: $equation:literal,
        start: { $($variable:ident: $start:expr),* $(,)? },
        parameters: { $($parameter:ident: $value:expr),* $(,)? },
        exponent: $exponent:expr, $source:expr,
        dt: $dt:literal,
        slope: [$($slope:expr),* $(,)?] $(,)?
    ) => {{
        fn slope<T: Number>(y: &[T], p: &[T], dy: &mut [T])
        where
            f64: std::ops::Add<T, Output = T> + std::ops::Sub<T, Output = T> + std::ops::Mul<T, Output = T>,
        {
            if let (&[$($variable),*], &[$($parameter),*]) = (y, p) {
                dy.copy_from_slice(&[$($slope),*]);
            }
        }
        Flow {
            name: $name,
            equation: $equation,
            variables: &[$(stringify!($variable)),*],
            start: &[$($start),*],
            parameters: &[$((stringify!($parameter), $value)),*],
            exponent: $exponent,
            source: $source,
            dt: $dt,
            slope: slope::<f64>,
            dual: slope::<Dual>,
        }
    }};
}

pub(super) use flow;
