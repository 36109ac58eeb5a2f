//! One window of time: its networks, its points, its sum of squares.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rand::Rng;
use rayon::prelude::*;

use super::base::{Anchor, Base, Split};
use super::equation::{Equation, VALUE};
use super::eulerian::Eulerian;
use super::lagrangian::{Characteristics, CrossingAt, Lagrangian};
use super::{BaseConfig, Boundary, Domain, PinnConfig, Profile, Sampling, Symmetry};
use crate::gauss_newton::{FactorsMut, Layer, LeastSquares};
use crate::jet::{Embedding, Mlp};

/// Samples of a chunk: few enough that a chunk's jets stay in the cache.
const CHUNK: usize = 128;

/// In which coordinates the networks describe the solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Places and times.
    Eulerian,
    /// Labels of characteristics and times.
    Lagrangian,
}

#[derive(Clone, Debug)]
enum Form {
    Eulerian(Eulerian),
    Lagrangian(Lagrangian),
}

/// A solution in a window of time, up to its weights.
#[derive(Clone, Debug)]
pub struct Window {
    form: Form,
    domain: Domain,
    start: Profile,
    base: Base,
}

/// Points `[point, (x or ξ, t)]` with what the base is there.
#[derive(Clone, Debug)]
pub struct Collocation {
    points: Array2<f64>,
    bases: Vec<Anchor>,
}

impl Window {
    /// The window `domain` of an equation, from the start `start`.
    pub fn new(
        config: &PinnConfig,
        frame: Frame,
        equation: &Equation,
        domain: Domain,
        start: Profile,
    ) -> Self {
        let times = (domain.start, domain.start + domain.duration);
        let embedding = match config.boundary {
            Boundary::Periodic => {
                let kappa = std::f64::consts::TAU / domain.length;
                match config.symmetry {
                    Symmetry::None | Symmetry::Odd => {
                        Embedding::default().periodic(2, 0, kappa, config.harmonics)
                    }
                    Symmetry::Even => Embedding::default().cosines(2, 0, kappa, config.harmonics),
                }
            }
            Boundary::Fixed => {
                Embedding::default().affine(2, 0, (domain.origin, domain.origin + domain.length))
            }
        };
        let embedding = embedding.affine(2, 1, times);
        let network = Mlp::new(embedding, config.width, config.depth, 1, config.activation, config.omega);
        let form = match frame {
            Frame::Eulerian => {
                let equation = equation.clone();
                let (boundary, symmetry) = (config.boundary, config.symmetry);
                Form::Eulerian(Eulerian { network, equation, domain, boundary, symmetry })
            }
            Frame::Lagrangian => Form::Lagrangian(Lagrangian { network, equation: equation.clone(), domain }),
        };
        let split = || Split::new(equation, &domain, &start).ok();
        let base = match (config.base, frame) {
            (BaseConfig::Split, Frame::Eulerian) => split().map(Base::Split),
            _ => None,
        };
        let base = base.unwrap_or_else(|| Base::Start(start.clone()));
        Self { form, domain, start, base }
    }

    /// The same with another equation.
    #[must_use]
    pub fn with_equation(&self, equation: &Equation) -> Self {
        let mut other = self.clone();
        match &mut other.form {
            Form::Eulerian(e) => e.equation = equation.clone(),
            Form::Lagrangian(l) => l.equation = equation.clone(),
        }
        other
    }

