//! The one writer of the database, and the one order of everything in a room.
//!
//! Every change is a job in one queue. The journal's thread takes the jobs that wait, commits them
//! as one transaction, writes chat.log, and only then lets anybody see the result: acknowledgements
//! and messages go to the delivery threads in the order of their numbers. Sessions begin and end
//! between two batches, so a join can't race a delivery.
//!
//! Called by logins and sessions through [`Journal`]. Uses the store, the delivery threads and the
//! audit files. Does nothing with a socket but pass it on, and never sees the table of connections.

mod actions;
mod admit;
mod auth;
mod batch;
mod begin_end;
mod chat_log;
mod commit;
mod handle;
mod hidden;
mod index;
mod job;
mod operate;
mod outcome;
mod publish;
mod room;
mod rooms;
#[cfg(test)]
mod same_work;
mod sessions;
mod start;
mod state;
#[cfg(test)]
pub(crate) mod testing;
mod write_behind;
mod writer;

pub use crate::store::RoomSetting;
pub use chat_log::{AuditedChat, ChatSync};
pub use handle::Journal;
pub use job::{
    Begin, Change, Ended, FollowRequest, Granted, HasRead, JournalSettings, LOGGED_OUT, LogIn,
    MAX_WRONG_CODES, ModeratorAction, OperatorRequest, Part, Post, Registration, ResumeUse,
    RoomAction, RoomLimits, RoomRequest, Spend, Token, Unavailable,
};
pub use start::start;
pub use state::open::Parts;
