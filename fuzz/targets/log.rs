//! Bodies of log lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| muster::agent::fuzzing::log(body));
