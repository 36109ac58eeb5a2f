//! What moves a state: a network, or what is made of the gradient of one, and terms that are known.

use super::super::network::Dense;

/// A field `f_θ(y)` of a network of hyperbolic tangents, and terms known beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSpec {
    /// What the network gives.
    pub kind: FieldKind,
    /// Entries of the network's input, its hidden layers and its output.
    pub sizes: Vec<usize>,
    /// Terms that are added.
    pub known: Vec<Monomial>,
}

/// What a network gives of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// The field itself.
    Plain,
    /// `H(q, p)` with `q' = ∂H/∂p`, `p' = −∂H/∂q`.
    Hamiltonian,
    /// `L(q, v) = ½ |v|² +` the network, with `q' = v`, `v' = (∂²L/∂v²)⁻¹ (∂L/∂q − (∂²L/∂v∂q) v)`.
    Lagrangian,
    /// Two networks `T(p)` and `V(q)`, in this order, with `q' = ∂T/∂p`, `p' = −∂V/∂q`.
    Separable,
}

/// A term `c Π yᵢ^pᵢ` of one entry of the field.
#[derive(Clone, Debug, PartialEq)]
pub struct Monomial {
    /// The entry of `dy/dt`.
    pub entry: usize,
    /// `c`.
    pub coefficient: f64,
    /// `pᵢ`.
    pub powers: Vec<u32>,
}

impl FieldSpec {
    /// A field of `dim` entries with hidden layers of the given widths.
    ///
    /// A Hamiltonian or Lagrangian field has an even `dim`, positions first.
    pub fn new(kind: FieldKind, dim: usize, hidden: &[usize], known: Vec<Monomial>) -> Self {
        let (input, output) = match kind {
            FieldKind::Plain => (dim, dim),
            FieldKind::Hamiltonian | FieldKind::Lagrangian => (dim, 1),
            FieldKind::Separable => (dim / 2, 1),
        };
        let sizes = [&[input], hidden, &[output]].concat();
        Self { kind, sizes, known }
    }

    /// Entries of a state.
    pub fn dim(&self) -> usize {
        match self.kind {
            FieldKind::Plain | FieldKind::Hamiltonian | FieldKind::Lagrangian => self.sizes[0],
            FieldKind::Separable => 2 * self.sizes[0],
        }
    }

    /// Networks.
    pub fn networks(&self) -> usize {
        if self.kind == FieldKind::Separable { 2 } else { 1 }
    }

    /// The length of `θ`: network after network, layer after layer, `W` row by row, then `b`.
    pub fn parameters(&self) -> usize {
        self.networks() * Dense::<f64>::count(&self.sizes)
    }
}
