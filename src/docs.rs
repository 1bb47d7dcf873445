//! The documents of the repository that explain its code.

/// [glossary]: glossary
#[doc = ""]
#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}

#[doc = include_str!("../docs/glossary.md")]
pub mod glossary {}
