//! What a host does to requests and to the handler, and what this crate does about it.

#[cfg(doc)]
use crate::*;

/// Where the pages link to each other. In the files themselves the same names lead to files, for those who read
/// them in the repository; of two definitions the first counts.
macro_rules! links {
    () => {
        "[http]: crate::guide::http\n[lifetime]: crate::guide::lifetime\n"
    };
}

#[doc = links!()]
#[doc = include_str!("http.md")]
pub mod http {}

#[doc = links!()]
#[doc = include_str!("lifetime.md")]
pub mod lifetime {}
