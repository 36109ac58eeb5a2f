//! The terms that an identified equation may have.

/// A function of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `Π xᵢ^pᵢ`.
    Monomial(Vec<i32>),
    /// `sin xᵢ`.
    Sine(usize),
    /// `cos xᵢ`.
    Cosine(usize),
}

impl Term {
    /// All monomials up to a degree in ascending order, and the sine and cosine of each variable if wanted.
    pub fn library(variables: usize, degree: usize, waves: bool) -> Vec<Self> {
        let mut terms = Vec::new();
        for d in 0..=degree {
            powers(variables, d as i32, &mut Vec::new(), &mut terms);
        }
        if waves {
            terms.extend((0..variables).flat_map(|i| [Self::Sine(i), Self::Cosine(i)]));
        }
        terms
    }

    /// The value at a state.
    pub fn value(&self, x: &[f64]) -> f64 {
        match self {
            Self::Monomial(p) => p.iter().zip(x).filter(|(p, _)| **p > 0).map(|(p, x)| x.powi(*p)).product(),
            Self::Sine(i) => x[*i].sin(),
            Self::Cosine(i) => x[*i].cos(),
        }
    }

    /// The derivative by the `k`-th variable.
    pub fn derivative(&self, x: &[f64], k: usize) -> f64 {
        match self {
            Self::Monomial(p) if p[k] > 0 => {
                let others = p.iter().zip(x).enumerate().filter(|(i, (p, _))| *i != k && **p > 0);
                let others: f64 = others.map(|(_, (p, x))| x.powi(*p)).product();
                f64::from(p[k]) * x[k].powi(p[k] - 1) * others
            }
            Self::Sine(i) if *i == k => x[*i].cos(),
            Self::Cosine(i) if *i == k => -x[*i].sin(),
            _ => 0.0,
        }
    }

    /// The name, such as `x z^2`; a constant has none.
    pub fn name(&self, variables: &[String]) -> String {
        match self {
            Self::Monomial(p) => {
                let factors = p.iter().zip(variables).filter(|(p, _)| **p > 0);
                let factor = |(p, v): (&i32, &String)| if *p == 1 { v.clone() } else { format!("{v}^{p}") };
                factors.map(factor).collect::<Vec<_>>().join(" ")
            }
            Self::Sine(i) => format!("sin({})", variables[*i]),
            Self::Cosine(i) => format!("cos({})", variables[*i]),
        }
    }
}

/// Appends the monomials of one degree whose first powers are given.
fn powers(variables: usize, degree: i32, first: &mut Vec<i32>, terms: &mut Vec<Term>) {
    if first.len() + 1 >= variables {
        let mut all = first.clone();
        all.resize(variables, degree);
        terms.push(Term::Monomial(all));
        return;
    }
    for p in (0..=degree).rev() {
        first.push(p);
        powers(variables, degree - p, first, terms);
        first.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_complete_and_its_derivatives_are_right() {
        let terms = Term::library(3, 3, true);
        assert_eq!(terms.len(), 20 + 6);
        let names = ["x", "y", "z"].map(str::to_owned);
        let read: Vec<_> = terms[..10].iter().map(|t| t.name(&names)).collect();
        assert_eq!(read, ["", "x", "y", "z", "x^2", "x y", "x z", "y^2", "y z", "z^2"]);
        let x = [0.7, -1.3, 2.1];
        for term in &terms {
            for k in 0..3 {
                let at = |h: f64| {
                    let mut moved = x;
                    moved[k] += h;
                    term.value(&moved)
                };
                let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((term.derivative(&x, k) - difference).abs() < 1e-7, "{term:?} by {k}");
            }
        }
        assert_eq!(Term::library(1, 2, false).len(), 3);
    }
}
