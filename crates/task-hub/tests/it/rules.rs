//! Rules of the hub, one by one.
