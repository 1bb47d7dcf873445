//! HTTP functions that say where they are served.
//!
//! The host routes by function.json. What a registration says here is compared with it at the start, and written
//! into it by `functions --write`: see [`App::serve`](crate::App::serve).
//!
//! ```
//! use functions_handler::App;
//! use functions_handler::routing::{get, post};
//!
//! # async fn start_order() {}
//! # async fn order_status() {}
//! let app = App::new()
//!     .http("start-order", post(start_order).with_route("orders"))
//!     .http("order-status", get(order_status).with_route("orders/{id}"));
//! # drop(app);
//! ```

use std::marker::PhantomData;

use axum::handler::Handler;
use axum::http::Method;

/// An axum handler with what its `httpTrigger` must say. [`App::http`](crate::App::http) takes it, as it takes a bare
/// handler, about which function.json alone decides.
#[derive(Clone, Debug)]
#[must_use = "register it with `App::http`"]
pub struct HttpFunction<H> {
    pub(crate) handler: H,
    pub(crate) trigger: HttpTrigger,
}

/// What a registration says about an `httpTrigger`; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpTrigger {
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) route: Option<String>,
    pub(crate) auth_level: Option<AuthLevel>,
}

/// Which key a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthLevel {
    /// None.
    Anonymous,
    /// A key of the function or of the app.
    Function,
    /// The master key.
    Admin,
}

impl AuthLevel {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Function => "function",
            Self::Admin => "admin",
        }
    }
}

/// Serves `GET` only.
pub fn get<H>(handler: H) -> HttpFunction<H> {
    methods([Method::GET], handler)
}

/// Serves `POST` only.
pub fn post<H>(handler: H) -> HttpFunction<H> {
    methods([Method::POST], handler)
}

/// Serves `PUT` only.
pub fn put<H>(handler: H) -> HttpFunction<H> {
    methods([Method::PUT], handler)
}

/// Serves `PATCH` only.
pub fn patch<H>(handler: H) -> HttpFunction<H> {
    methods([Method::PATCH], handler)
}

/// Serves `DELETE` only.
pub fn delete<H>(handler: H) -> HttpFunction<H> {
    methods([Method::DELETE], handler)
}

/// Serves these methods only. A request with another one that the host lets through gets 405.
pub fn methods<H>(methods: impl IntoIterator<Item = Method>, handler: H) -> HttpFunction<H> {
    HttpFunction {
        handler,
        trigger: HttpTrigger {
            methods: Some(methods.into_iter().collect()),
            ..HttpTrigger::default()
        },
    }
}

impl<H> HttpFunction<H> {
    /// The route template, without the prefix `api`: `orders/{id}`, `files/{*path}`, `hello/{name?}`. Without it the
    /// host serves the function under its name.
    ///
    /// A slash in front is dropped, because it stops a real host.
    pub fn with_route(mut self, template: impl Into<String>) -> Self {
        let template = template.into();
        self.trigger.route = Some(template.trim_start_matches('/').to_owned());
        self
    }

    /// The key that a request needs. Without this, function.json decides; a new one gets
    /// [`AuthLevel::Function`].
    pub fn with_auth_level(mut self, level: AuthLevel) -> Self {
        self.trigger.auth_level = Some(level);
        self
    }
}

/// What [`App::http`](crate::App::http) takes: an axum handler, bare or with its routing. You should not need to
/// implement it, nor to name `T`, which is only there to tell handlers of different arguments apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an HTTP function of an app with the state `{S}`",
    note = "expected an axum handler: an async function whose arguments are extractors and which returns a \
            response; only the last argument may take the body, as `Json` does; \
            `#[axum::debug_handler]` on the function says what is wrong with it"
)]
pub trait IntoHttpFunction<T, S> {
    /// The types of the arguments.
    #[doc(hidden)]
    type Arguments: 'static;
    /// The handler.
    #[doc(hidden)]
    type Handler: Handler<Self::Arguments, S>;

    /// The handler with its routing.
    #[doc(hidden)]
    fn into_http_function(self) -> HttpFunction<Self::Handler>;
}

impl<H, T, S> IntoHttpFunction<Bare<T>, S> for H
where
    H: Handler<T, S>,
    T: 'static,
{
    type Arguments = T;
    type Handler = H;

    fn into_http_function(self) -> HttpFunction<H> {
        HttpFunction {
            handler: self,
            trigger: HttpTrigger::default(),
        }
    }
}

/// Tells bare handlers from [`HttpFunction`]s.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bare<T>(PhantomData<T>);

/// Tells [`HttpFunction`]s from bare handlers.
#[doc(hidden)]
#[derive(Debug)]
pub struct Routed<T>(PhantomData<T>);

impl<H, T, S> IntoHttpFunction<Routed<T>, S> for HttpFunction<H>
where
    H: Handler<T, S>,
    T: 'static,
{
    type Arguments = T;
    type Handler = H;

    fn into_http_function(self) -> HttpFunction<H> {
        self
    }
}
