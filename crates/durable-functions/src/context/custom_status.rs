//! The custom status.

use serde::Serialize;

use super::OrchestrationContext;
use crate::{Failure, codec, error_type};

/// What the host stores at most, in UTF-16 units of the JSON text. More fails the instance in the host,
/// with an output in which a .NET exception hides the cause.
const LIMIT: usize = 8192;

impl OrchestrationContext {
    /// Sets the custom status that clients see while the instance runs and afterwards. A
    /// continue-as-new begins without one.
    ///
    /// At most 8,192 UTF-16 units as JSON text (16 KB). A larger one, or one that cannot be written
    /// as JSON, ends the instance with a failure that says so.
    pub fn set_custom_status(&self, status: impl Serialize) {
        let json = codec::write_custom_status(&status);
        let mut state = self.state.borrow_mut();
        match json {
            Ok(json) => {
                // A text has at most as many UTF-16 units as bytes.
                let units = if json.len() <= LIMIT {
                    0
                } else {
                    json.encode_utf16().count()
                };
                if units > LIMIT {
                    state.fail_instance(
                        Failure::new(
                            error_type::CUSTOM_STATUS_TOO_LARGE,
                            format!(
                                "the custom status has {units} UTF-16 units as JSON text; the limit \
                                 is {LIMIT}"
                            ),
                        )
                        .non_retriable(),
                    );
                } else {
                    state.set_custom_status(json);
                }
            }
            Err(failure) => state.fail_instance(failure),
        }
    }
}
