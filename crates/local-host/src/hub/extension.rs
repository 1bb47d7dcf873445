//! Which version of the Durable Functions extension the hub behaves as.

/// A version of the extension. Where versions differ on the wire, the hub does what this one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Extension {
    /// 3.14.1. Refused suspends and resumes are UNKNOWN, without a reason.
    V3_14,
    /// 3.19.0.
    #[default]
    V3_19,
}

impl Extension {
    /// The version number.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V3_14 => "3.14.1",
            Self::V3_19 => "3.19.0",
        }
    }
}
