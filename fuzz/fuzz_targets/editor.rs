#![no_main]

use chatbox_client::fuzzing::editor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| editor(data));
