//! Lists that the host gives page by page.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::vec;

use serde::{Deserialize, Serialize};

use super::ClientError;

/// Where a list goes on; see [`Page::continuation`].
///
/// It can be kept, also as JSON, where it is a text, and given back to a query with the same filters, by this process
/// or another one. It is the host's and must not be changed: it may end with a blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContinuationToken(String);

impl ContinuationToken {
    /// The token with this text, which an earlier one gave.
    pub fn new(text: impl Into<String>) -> Self {
        ContinuationToken(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token of an answer. An empty one is none.
    pub(super) fn of_answer(token: Option<String>) -> Option<Self> {
        token.filter(|text| !text.is_empty()).map(Self)
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// What is on the page. It may be empty although further pages follow.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when this is the last one.
    pub continuation: Option<ContinuationToken>,
}

type Fetched<T> = Pin<Box<dyn Future<Output = Result<Page<T>, ClientError>> + Send>>;
type Fetch<T> = Box<dyn Fn(Option<ContinuationToken>) -> Fetched<T> + Send + Sync>;

/// A list that is read page by page, as it is needed. Nothing is sent before the first item or page is asked for.
///
/// ```no_run
/// # use durable_functions::{ClientError, DurableClient, Query, RuntimeStatus};
/// # async fn example(client: DurableClient) -> Result<(), ClientError> {
/// let mut failed = client.query(Query::new().with_status(RuntimeStatus::Failed));
/// while let Some(status) = failed.next().await? {
///     println!("{} failed", status.instance_id);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// The methods fail with [`ClientError::Unavailable`] and [`ClientError::Rpc`]. The list stays where it is then, and
/// the next call asks for the same page again.
pub struct Pages<T> {
    fetch: Fetch<T>,
    /// Where the next page begins; `None` behind the last one.
    next: Option<Option<ContinuationToken>>,
    items: vec::IntoIter<T>,
}

impl<T> Pages<T> {
    pub(super) fn new<F>(
        start: Option<ContinuationToken>,
        fetch: impl Fn(Option<ContinuationToken>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Page<T>, ClientError>> + Send + 'static,
    {
        Pages {
            fetch: Box::new(move |token| Box::pin(fetch(token))),
            next: Some(start),
            items: Vec::new().into_iter(),
        }
    }

    /// The next page; `None` behind the last one. Items of the page before it that [`next`](Self::next) has not given
    /// are passed over.
    ///
    /// # Errors
    /// Those of the [list](Pages#errors).
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, ClientError> {
        let Some(token) = self.next.clone() else {
            return Ok(None);
        };
        let page = (self.fetch)(token).await?;
        self.next = page.continuation.clone().map(Some);
        self.items = Vec::new().into_iter();
        Ok(Some(page))
    }

    /// The next item of all pages; `None` behind the last one.
    ///
    /// # Errors
    /// Those of the [list](Pages#errors).
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(item) = self.items.next() {
                return Ok(Some(item));
            }
            match self.next_page().await? {
                Some(page) => self.items = page.items.into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// All items that are left, of all pages.
    ///
    /// # Errors
    /// Those of the [list](Pages#errors).
    pub async fn all(mut self) -> Result<Vec<T>, ClientError> {
        let mut all: Vec<T> = self.items.by_ref().collect();
        while let Some(page) = self.next_page().await? {
            all.extend(page.items);
        }
        Ok(all)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
