use std::fmt::Debug;

use crate::limits::MAX_MESSAGES_PER_RECORD;
use crate::wire::codec::{self, Message, Read};
use crate::wire::message::{ClientMessage, ServerMessage};

/// The content of a client's record.
pub fn client_messages(data: &[u8]) {
    content::<ClientMessage>(data);
}

/// The content of a server's record.
pub fn server_messages(data: &[u8]) {
    content::<ServerMessage>(data);
}

/// What was read is read again from what it is written as.
fn content<M: Message + Clone + PartialEq + Debug>(data: &[u8]) {
    let mut reader = codec::messages::<M>(data);
    let mut count = 0;
    while let Some(Ok(read)) = reader.next() {
        count += 1;
        match read {
            Read::Unknown { kind, .. } => assert!(!M::knows(kind)),
            Read::Known(message) => {
                let mut written = Vec::new();
                codec::put(&message, &mut written);
                assert_eq!(codec::length(&message), written.len());
                let again: Vec<_> = codec::messages(&written).collect();
                assert_eq!(again, [Ok(Read::Known(message))]);
            }
        }
    }
    assert!(count <= MAX_MESSAGES_PER_RECORD);
    assert!(reader.next().is_none(), "nothing comes after an error");
}