    /// Its stretch of the axis and of time.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        match &self.form {
            Form::Eulerian(e) => e.network.parameters(),
            Form::Lagrangian(l) => 2 * l.network.parameters(),
        }
    }

    /// Residuals of a point.
    pub fn kinds(&self) -> usize {
        match &self.form {
            Form::Eulerian(_) => 1,
            Form::Lagrangian(_) => 2,
        }
    }

    /// Draws weights.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        match &self.form {
            Form::Eulerian(e) => e.network.draw(rng),
            Form::Lagrangian(l) => {
                let mut theta = [l.network.draw(rng), l.network.draw(rng)].concat();
                l.unfold(&mut theta);
                theta
            }
        }
    }

    /// Draws points.
    pub fn sample(&self, config: &PinnConfig, theta: &[f64], rng: &mut impl Rng) -> Collocation {
        let c = &config.sampling;
        // One half of what is symmetric says all.
        let domain = match config.symmetry {
            Symmetry::None => self.domain,
            Symmetry::Even | Symmetry::Odd => {
                Domain { origin: 0.0, length: 0.5 * self.domain.length, ..self.domain }
            }
        };
        let points = match c.scheme {
            Sampling::Uniform | Sampling::Resampled => domain.spread(c.points, rng),
            Sampling::Adaptive => domain.adapted(c.points, c.share, rng, |candidates| {
                self.magnitudes(theta, &self.collocation(candidates.clone()))
            }),
        };
        self.collocation(points)
    }

    /// Points `[point, (x or ξ, t)]` that are given.
    pub fn collocation(&self, points: Array2<f64>) -> Collocation {
        let places: Vec<[f64; 2]> = points.rows().into_iter().map(|p| [p[0], p[1]]).collect();
        let bases = places.par_iter().map(|[x, t]| self.base.at(*x, *t)).collect();
        Collocation { points, bases }
    }

    /// The sum of squares on given points.
    pub fn on<'a>(&'a self, collocation: &'a Collocation) -> impl LeastSquares + 'a {
        Residual { window: self, collocation }
    }

    /// The point `(x or ξ, t)` of a row of the residuals.
    pub fn point_of(&self, collocation: &Collocation, row: usize) -> [f64; 2] {
        let (kinds, n) = (self.kinds(), collocation.points.nrows());
        let first = row / (kinds * CHUNK) * CHUNK;
        let at = first + (row - kinds * first) % CHUNK.min(n - first);
        [collocation.points[[at, 0]], collocation.points[[at, 1]]]
    }

    /// The size of the residual at every point.
    pub fn magnitudes(&self, theta: &[f64], collocation: &Collocation) -> Vec<f64> {
        let residual = Residual { window: self, collocation };
        let (chunks, kinds) = (residual.chunks(), self.kinds());
        let scale = (collocation.points.nrows() as f64).sqrt();
        let parts: Vec<Vec<f64>> = chunks
            .par_iter()
            .enumerate()
            .map(|(c, rows)| {
                let mut r = vec![0.0; rows.len()];
                residual.residual(theta, c, &mut r);
                let n = r.len() / kinds;
                let at =
                    |i: usize| scale * (0..kinds).map(|k| r[k * n + i] * r[k * n + i]).sum::<f64>().sqrt();
                (0..n).map(at).collect()
            })
            .collect();
        parts.concat()
    }

    /// `u` at places, at a time of the window.
    ///
    /// # Errors
    /// If characteristics have crossed.
    pub fn values(&self, theta: &[f64], xs: &[f64], t: f64) -> Result<Vec<f64>, CrossingAt> {
        match &self.form {
            Form::Eulerian(e) => {
                let points = Array2::from_shape_fn((xs.len(), 2), |(n, a)| if a == 0 { xs[n] } else { t });
                let bases: Vec<f64> = xs.par_iter().map(|x| self.base.at(*x, t)[VALUE]).collect();
                Ok(e.values(theta, points.view(), &bases))
            }
            Form::Lagrangian(l) => l.values(theta, xs, t, &self.start),
        }
    }

    /// Characteristics of `count` labels at a time; none in the Eulerian frame.
    pub fn characteristics(&self, theta: &[f64], t: f64, count: usize) -> Option<Characteristics> {
        match &self.form {
            Form::Eulerian(_) => None,
            Form::Lagrangian(l) => Some(l.characteristics(theta, t, count)),
        }
    }
}

impl Collocation {
    /// The points.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.view()
    }
}

/// The residuals divided by the root of the number of points: the cost is their mean square. The rows of a chunk are those of
/// its first kind, then those of its second.
struct Residual<'a> {
    window: &'a Window,
    collocation: &'a Collocation,
}

impl Residual<'_> {
    /// The points of a chunk with their bases, and the weight of a residual.
    fn chunk(&self, chunk: usize) -> (ArrayView2<'_, f64>, &[Anchor], f64) {
        let n = self.collocation.points.nrows();
        let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(n);
        let points = self.collocation.points.slice(s![range.clone(), ..]);
        (points, &self.collocation.bases[range], 1.0 / (n as f64).sqrt())
    }
}

