#![no_main]

use chatbox_client::fuzzing::known_hosts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| known_hosts(data));
