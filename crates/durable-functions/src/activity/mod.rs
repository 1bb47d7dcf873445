//! Activities: the functions that do the work, with their types erased, and how results travel.

mod context;
pub(crate) mod envelope;
mod function;

pub use context::ActivityContext;
pub use function::ActivityFunction;
