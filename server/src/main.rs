//! The ChatBox server.
#![allow(dead_code, unused_imports)] // until main joins the parts

mod audit;
mod clock;
mod commands;
mod config;
mod connection;
mod delivery;
mod event;
mod hub;
mod journal;
mod keyfile;
mod keys;
mod limits;
mod line;
mod listener;
mod login;
mod outbox;
mod presence;
mod readers;
mod sealed;
mod shared;
mod signals;
mod store;
mod throttle;

fn main() {}
