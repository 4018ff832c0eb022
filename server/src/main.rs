//! The ChatBox server.
#![allow(dead_code, unused_imports)] // until main joins the parts

mod audit;
mod config;
mod limits;
mod throttle;

fn main() {}
