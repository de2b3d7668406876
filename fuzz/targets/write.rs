//! Bodies of answers to live queries.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| muster::agent::fuzzing::write(body));
