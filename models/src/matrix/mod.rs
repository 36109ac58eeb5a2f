//! Products and factors of matrices in `f64` on the host, in vectors as wide as the processor has.

mod cholesky;
mod dot;
mod outer;
mod outer_gram;
mod packed;
mod strided;

pub(crate) use cholesky::{factorise, solve};
pub(crate) use dot::{dot, product_with, transposed_product};
pub(crate) use outer::outer;
pub(crate) use outer_gram::add_outer_gram;
pub(crate) use packed::{add_gram, gram};
pub(crate) use strided::{Strided, product};
