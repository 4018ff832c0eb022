#![no_main]

use chatbox_client::fuzzing::wrap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| wrap(data));
