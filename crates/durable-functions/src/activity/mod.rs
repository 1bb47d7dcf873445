//! Activities: the functions that do the work, with their types erased, and how results and failures
//! travel.

mod context;
pub(crate) mod envelope;
mod function;
mod record;
pub(crate) mod report;

pub use context::ActivityContext;
pub use function::ActivityFunction;
