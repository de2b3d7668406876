//! Bodies of configuration and distributed read.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| muster::agent::fuzzing::keyed(body));
