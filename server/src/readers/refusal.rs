//! The answer where a page or a search is refused.

use chatbox_common::wire::message::{ErrorCode, ErrorMessage, RequestId, ServerMessage};

pub(super) fn refusal(request: RequestId, code: ErrorCode, sentence: &str) -> ServerMessage {
    ServerMessage::Error(ErrorMessage {
        request: Some(request),
        code,
        text: sentence.to_owned(),
        retry_ms: None,
    })
}
