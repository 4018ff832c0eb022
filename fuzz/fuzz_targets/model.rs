#![no_main]

use chatbox_client::fuzzing::model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| model(data));
