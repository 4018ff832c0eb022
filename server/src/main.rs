//! The ChatBox server.
#![allow(dead_code)] // until main joins the parts
mod delivery;
mod event;
mod outbox;
fn main() {}
