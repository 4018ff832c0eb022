#![no_main]

use chatbox_common::fuzzing::scram_server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| scram_server(data));
