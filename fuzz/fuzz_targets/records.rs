#![no_main]

use chatbox_common::fuzzing::records;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| records(data));