impl LeastSquares for Residual<'_> {
    fn parameters(&self) -> usize {
        self.window.parameters()
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        let (n, kinds) = (self.collocation.points.nrows(), self.window.kinds());
        (0..n).step_by(CHUNK).map(|a| kinds * a..kinds * (a + CHUNK).min(n)).collect()
    }

    fn residual(&self, theta: &[f64], chunk: usize, r: &mut [f64]) {
        let (points, bases, weight) = self.chunk(chunk);
        match &self.window.form {
            Form::Eulerian(e) => {
                let tape = e.tape(theta, points, &e.directions());
                e.residual(&tape, points, bases, |n, value, _| r[n] = weight * value);
            }
            Form::Lagrangian(l) => {
                let tapes = l.tapes(theta, points);
                let count = bases.len();
                for (n, (p, start)) in points.rows().into_iter().zip(bases).enumerate() {
                    let rows = l.rows([&tapes[0], &tapes[1]], n, [p[0], p[1]], start);
                    (r[n], r[count + n]) = (weight * rows.value[0], weight * rows.value[1]);
                }
            }
        }
    }

    fn linearise(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut jacobian: ArrayViewMut2<'_, f64>) {
        let (points, bases, weight) = self.chunk(chunk);
        let count = bases.len();
        match &self.window.form {
            Form::Eulerian(e) => {
                let (tape, seeds) = self.eulerian(e, theta, points, bases, weight, r, |_| 1.0);
                e.network.jacobian(theta, &tape, seeds, jacobian);
            }
            Form::Lagrangian(l) => {
                let tapes = l.tapes(theta, points);
                let seeds = lagrangian_seeds(l, &tapes, points, bases, weight, r);
                let p = l.network.parameters();
                for (kind, seeds) in seeds.into_iter().enumerate() {
                    let rows = kind * count..(kind + 1) * count;
                    for (branch, seeds) in seeds.into_iter().enumerate() {
                        let columns = branch * p..(branch + 1) * p;
                        let to = jacobian.slice_mut(s![rows.clone(), columns]);
                        l.network.jacobian(l.split(theta)[branch], &tapes[branch], seeds, to);
                    }
                }
            }
        }
    }

    fn layers(&self) -> Vec<Layer> {
        match &self.window.form {
            Form::Eulerian(e) => {
                let images = if e.symmetry == Symmetry::Odd { 2 } else { 1 };
                layers(&e.network, 0, images * e.directions().components())
            }
            Form::Lagrangian(l) => {
                let components = Lagrangian::directions().components();
                let branch = |b: usize| layers(&l.network, b * l.network.parameters(), components);
                [branch(0), branch(1)].concat()
            }
        }
    }

    fn factors(&self, theta: &[f64], chunk: usize, r: &mut [f64], mut factors: Vec<FactorsMut<'_>>) {
        let (points, bases, weight) = self.chunk(chunk);
        let count = bases.len();
        match &self.window.form {
            Form::Eulerian(e) => {
                let (tape, seeds) = self.eulerian(e, theta, points, bases, weight, r, |_| 1.0);
                e.network.factors(theta, &tape, seeds, |layer, h, d| {
                    write(&mut factors[layer], 0..count, tape.samples() / count, h, d);
                });
            }
            Form::Lagrangian(l) => {
                let tapes = l.tapes(theta, points);
                let seeds = lagrangian_seeds(l, &tapes, points, bases, weight, r);
                for (kind, seeds) in seeds.into_iter().enumerate() {
                    let rows = kind * count..(kind + 1) * count;
                    for ((branch, seeds), tape) in seeds.into_iter().enumerate().zip(&tapes) {
                        let first = branch * (l.network.sizes().len() - 1);
                        l.network.factors(l.split(theta)[branch], tape, seeds, |layer, h, d| {
                            write(&mut factors[first + layer], rows.clone(), 1, h, d);
                        });
                    }
                }
            }
        }
    }

    fn pull_back(&self, theta: &[f64], chunk: usize, r: &mut [f64], gradient: &mut [f64]) {
        let (points, bases, weight) = self.chunk(chunk);
        match &self.window.form {
            Form::Eulerian(e) => {
                let (tape, seeds) = self.eulerian(e, theta, points, bases, weight, r, |r| r);
                e.network.gradient(theta, &tape, seeds, gradient);
            }
            Form::Lagrangian(l) => {
                let tapes = l.tapes(theta, points);
                let count = bases.len();
                let seeds = lagrangian_seeds(l, &tapes, points, bases, weight, r);
                let p = l.network.parameters();
                for branch in 0..2 {
                    let mut sum = Array2::zeros(seeds[0][branch].raw_dim());
                    for (kind, seeds) in seeds.iter().enumerate() {
                        let residuals = &r[kind * count..(kind + 1) * count];
                        for (i, mut row) in sum.axis_iter_mut(Axis(0)).enumerate() {
                            row.scaled_add(residuals[i % count], &seeds[branch].row(i));
                        }
                    }
                    let to = &mut gradient[branch * p..(branch + 1) * p];
                    l.network.gradient(l.split(theta)[branch], &tapes[branch], sum, to);
                }
            }
        }
    }
}

