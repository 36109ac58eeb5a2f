//! Which derivatives a jet carries.

/// The highest order of a derivative.
pub const MAX_ORDER: usize = 4;

/// The derivatives `∂ᵏ/∂sᵏ f(x + s v)` at `s = 0`, `k = 1 … order`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The direction `v`, one entry an input.
    pub vector: Vec<f64>,
    /// The highest order.
    pub order: usize,
    /// The component of the first order.
    pub first: usize,
}

/// The components of a jet: the value, then the derivatives along one line after the other, then, if it is asked for, the
/// Laplacian as one component.
///
/// ```
/// use flowmap_models::jet::Directions;
///
/// // u, u_x, u_xx, u_t of a function of (x, t).
/// let d = Directions::new(2).axis(0, 2).axis(1, 1);
/// assert_eq!((d.components(), d.component(0, 2), d.component(1, 1)), (4, 2, 3));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Directions {
    inputs: usize,
    lines: Vec<Line>,
    components: usize,
    laplacian: Option<Laplacian>,
}

/// A component that is the sum of the second derivatives along the first lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Laplacian {
    /// The component.
    pub(super) slot: usize,
    /// The lines from this one on, one an axis, are summed.
    pub(super) first_line: usize,
    /// The number of lines.
    pub(super) axes: usize,
}

impl Directions {
    /// The value alone of a function of so many inputs.
    pub fn new(inputs: usize) -> Self {
        Self { inputs, lines: Vec::new(), components: 1, laplacian: None }
    }

    /// And the derivatives along a vector up to an order, at most [`MAX_ORDER`]. A mixed derivative follows by polarisation:
    /// `2 u_xy = D²_(1,1) u − D²_(1,0) u − D²_(0,1) u`.
    ///
    /// # Panics
    /// If the vector has another number of inputs, or the order is not 1 to [`MAX_ORDER`].
    #[must_use]
    pub fn along(mut self, vector: &[f64], order: usize) -> Self {
        assert_eq!(vector.len(), self.inputs, "a direction has one entry for each input");
        assert!((1..=MAX_ORDER).contains(&order), "derivatives are of order 1 to {MAX_ORDER}");
        self.lines.push(Line { vector: vector.to_vec(), order, first: self.components });
        self.components += order;
        self
    }

    /// And the derivatives with respect to one input up to an order.
    ///
    /// # Panics
    /// As [`Self::along`].
    #[must_use]
    pub fn axis(self, axis: usize, order: usize) -> Self {
        let vector: Vec<f64> = (0..self.inputs).map(|a| f64::from(u8::from(a == axis))).collect();
        self.along(&vector, order)
    }

    /// And the gradient and the Laplacian with respect to the first `axes` inputs: `2 + axes` components where the second
    /// derivatives one by one would be `1 + 2 axes`.
    #[must_use]
    pub fn laplacian(mut self, axes: usize) -> Self {
        let first_line = self.lines.len();
        for axis in 0..axes {
            self = self.axis(axis, 1);
        }
        self.laplacian = Some(Laplacian { slot: self.components, first_line, axes });
        self.components += 1;
        self
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of components.
    pub fn components(&self) -> usize {
        self.components
    }

    /// The lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The component of a derivative of order one or more along a line.
    pub fn component(&self, line: usize, order: usize) -> usize {
        self.lines[line].first + order - 1
    }

    /// The component of the Laplacian.
    pub fn laplacian_component(&self) -> Option<usize> {
        self.laplacian.map(|l| l.slot)
    }

    pub(super) fn collapsed(&self) -> Option<Laplacian> {
        self.laplacian
    }

    /// The lines of the collapsed Laplacian.
    pub(super) fn collapsed_lines(&self) -> &[Line] {
        self.laplacian.map_or(&[], |l| &self.lines[l.first_line..l.first_line + l.axes])
    }

    /// The highest order of a derivative of an activation that the forward pass needs.
    pub(super) fn order(&self) -> usize {
        let lines = self.lines.iter().map(|l| l.order).max().unwrap_or(0);
        lines.max(if self.laplacian.is_some() { 2 } else { 0 })
    }
}
