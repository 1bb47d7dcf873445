//! Entities: what orchestrators do with them, and entity functions.

mod calls;
mod functions;
mod locks;
