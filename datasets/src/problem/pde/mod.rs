//! Partial differential equations on periodic grids, `û_t = L û + N(t, û)` in Fourier space.
//!
//! An equation gives only its [`Operators`]; the rest follows from them.

mod advection;
mod advection_diffusion;
mod allen_cahn;
mod burgers;
mod dispersion;
mod fisher_kpp;
mod gray_scott;
mod heat;
mod kdv;
mod kuramoto_sivashinsky;
mod navier_stokes;
mod nonlinear_schrodinger;
mod shallow_water;
mod swift_hohenberg;
mod workspace;

pub use advection::Advection;
pub use advection_diffusion::AdvectionDiffusion;
pub use allen_cahn::AllenCahn;
pub use burgers::Burgers;
pub use dispersion::Dispersion;
pub use fisher_kpp::FisherKpp;
pub use gray_scott::GrayScott;
pub use heat::Heat;
pub use kdv::Kdv;
pub use kuramoto_sivashinsky::KuramotoSivashinsky;
pub use navier_stokes::{Forcing, NavierStokes};
pub use nonlinear_schrodinger::NonlinearSchrodinger;
pub use shallow_water::ShallowWater;
pub use swift_hohenberg::SwiftHohenberg;
pub use workspace::{Tables, Workspace};

use std::ops::Range;
use std::sync::Arc;

use flowmap_solvers::field::SemiLinear;
use flowmap_solvers::fourier::{FourierGrid, GridError, GridKind, HostDiagonal};
use ndarray::Array2;
use num_complex::Complex64;

use crate::initial::InitialConfig;

/// An exact solution: the physical field `[channel, point]`, flattened, at a time.
pub type Exact = Box<dyn Fn(f64) -> Vec<f64> + Send + Sync>;

/// What an equation gives: its name, its grid, its linear and nonlinear operators.
pub trait Operators: Clone + Send + Sync + 'static {
    /// The name in configs.
    const NAME: &'static str;
    /// One line of mathematics.
    const EQUATION: &'static str;
    /// The channels of the physical field. A complex grid has one complex field, seen as two channels.
    const CHANNELS: &'static [&'static str] = &["u"];
    /// Whether `N` is absent.
    const LINEAR: bool = false;

    /// The grid.
    ///
    /// # Errors
    /// If the configured points or lengths allow none.
    fn grid(&self) -> Result<FourierGrid, GridError>;

    /// The eigenvalues of `L`: the modes of one field after the other.
    fn symbol(&self, grid: &FourierGrid) -> Vec<Complex64>;

    /// Factors of `N` that depend on the grid only.
    fn tables(&self, _grid: &FourierGrid) -> Tables {
        Tables::default()
    }

    /// Writes `N(t, û)` into `out`, dealiased; both hold the modes of one field after the other.
    fn nonlinear(&self, _t: f64, _u_hat: &[Complex64], out: &mut [Complex64], _ws: &mut Workspace) {
        out.fill(Complex64::ZERO);
    }

    /// The solution that starts from `initial`, where it is known in closed form.
    fn exact(&self, _initial: &InitialConfig, _grid: &FourierGrid) -> Option<Exact> {
        None
    }

    /// The physical field of a flow in balance under the surface `height`, where there is one; or why it is no state.
    fn balanced(&self, _height: Vec<f64>, _ws: &mut Workspace) -> Option<Result<Vec<f64>, String>> {
        None
    }

    /// Quantities that the equation conserves, of a physical field.
    fn invariants(&self, _u: &[f64], _ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The largest Lyapunov exponent, where it is known.
    fn lyapunov_exponent(&self) -> Option<f64> {
        None
    }
}

/// An equation on its grid.
pub trait PdeProblem: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;
    /// One line of mathematics.
    fn equation(&self) -> &'static str;
    /// The grid.
    fn grid(&self) -> &FourierGrid;
    /// The channels of the physical field.
    fn channels(&self) -> &'static [&'static str];
    /// Whether the equation is linear.
    fn is_linear(&self) -> bool;
    /// The eigenvalues of `L`: the modes of one field after the other.
    fn symbol(&self) -> &[Complex64];
    /// Writes `N(t, û)` into `out`.
    fn nonlinear(&self, t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace);
    /// Scratch space for one thread.
    fn workspace(&self) -> Workspace;
    /// The solution that starts from `initial`, where it is known in closed form.
    fn exact(&self, initial: &InitialConfig) -> Option<Exact>;
    /// The physical field of a flow in balance under the surface `height`, where there is one; or why it is no state.
    fn balanced(&self, height: Vec<f64>) -> Option<Result<Vec<f64>, String>>;
    /// Quantities that the equation conserves, of a physical field.
    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)>;
    /// The largest Lyapunov exponent, where it is known.
    fn lyapunov_exponent(&self) -> Option<f64>;
}

/// [`Operators`] on their grid.
pub struct Pde<O> {
    operators: O,
    grid: FourierGrid,
    symbol: Vec<Complex64>,
    tables: Arc<Tables>,
}

impl<O: Operators> Pde<O> {
    /// Builds the grid, the symbol and the tables.
    ///
    /// # Errors
    /// If the configured points or lengths allow no grid.
    pub fn new(operators: O) -> Result<Self, GridError> {
        let grid = operators.grid()?;
        let symbol = operators.symbol(&grid);
        let tables = Arc::new(operators.tables(&grid));
        Ok(Self { operators, grid, symbol, tables })
    }
}

