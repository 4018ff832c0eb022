#![no_main]

use chatbox_common::fuzzing::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| config(data));
