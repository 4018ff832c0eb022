#![no_main]

use chatbox_client::fuzzing::sanitize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sanitize(data));
