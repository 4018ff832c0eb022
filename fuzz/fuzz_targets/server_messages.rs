#![no_main]

use chatbox_common::fuzzing::server_messages;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| server_messages(data));
