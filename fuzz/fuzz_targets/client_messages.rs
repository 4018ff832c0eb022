#![no_main]

use chatbox_common::fuzzing::client_messages;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| client_messages(data));
