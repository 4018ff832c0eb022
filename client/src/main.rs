//! The ChatBox client.
#![allow(dead_code)] // until main joins the parts

mod address;
mod cli;
mod input;
mod known_hosts;
mod prompt;
mod qr;
mod sanitize;
mod trust;

fn main() {}
