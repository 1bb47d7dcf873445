#![doc = include_str!("../README.md")]

mod answer;
mod app;
mod dispatch;
mod envelope;
mod function;
mod http;
mod invocation;
pub mod logs;
mod serve;
mod value;

pub use answer::{Answer, AnswerError};
pub use app::App;
pub use function::{BoxFuture, Function, FunctionError};
pub use http::{OriginalUrl, Params, ParamsRejection};
pub use invocation::{Invocation, NotAnInvocation};
pub use serve::{ServeError, Signal};
pub use value::{Value, ValueError};
