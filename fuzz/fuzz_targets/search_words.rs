#![no_main]

use chatbox_server::fuzzing::search_words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| search_words(data));
