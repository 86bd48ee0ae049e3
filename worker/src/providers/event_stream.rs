//! Reads server-sent events out of bytes as they come (WHATWG HTML §9.2), as far as our server
//! writes them: events with `data` lines, and comments.

use sync::limits::FRAME_BYTES_MAX;

/// Collects bytes and gives whole events.
#[derive(Debug, Default)]
pub(crate) struct EventStream {
    bytes: Vec<u8>,
    /// How far `bytes` has been searched for a line's end.
    searched: usize,
    data: String,
}

/// The stream is not what our server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventStreamError {
    /// An event beyond the limit.
    #[error("an event has more than {FRAME_BYTES_MAX} bytes")]
    TooLong,
    /// Bytes that are no text.
    #[error("an event is not UTF-8")]
    NotText,
}

impl EventStream {
    /// Adds bytes as they came.
    ///
    /// # Errors
    /// An event is longer than any of our server's.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), EventStreamError> {
        if self.bytes.len() + self.data.len() + bytes.len() > FRAME_BYTES_MAX {
            return Err(EventStreamError::TooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The data of the next whole event, if there is one.
    ///
    /// # Errors
    /// Bytes that are no text.
    pub(crate) fn next(&mut self) -> Result<Option<String>, EventStreamError> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Ok(Some(core::mem::take(&mut self.data)));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Result<Option<String>, EventStreamError> {
        let Some(end) = self.bytes[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            self.searched = self.bytes.len();
            return Ok(None);
        };
        let mut line: Vec<u8> = self.bytes.drain(..=self.searched + end).collect();
        self.searched = 0;
        line.pop_if(|byte| *byte == b'\n');
        line.pop_if(|byte| *byte == b'\r');
        String::from_utf8(line)
            .map(Some)
            .map_err(|_| EventStreamError::NotText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<String> {
        let mut stream = EventStream::default();
        let mut events = Vec::new();
        for chunk in chunks {
            stream.push(chunk).expect("within the limit");
            while let Some(event) = stream.next().expect("text") {
                events.push(event);
            }
        }
        events
    }

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        let text = ": a comment\n\ndata: {\"a\":1}\n\ndata: é\r\n\r\ndata:two\ndata: lines\n\n";
        let whole = events(&[text.as_bytes()]);
        assert_eq!(whole, ["{\"a\":1}", "é", "two\nlines"]);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), whole);
    }

    #[test]
    fn an_unfinished_event_waits_and_other_fields_are_passed_over() {
        assert_eq!(
            events(&[b"event: x\nid: 1\ndata: later"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_event_beyond_the_limit_is_an_error_and_not_a_memory() {
        let mut stream = EventStream::default();
        assert_eq!(stream.push(&vec![b'x'; FRAME_BYTES_MAX]), Ok(()));
        assert_eq!(stream.push(b"x"), Err(EventStreamError::TooLong));
        let mut stream = EventStream::default();
        stream.push(b"data: \xff\n\n").expect("within the limit");
        assert_eq!(stream.next(), Err(EventStreamError::NotText));
    }
}
