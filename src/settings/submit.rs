//! What a submission may ask for.

use super::reader::{Reader, in_range};

/// The settings of submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitSettings {
    /// `MaxSpanDays`: the most days that a job may cover, at least 1.
    pub max_span_days: u32,
}

impl SubmitSettings {
    pub(super) fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Option<Self> {
        let max_span_days = reader.or_default("MaxSpanDays", "366", |text| {
            in_range(text, 1, 3_652_059).ok_or("expected a number of days from 1 to 3652059")
        });
        Some(Self {
            max_span_days: max_span_days?,
        })
    }
}