impl Residual<'_> {
    /// The forward pass of the Eulerian form, its residuals, and its seeds, each times a factor of the residual.
    fn eulerian(
        &self,
        e: &Eulerian,
        theta: &[f64],
        points: ArrayView2<'_, f64>,
        bases: &[Anchor],
        weight: f64,
        r: &mut [f64],
        factor: impl Fn(f64) -> f64,
    ) -> (crate::jet::Tape, Array2<f64>) {
        let directions = e.directions();
        let tape = e.tape(theta, points, &directions);
        let count = bases.len();
        let mut seeds = Array2::zeros((directions.components() * tape.samples(), 1));
        e.residual(&tape, points, bases, |n, value, slopes| {
            r[n] = weight * value;
            let by = weight * factor(r[n]);
            e.seed(&mut seeds, n, count, [points[[n, 0]], points[[n, 1]]], slopes.map(|s| by * s));
        });
        (tape, seeds)
    }
}

/// The layers of a network whose weights begin at `place`; a bias is the row of weights of an input that is one.
fn layers(network: &Mlp, place: usize, terms: usize) -> Vec<Layer> {
    let mut place = place;
    let layer = |pair: &[usize]| {
        let layer = Layer { place, inputs: pair[0] + 1, outputs: pair[1], terms };
        place += layer.inputs * layer.outputs;
        layer
    };
    network.sizes().windows(2).map(layer).collect()
}

/// Writes the factors of some rows of a chunk; the first `images` terms are those of the value, which the bias adds to.
fn write(
    to: &mut FactorsMut<'_>,
    rows: Range<usize>,
    images: usize,
    h: ArrayView2<'_, f64>,
    d: ArrayView2<'_, f64>,
) {
    let count = rows.len();
    let terms = to.h.axis_iter_mut(Axis(0)).zip(to.d.axis_iter_mut(Axis(0)));
    for (t, (mut to_h, mut to_d)) in terms.enumerate() {
        let from = s![t * count..(t + 1) * count, ..];
        to_h.slice_mut(s![rows.clone(), ..h.ncols()]).assign(&h.slice(from));
        if t < images {
            to_h.slice_mut(s![rows.clone(), h.ncols()]).fill(1.0);
        }
        to_d.slice_mut(s![rows.clone(), ..]).assign(&d.slice(from));
    }
}

/// The residuals of the Lagrangian form, and the seeds `[kind][branch]`.
fn lagrangian_seeds(
    l: &Lagrangian,
    tapes: &[crate::jet::Tape; 2],
    points: ArrayView2<'_, f64>,
    bases: &[Anchor],
    weight: f64,
    r: &mut [f64],
) -> [[Array2<f64>; 2]; 2] {
    let count = bases.len();
    let components = Lagrangian::directions().components();
    let mut seeds: [[Array2<f64>; 2]; 2] =
        std::array::from_fn(|_| std::array::from_fn(|_| Array2::zeros((components * count, 1))));
    for (n, (p, start)) in points.rows().into_iter().zip(bases).enumerate() {
        let rows = l.rows([&tapes[0], &tapes[1]], n, [p[0], p[1]], start);
        for kind in 0..2 {
            r[kind * count + n] = weight * rows.value[kind];
            for branch in 0..2 {
                let slope = rows.slope[kind][branch].map(|s| weight * s);
                l.seed(&mut seeds[kind][branch], n, count, p[1], slope);
            }
        }
    }
    seeds
}
