//! The one writer of the database, and the one order of everything in a room.
//!
//! Whatever writes is a job in one queue. The thread behind it takes what waits, commits it as
//! one transaction, writes chat.log, and only then lets anybody see it: acknowledgements and
//! messages go to the delivery threads in the order of their numbers. Sessions begin and end
//! between two batches, so a join can't race a delivery.
//!
//! Below it: the store, the delivery threads, the audit files. It knows no socket but to pass
//! one on, and never sees the table of connections.

mod actions;
mod admit;
mod auth;
mod batch;
mod begin_end;
mod chat_log;
mod commit;
mod handle;
mod index;
mod job;
mod outcome;
mod publish;
mod room;
mod rooms;
mod sessions;
mod start;
mod state;
mod write_behind;
mod writer;

pub use crate::store::RoomSetting;
pub use chat_log::{AuditedChat, ChatSync};
pub use handle::Journal;
pub use job::{
    Begin, Change, Ended, Granted, HasRead, LOGGED_OUT, LogIn, MAX_WRONG_CODES, ModeratorAction,
    Part, Post, Registration, ResumeUse, RoomAction, RoomLimits, RoomRequest, Spend, Token,
    Unavailable,
};
pub use start::start;
pub use state::open::Parts;