impl<O: Operators> PdeProblem for Pde<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }
    fn equation(&self) -> &'static str {
        O::EQUATION
    }
    fn grid(&self) -> &FourierGrid {
        &self.grid
    }
    fn channels(&self) -> &'static [&'static str] {
        O::CHANNELS
    }
    fn is_linear(&self) -> bool {
        O::LINEAR
    }
    fn symbol(&self) -> &[Complex64] {
        &self.symbol
    }
    fn nonlinear(&self, t: f64, u_hat: &[Complex64], out: &mut [Complex64], ws: &mut Workspace) {
        self.operators.nonlinear(t, u_hat, out, ws);
    }
    fn workspace(&self) -> Workspace {
        Workspace::new(&self.grid, !O::LINEAR, Arc::clone(&self.tables))
    }
    fn exact(&self, initial: &InitialConfig) -> Option<Exact> {
        self.operators.exact(initial, &self.grid)
    }
    fn balanced(&self, height: Vec<f64>) -> Option<Result<Vec<f64>, String>> {
        self.operators.balanced(height, &mut self.workspace())
    }
    fn invariants(&self, u: &[f64], ws: &mut Workspace) -> Vec<(&'static str, f64)> {
        self.operators.invariants(u, ws)
    }
    fn lyapunov_exponent(&self) -> Option<f64> {
        self.operators.lyapunov_exponent()
    }
}

/// The number of fields in Fourier space: a complex grid holds two physical channels in one.
pub fn spectral_fields(problem: &dyn PdeProblem) -> usize {
    match problem.grid().kind() {
        GridKind::Real => problem.channels().len(),
        GridKind::Complex => 1,
    }
}

/// A problem as a semilinear field on `[field, mode]`.
#[derive(Clone)]
pub struct SpectralField {
    problem: Arc<dyn PdeProblem>,
    workspace: Workspace,
    /// Runs of modes that can differ from zero.
    kept: Arc<[Range<usize>]>,
}

impl SpectralField {
    /// A field with scratch space of its own.
    pub fn new(problem: Arc<dyn PdeProblem>) -> Self {
        let workspace = problem.workspace();
        Self { kept: workspace.kept(spectral_fields(&*problem)).into(), workspace, problem }
    }

    /// The spectrum `[field, mode]` of a physical field `[channel, point]`; a nonlinear problem keeps what the
    /// two-thirds rule keeps.
    pub fn to_spectral(&mut self, u: &[f64]) -> Array2<Complex64> {
        let fields = spectral_fields(&*self.problem);
        let mut out = Array2::zeros((fields, self.problem.grid().modes()));
        if let Some(out) = out.as_slice_mut() {
            self.workspace.to_spectral(u, out);
        }
        out
    }

    /// The physical field `[channel, point]` of a spectrum.
    pub fn to_physical(&mut self, u_hat: &Array2<Complex64>) -> Vec<f64> {
        let mut u = vec![0.0; self.problem.channels().len() * self.problem.grid().points()];
        if let Some(u_hat) = u_hat.as_slice() {
            self.workspace.to_physical(u_hat, &mut u);
        }
        u
    }
}

impl SemiLinear<Array2<Complex64>> for SpectralField {
    type Diagonal = HostDiagonal;

    fn symbol(&self) -> Vec<Complex64> {
        self.problem.symbol().to_vec()
    }

    fn diagonal(&self, eigenvalues: Vec<Complex64>) -> HostDiagonal {
        HostDiagonal::new(eigenvalues)
    }

    fn apply(&mut self, terms: &[(&HostDiagonal, &Array2<Complex64>)], out: &mut Array2<Complex64>) {
        // No method has more terms, and all are in standard layout; nothing is allocated in a step.
        let mut slices: [(&HostDiagonal, &[Complex64]); HostDiagonal::TERMS] = [(terms[0].0, &[]); _];
        for (slot, (d, y)) in slices.iter_mut().zip(terms) {
            *slot = (d, y.as_slice().unwrap_or(&[]));
        }
        if let Some(out) = out.as_slice_mut() {
            HostDiagonal::apply_on(&self.kept, &slices[..terms.len().min(HostDiagonal::TERMS)], out);
        }
    }

    fn nonlinear(&mut self, t: f64, y: &Array2<Complex64>, out: &mut Array2<Complex64>) {
        if let (Some(y), Some(out)) = (y.as_slice(), out.as_slice_mut()) {
            self.problem.nonlinear(t, y, out, &mut self.workspace);
        }
    }
}

/// A grid with the same number of points and the same length on every axis.
fn cubic(dimensions: usize, points: usize, length: f64) -> Result<FourierGrid, GridError> {
    FourierGrid::new(&vec![points; dimensions], &vec![length; dimensions])
}

/// A real symbol as a complex one.
fn real(symbol: impl IntoIterator<Item = f64>) -> Vec<Complex64> {
    symbol.into_iter().map(|s| Complex64::new(s, 0.0)).collect()
}

/// The integral of a field, which is the mean mode.
fn integral(u: impl Iterator<Item = f64>, grid: &FourierGrid) -> f64 {
    u.sum::<f64>() * grid.cell()
}

/// The checks that every grid needs.
fn check_grid(check: &mut flowmap_solvers::issue::Check<'_>, points: usize, length: f64) {
    check.require(
        points >= 4 && points.is_multiple_of(2),
        "points",
        format!("{points} points"),
        "a Fourier grid needs an even number of at least 4 points",
    );
    check.positive("length", length);
}
