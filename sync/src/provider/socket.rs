//! A device's end of a socket, for providers that have one. A socket brings frames as they come
//! and answers between them; an engine asks for frames one by one. What was not asked for yet
//! waits here, up to a limit: a browser's socket cannot be told to wait.
//!
//! Pure: a host feeds it what comes, and sends out the replies when it holds nothing any more.

use super::{Reply, Sink};
use crate::device::effect::Link;
use crate::device::retry::LinkFailure;
use crate::frame::ServerFrame;
use crate::limits::SOCKET_QUEUE_BYTES_MAX;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

/// What is to be sent to whom.
pub type Replies = Vec<(Sink, Reply)>;

/// One socket, from the `hello` to its end.
#[derive(Debug)]
pub struct Socket {
    link: Link,
    sink: Sink,
    /// A frame was asked for and has not been handed over.
    asked: bool,
    /// What came before it was asked for, each with its size on the wire.
    frames: VecDeque<(ServerFrame, usize)>,
    bytes: usize,
    /// Who waits for the answers to pushes, the longest first.
    pushing: VecDeque<Sink>,
    /// Who waits for comparisons.
    verifying: VecDeque<Sink>,
    ended: Option<LinkFailure>,
}

impl Socket {
    /// A socket for this link, whose frames go to this sink.
    #[must_use]
    pub const fn new(link: Link, sink: Sink) -> Self {
        Self {
            link,
            sink,
            asked: false,
            frames: VecDeque::new(),
            bytes: 0,
            pushing: VecDeque::new(),
            verifying: VecDeque::new(),
            ended: None,
        }
    }

