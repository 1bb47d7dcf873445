//! The types of the failures that this crate makes.
//!
//! A [`Failure`](crate::Failure) has its type as a text, because users name their own failures and so
//! do other SDKs. These constants are the types that come from here, to compare
//! [`Failure::error_type`](crate::Failure::error_type) with. They are part of stored histories and
//! do not change.
//!
//! ```
//! use durable_functions::{Failure, error_type};
//!
//! fn is_worth_another_attempt(failure: &Failure) -> bool {
//!     match failure.error_type() {
//!         error_type::ACTIVITY_TIMEOUT | error_type::HANDLER_STOPPING => true,
//!         "TableNotFound" => false,
//!         _ => !failure.is_non_retriable(),
//!     }
//! }
//! # assert!(is_worth_another_attempt(&Failure::new("Busy", "")));
//! ```

/// An error without a type of its own: any error that is no [`Failure`](crate::Failure) and no
/// [`TaskError`](crate::TaskError).
pub const ERROR: &str = "Error";

/// The code of an orchestrator, an activity or an operation panicked.
pub const PANIC: &str = "Panic";

/// An activity was still running at its deadline.
pub const ACTIVITY_TIMEOUT: &str = "ActivityTimeout";

/// An activity was ended because the handler was told to stop.
pub const HANDLER_STOPPING: &str = "HandlerStopping";

/// An input cannot be read as the type of the function, cannot be written as JSON, or is not valid
/// otherwise.
pub const INVALID_INPUT: &str = "InvalidInput";

/// The output of a function cannot be written as JSON.
pub const INVALID_OUTPUT: &str = "InvalidOutput";

/// The state of an entity cannot be read as the type of the entity function, or cannot be written as
/// JSON.
pub const INVALID_STATE: &str = "InvalidState";

/// A custom status cannot be written as JSON.
pub const INVALID_CUSTOM_STATUS: &str = "InvalidCustomStatus";

/// A custom status is longer than the host can store.
pub const CUSTOM_STATUS_TOO_LARGE: &str = "CustomStatusTooLarge";

/// The name or the version of a function cannot go to the host.
pub const INVALID_NAME: &str = "InvalidName";

/// The name of an event cannot go to the host.
pub const INVALID_EVENT_NAME: &str = "InvalidEventName";

/// An instance id is one that the host cannot handle.
pub const INVALID_INSTANCE_ID: &str = "InvalidInstanceId";

/// An entity id is one that the host cannot handle.
pub const INVALID_ENTITY_ID: &str = "InvalidEntityId";

/// The result of a task, or the body of an HTTP response, is not of the expected type.
pub const UNEXPECTED_RESULT: &str = "UnexpectedResult";

/// The orchestrator no longer does what its history says.
pub const NON_DETERMINISM: &str = "NonDeterminism";

/// The orchestrator awaits something that no event of its history can complete.
pub const NON_DURABLE_AWAIT: &str = "NonDurableAwait";

/// The instance cannot go on after a rewind.
pub const CANNOT_REWIND: &str = "CannotRewind";

/// What the orchestrator asked for is not allowed while it holds a lock of entities or waits for one.
pub const CRITICAL_SECTION: &str = "CriticalSection";

/// The entity function has no operation of that name.
pub const OPERATION_NOT_FOUND: &str = "OperationNotFound";

/// A worker has no orchestrator of that name.
pub const ORCHESTRATOR_NOT_FOUND: &str = "OrchestratorTaskNotFound";

/// A worker has no activity of that name.
pub const ACTIVITY_NOT_FOUND: &str = "ActivityTaskNotFound";

/// A worker does not run orchestrations of that version.
pub const VERSION_MISMATCH: &str = "VersionMismatch";

/// What a worker has to send is larger than the messages that its sidecar takes.
pub const ANSWER_TOO_LARGE: &str = "AnswerTooLarge";

/// The app has no entity function of that name. This one comes from the host, or from a worker.
pub const ENTITY_FUNCTION_NOT_FOUND: &str = "EntityFunctionNotFound";

/// A durable HTTP call got no response.
pub const HTTP_REQUEST_FAILED: &str = "HttpRequestFailed";

/// The status of an HTTP response is 4xx or 5xx; see
/// [`HttpResponse::error_for_status`](crate::HttpResponse::error_for_status).
pub const HTTP_STATUS: &str = "HttpStatus";

/// The host reported a failure without saying what failed.
pub const UNKNOWN_FAILURE: &str = "UnknownFailure";

/// A failure was reported in a form that cannot be read.
pub const UNREADABLE_FAILURE: &str = "UnreadableFailure";

/// The host's request for a turn cannot be read.
pub const INVALID_REQUEST: &str = "InvalidRequest";
