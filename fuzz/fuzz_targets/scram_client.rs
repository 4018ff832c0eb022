#![no_main]

use chatbox_common::fuzzing::scram_client;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| scram_client(data));
