//! JSON texts of events, without a copy where none is needed.

use std::ops::Range;
use std::rc::Rc;

/// A JSON text of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The event had none.
    #[default]
    Absent,
    /// A part of the request that is being read. Nearly every result is taken before the next event is
    /// read, so it needs neither a copy nor a reference count.
    InRequest(Range<u32>),
    /// A copy: the request that it came with is gone.
    Owned(Rc<[u8]>),
}

/// The request that is being read, for [`Payload::InRequest`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Source(Rc<Vec<u8>>);

impl Source {
    pub(crate) fn new(request: &Rc<Vec<u8>>) -> Self {
        Source(Rc::clone(request))
    }

    /// The payload for `text`: a part of the request, or a copy if `text` is not part of it.
    pub(crate) fn payload(&self, text: Option<&[u8]>) -> Payload {
        let Some(text) = text else {
            return Payload::Absent;
        };
        let start = (text.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        let end = start.wrapping_add(text.len());
        match (u32::try_from(start), u32::try_from(end)) {
            // Nothing but a part of the request can lie within its bounds.
            (Ok(start), Ok(end_of)) if end <= self.0.len() => Payload::InRequest(start..end_of),
            _ => Payload::Owned(text.into()),
        }
    }

    /// The text of a payload that was made from this request.
    pub(crate) fn text<'a>(&'a self, payload: &'a Payload) -> Option<&'a [u8]> {
        match payload {
            Payload::Absent => None,
            Payload::InRequest(range) => self.0.get(range.start as usize..range.end as usize),
            Payload::Owned(text) => Some(text),
        }
    }

    /// Makes a payload independent of this request.
    pub(crate) fn detach(&self, payload: &mut Payload) {
        if let Payload::InRequest(_) = payload
            && let Some(text) = self.text(payload)
        {
            *payload = Payload::Owned(text.into());
        }
    }
}