    /// The link that it serves.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// Whether nothing more comes of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether an answer is waited for.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        !self.pushing.is_empty() || !self.verifying.is_empty()
    }

    /// The next frame is asked for.
    pub fn read(&mut self) -> Replies {
        self.asked = true;
        self.hand_over().into_iter().collect()
    }

    /// A push went out; its answer is for this sink.
    pub fn pushed(&mut self, sink: Sink) {
        self.pushing.push_back(sink);
    }

    /// A comparison was asked for; its answer is for this sink.
    pub fn asked_to_verify(&mut self, sink: Sink) {
        self.verifying.push_back(sink);
    }

    /// A message came.
    pub fn heard(&mut self, text: &str) -> Replies {
        if self.is_over() {
            return Replies::new();
        }
        let frame = match ServerFrame::decode(text) {
            Ok(frame) => frame,
            Err(error) => return self.undecodable(&error.to_string()),
        };
        match frame {
            ServerFrame::PushResult(result) => match self.pushing.pop_front() {
                Some(sink) => alloc::vec![(sink, Reply::Pushed(Ok(result)))],
                None => self.undecodable("an answer to no push"),
            },
            ServerFrame::VerifyResult(verified) => match self.verifying.pop_front() {
                Some(sink) => alloc::vec![(sink, Reply::Verified(Ok(verified)))],
                None => self.undecodable("an answer to no comparison"),
            },
            frame => self.keep(frame, text.len()),
        }
    }

    /// The socket closed, or never opened. Only the first reason counts.
    pub fn over(&mut self, failure: LinkFailure) -> Replies {
        if self.is_over() {
            return Replies::new();
        }
        let mut replies = self.disappoint(&failure);
        self.ended = Some(failure);
        replies.extend(self.hand_over());
        replies
    }

    fn keep(&mut self, frame: ServerFrame, bytes: usize) -> Replies {
        let mut replies = Replies::new();
        if let ServerFrame::Error(error) = &frame {
            // What was asked last is what went wrong, or is answered no more.
            replies = self.disappoint(&LinkFailure::from(error.clone()));
        }
        self.bytes += bytes;
        self.frames.push_back((frame, bytes));
        if self.bytes > SOCKET_QUEUE_BYTES_MAX {
            // What is here is handed over; the rest comes again, from where the device then is.
            replies.extend(self.over(LinkFailure::Ended));
        }
        replies.extend(self.hand_over());
        replies
    }

    fn undecodable(&mut self, message: &str) -> Replies {
        self.over(LinkFailure::Undecodable {
            message: message.to_string(),
        })
    }

    /// Whoever waits for an answer gets none.
    fn disappoint(&mut self, failure: &LinkFailure) -> Replies {
        let pushes = self.pushing.drain(..);
        let pushes = pushes.map(|sink| (sink, Reply::Pushed(Err(failure.clone()))));
        let comparisons = self.verifying.drain(..);
        let comparisons = comparisons.map(|sink| (sink, Reply::Verified(Err(failure.clone()))));
        pushes.chain(comparisons).collect()
    }

    fn hand_over(&mut self) -> Option<(Sink, Reply)> {
        if !self.asked {
            return None;
        }
        let reply = match self.frames.pop_front() {
            Some((frame, bytes)) => {
                self.bytes -= bytes;
                Reply::Frame(self.link, frame)
            }
            None => Reply::Closed(self.link, self.ended.clone()?),
        };
        self.asked = false;
        Some((self.sink.clone(), reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Heartbeat, PushResult, ServerError};
    use alloc::collections::BTreeMap;
    use alloc::string::String;

    fn socket() -> Socket {
        Socket::new(7, Sink::new(|_| {}))
    }

    fn beat(server_time_ms: u64) -> String {
        ServerFrame::Heartbeat(Heartbeat {
            server_time_ms,
            positions: BTreeMap::new(),
        })
        .encode()
    }

    fn said(replies: Replies) -> Vec<Reply> {
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    fn times(replies: Replies) -> Vec<u64> {
        let time = |reply| match reply {
            Reply::Frame(7, ServerFrame::Heartbeat(beat)) => Some(beat.server_time_ms),
            _ => None,
        };
        said(replies).into_iter().filter_map(time).collect()
    }

    #[test]
    fn frames_are_handed_over_one_by_one_as_they_are_asked_for() {
        let mut socket = socket();
        assert_eq!(times(socket.heard(&beat(1))), [0; 0]);
        assert_eq!(times(socket.heard(&beat(2))), [0; 0]);
        assert_eq!(times(socket.read()), [1]);
        assert_eq!(times(socket.read()), [2]);
        assert_eq!(times(socket.read()), [0; 0]);
        assert_eq!(times(socket.heard(&beat(3))), [3]);
        assert_eq!(times(socket.heard(&beat(4))), [0; 0]);
    }

    #[test]
    fn an_answer_goes_to_who_asked_and_not_among_the_frames() {
        let result = PushResult {
            outcomes: BTreeMap::new(),
            server_time_ms: 5,
        };
        let text = ServerFrame::PushResult(result.clone()).encode();
        let mut socket = socket();
        socket.pushed(Sink::new(|_| {}));
        let replies = said(socket.heard(&text));
        assert_eq!(replies, [Reply::Pushed(Ok(result))]);
        assert!(socket.heard(&text).is_empty());
        assert!(socket.is_over(), "an answer that nobody asked for");
    }

    #[test]
    fn an_error_answers_a_push_by_its_class_and_is_heard_of_the_stream_as_well() {
        let error = ServerError::new("too_many_changes", "send fewer");
        let mut socket = socket();
        socket.pushed(Sink::new(|_| {}));
        let replies = said(socket.heard(&ServerFrame::Error(error.clone()).encode()));
        let refused = LinkFailure::Server {
            status: 400,
            code: "too_many_changes".to_string(),
            retry_after_ms: None,
        };
        assert_eq!(replies, [Reply::Pushed(Err(refused))]);
        assert!(socket.over(LinkFailure::Ended).is_empty());
        let error = Reply::Frame(7, ServerFrame::Error(error));
        assert_eq!(said(socket.read()), [error]);
        let closed = Reply::Closed(7, LinkFailure::Ended);
        assert_eq!(said(socket.read()), [closed]);
    }

    #[test]
    fn what_nobody_reads_ends_the_socket_at_a_limit() {
        let mut socket = socket();
        let beat = beat(1);
        for _ in 0..SOCKET_QUEUE_BYTES_MAX / beat.len() {
            socket.heard(&beat);
        }
        assert!(!socket.is_over());
        socket.heard(&beat);
        assert!(socket.is_over());
        let kept = socket.frames.len();
        socket.heard(&beat);
        assert_eq!(socket.frames.len(), kept);
        assert_eq!(times(socket.read()), [1], "what came in time still counts");
    }

    #[test]
    fn a_message_that_is_not_understood_ends_the_socket_and_whoever_waits_is_told() {
        let mut socket = socket();
        socket.asked_to_verify(Sink::new(|_| {}));
        assert!(socket.read().is_empty());
        let replies = said(socket.heard("nonsense"));
        let codes = replies.iter().map(|reply| match reply {
            Reply::Verified(Err(failure)) | Reply::Closed(7, failure) => failure.code(),
            _ => "another reply",
        });
        assert!(codes.eq(["bad_frame", "bad_frame"]));
    }
}
