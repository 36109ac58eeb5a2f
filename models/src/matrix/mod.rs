//! Products and factors of matrices in `f64` on the host, in vectors as wide as the processor has.

mod cholesky;
mod dot;
mod outer;
mod packed;
mod strided;

pub(crate) use cholesky::{factorise, solve};
pub(crate) use dot::{dot, product_with, transposed_product};
pub(crate) use outer::outer;
pub(crate) use packed::gram;
pub(crate) use strided::{Strided, product};
