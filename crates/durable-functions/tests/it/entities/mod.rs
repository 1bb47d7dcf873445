//! Entities: what orchestrators do with them, and the functions that they are.

mod calls;
mod functions;
mod locks;
