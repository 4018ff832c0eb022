//! The ChatBox server.
#![allow(dead_code, unused_imports)] // until main joins the parts

mod audit;
mod config;
mod delivery;
mod event;
mod hub;
mod limits;
mod outbox;
mod presence;
mod throttle;

fn main() {}
