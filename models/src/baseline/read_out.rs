//! A function read out as few terms of a library.

use ndarray::{ArrayView1, ArrayView2};

use super::library::Term;
use super::ridge::Normal;
use super::selection::Scaled;
use super::{FitError, sindy};

/// The terms of every column of `values`, `[sample, entry]`, as functions of the states `[sample, variable]`: those of the library
/// that explain at least the share `threshold` of it (root mean square), as [`SindyConfig`](super::SindyConfig) chooses them.
///
/// # Errors
/// If there are fewer samples than terms, or these are not independent on them.
pub fn read_out(
    states: ArrayView2<'_, f64>,
    values: ArrayView2<'_, f64>,
    library: &[Term],
    threshold: f64,
) -> Result<Vec<Vec<(Term, f64)>>, FitError> {
    if states.nrows() < library.len() {
        let (have, needed) = (states.nrows(), library.len());
        return Err(FitError::TooShort { have, needed, why: "the terms of the library" });
    }
    let mut normal = Normal::new(library.len(), values.ncols());
    let of = |row: ArrayView1<'_, f64>| row.to_vec();
    for (x, v) in states.rows().into_iter().map(of).zip(values.rows()) {
        normal.push(|features, target| {
            features.iter_mut().zip(library).for_each(|(f, term)| *f = term.value(&x));
            target.iter_mut().zip(v).for_each(|(t, v)| *t = *v);
        });
    }
    normal.flush();
    (0..values.ncols()).map(|c| sindy::choose(&Scaled::new(&normal, c, 1e-12), library, threshold)).collect()
}
