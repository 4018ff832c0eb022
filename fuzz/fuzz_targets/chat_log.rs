#![no_main]

use chatbox_server::fuzzing::chat_log;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| chat_log(data));
