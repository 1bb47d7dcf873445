//! The function app: counts distinct values in an Azure table over a range of days, as an asynchronous HTTP job.

pub mod audit;
pub mod dates;
pub mod settings;
