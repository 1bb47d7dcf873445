//! local-host.
