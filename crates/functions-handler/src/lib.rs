// Of two definitions of a link the first counts; those of the file are for readers of the repository.
#![doc = "[http]: guide::http"]
#![doc = "[lifetime]: guide::lifetime"]
#![doc = include_str!("../README.md")]

mod answer;
mod app;
mod app_folder;
mod correlation;
mod dispatch;
mod envelope;
mod failure;
mod function;
pub mod guide;
pub mod host_json;
mod host_process;
mod http;
mod interruption;
mod invocation;
mod lifetime;
pub mod logs;
mod message;
pub mod open_files;
pub mod output;
pub mod redaction;
mod registry;
pub mod routing;
mod runtimes;
mod serve;
mod signal;
mod stop;
mod time_limit;
mod value;

pub use answer::{Answer, AnswerError};
pub use app::App;
pub use dispatch::STOPPING_HEADER;
pub use function::{BoxFuture, Function, FunctionError};
pub use http::{OriginalUrl, Params, ParamsRejection};
pub use interruption::Interruption;
pub use invocation::{Invocation, NotAnInvocation};
pub use message::{Message, MessageError, MessageService};
pub use registry::is_function_name;
pub use serve::ServeError;
pub use signal::Signal;
pub use time_limit::time_for_functions;
pub use value::{Value, ValueError};

/// The token that [`Invocation::cancellation`] gives, tokio's own.
pub use tokio_util::sync::CancellationToken;
