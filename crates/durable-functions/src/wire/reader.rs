//! The protobuf wire format: tags, varints and length-delimited fields.

/// Why bytes are not a protobuf message of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the message ends inside a field")]
    Truncated,
    #[error("a varint is longer than ten bytes")]
    Varint,
    #[error("field number 0, or wire type {0}, which is not supported")]
    Tag(u8),
    #[error("field {0} has another wire type than the protocol says")]
    Type(u32),
    #[error("a text is not UTF-8")]
    Utf8,
}

/// The value of one field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(self, number: u32) -> Result<&'a [u8], WireError> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::Type(number)),
        }
    }

    /// An `int32`: negative numbers travel as ten-byte varints, so the cut to 32 bits is the rule.
    pub(crate) fn int32(self, number: u32) -> Result<i32, WireError> {
        match self {
            Field::Varint(value) => Ok(value as i32),
            _ => Err(WireError::Type(number)),
        }
    }

    pub(crate) fn int64(self, number: u32) -> Result<i64, WireError> {
        match self {
            Field::Varint(value) => Ok(value as i64),
            _ => Err(WireError::Type(number)),
        }
    }

    pub(crate) fn string(self, number: u32) -> Result<&'a str, WireError> {
        text(self.bytes(number)?)
    }

    /// A `google.protobuf.StringValue`: a message whose field 1 is the text; absent means empty.
    pub(crate) fn wrapped_bytes(self, number: u32) -> Result<&'a [u8], WireError> {
        let mut reader = Reader::new(self.bytes(number)?);
        let mut value: &[u8] = &[];
        while let Some((inner, field)) = reader.next()? {
            if inner == 1 {
                value = field.bytes(inner)?;
            }
        }
        Ok(value)
    }

    pub(crate) fn wrapped_string(self, number: u32) -> Result<&'a str, WireError> {
        text(self.wrapped_bytes(number)?)
    }
}

/// Checks that bytes are UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::Utf8)
}

/// Walks over the fields of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Reader { rest: message }
    }

    /// The next field, or `None` at the end of the message.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        if number == 0 {
            return Err(WireError::Tag((tag & 7) as u8));
        }
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => {
                let bytes = self.take(8)?.try_into();
                Field::Fixed64(u64::from_le_bytes(bytes.map_err(|_| WireError::Truncated)?))
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Field::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed32
            }
            other => return Err(WireError::Tag(other as u8)),
        };
        Ok(Some((number, field)))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        // Nearly all tags and lengths of a history are one byte.
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(first));
        }
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or(&[]);
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 {
            WireError::Truncated
        } else {
            WireError::Varint
        })
    }
}
