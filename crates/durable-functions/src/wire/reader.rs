//! The protobuf wire format: tags, varints and length-delimited fields.

/// Why bytes are not a protobuf message of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("a message ends inside a field")]
    Truncated,
    #[error("a varint is longer than ten bytes")]
    Varint,
    #[error("a field has number 0 or a wire type that is not supported")]
    Tag,
    #[error("a text is not UTF-8")]
    Utf8,
}

/// Reads the fields of one message: [`tag`](Self::tag), then the value that belongs to it.
///
/// An error ends the reading and is kept for [`finish`](Self::finish), instead of a `Result` at every
/// step: results of this size are returned through memory, and a replay would spend half of its time
/// waiting for it. For the same reason no method passes `self` to a function that is not inlined, so
/// that a reader stays in registers.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    error: Option<WireError>,
}

/// The tag of a field with a number.
pub(crate) const fn varint_field(number: u32) -> u32 {
    number << 3
}

/// The tag of a text, bytes or message field.
pub(crate) const fn bytes_field(number: u32) -> u32 {
    number << 3 | 2
}

/// The tag of a `double` field.
pub(crate) const fn double_field(number: u32) -> u32 {
    number << 3 | 1
}

/// Whether a tag is that of a text, bytes or message field.
pub(crate) const fn is_bytes(tag: u32) -> bool {
    tag & 7 == 2
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Reader {
            rest: message,
            error: None,
        }
    }

    /// Whether the whole message was read.
    #[inline(always)]
    pub(crate) fn finish(self) -> Result<(), WireError> {
        match self.error {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next field; 0 at the end of the message, and after an error.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> u32 {
        let tag = match self.rest.split_first() {
            None => return 0,
            Some((&first, rest)) if first < 0x80 => {
                self.rest = rest;
                u32::from(first)
            }
            Some(_) => u32::try_from(self.long()).unwrap_or(0),
        };
        if tag < 8 {
            self.fail(WireError::Tag);
            return 0;
        }
        tag
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> u64 {
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return u64::from(first);
        }
        self.long()
    }

    /// An `int32`. Negative numbers are encoded in ten bytes, of which the lower 32 bits count.
    #[inline(always)]
    pub(crate) fn int32(&mut self) -> i32 {
        // -1 is the only negative number that occurs, in three of four events.
        const MINUS_ONE: [u8; 10] = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        if let Some((first, rest)) = self.rest.split_first_chunk::<10>()
            && *first == MINUS_ONE
        {
            self.rest = rest;
            return -1;
        }
        // The ids from 128 to 16383, which take two bytes.
        if let Some((&[first @ 0x80..=0xff, second @ 0..=0x7f], rest)) =
            self.rest.split_first_chunk()
        {
            self.rest = rest;
            return i32::from(first & 0x7f) | i32::from(second) << 7;
        }
        self.varint() as i32
    }

    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.varint()).unwrap_or(usize::MAX);
        self.take(length)
    }

    #[inline(always)]
    pub(crate) fn string(&mut self) -> &'a str {
        let bytes = self.bytes();
        self.text(bytes)
    }

    /// A `google.protobuf.StringValue`: a message whose field 1 is the text; absent means empty.
    #[inline(always)]
    pub(crate) fn wrapped_bytes(&mut self) -> &'a [u8] {
        let mut inner = Reader::new(self.bytes());
        let mut value: &[u8] = &[];
        loop {
            match inner.tag() {
                0 => break,
                tag if tag == bytes_field(1) => value = inner.bytes(),
                tag => inner.skip(tag),
            }
        }
        self.close(&inner);
        value
    }

    /// Ends the reading of a message inside this one; its error becomes the error of this one.
    #[inline(always)]
    pub(crate) fn close(&mut self, inner: &Reader<'_>) {
        if let Some(error) = inner.error {
            self.fail(error);
        }
    }

    #[inline(always)]
    pub(crate) fn wrapped_string(&mut self) -> &'a str {
        let bytes = self.wrapped_bytes();
        self.text(bytes)
    }

    /// A `double`.
    #[inline(always)]
    pub(crate) fn double(&mut self) -> f64 {
        let bytes = self.take(8).try_into();
        f64::from_le_bytes(bytes.unwrap_or_default())
    }

    /// Passes over the value of a field that is not needed.
    #[inline(always)]
    pub(crate) fn skip(&mut self, tag: u32) {
        match tag & 7 {
            0 => drop(self.varint()),
            1 => drop(self.take(8)),
            2 => drop(self.bytes()),
            5 => drop(self.take(4)),
            _ => self.fail(WireError::Tag),
        }
    }

    #[inline(always)]
    fn text(&mut self, bytes: &'a [u8]) -> &'a str {
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => {
                self.fail(WireError::Utf8);
                ""
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> &'a [u8] {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                taken
            }
            None => {
                self.fail(WireError::Truncated);
                &[]
            }
        }
    }

    /// A varint of several bytes.
    #[inline(always)]
    fn long(&mut self) -> u64 {
        let (value, length) = long_varint(self.rest);
        match self.rest.get(length..) {
            Some(rest) if length > 0 => self.rest = rest,
            _ if self.rest.len() < 10 => self.fail(WireError::Truncated),
            _ => self.fail(WireError::Varint),
        }
        value
    }

    #[inline(always)]
    fn fail(&mut self, error: WireError) {
        std::hint::cold_path();
        self.error.get_or_insert(error);
        self.rest = &[];
    }
}

/// The value and the length of the varint that `rest` begins with; the length is 0 when there is none.
/// Up to eight bytes (times, larger ids and lengths) are taken at once: the seven payload bits of each
/// byte are joined in three steps.
#[inline(never)]
fn long_varint(rest: &[u8]) -> (u64, usize) {
    if let Some(chunk) = rest.first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends != 0 {
            let bits = word & (ends ^ ends.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
            let bits = (bits & 0x007f_007f_007f_007f) | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
            let bits = (bits & 0x0000_3fff_0000_3fff) | (bits & 0x3fff_0000_3fff_0000) >> 2;
            let bits = (bits & 0x0fff_ffff) | (bits & 0x0fff_ffff_0000_0000) >> 4;
            return (bits, ends.trailing_zeros() as usize / 8 + 1);
        }
    }
    let mut value = 0u64;
    for (index, &byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return (value, index + 1);
        }
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_varint_is_read_as_it_was_written(value: u64, shift in 0u32..64, behind in 0usize..12) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(value, &mut bytes);
            bytes.extend(std::iter::repeat_n(0xff, behind));
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), value);
            prop_assert_eq!(reader.remaining(), behind);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.int32(), value as i32);
            prop_assert_eq!(reader.remaining(), behind);
        }
    }
}
