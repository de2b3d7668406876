//! A text of each form that is imported: read, written in our own form, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::interchange::{SourceText, read, write};

fuzz_target!(|text: &str| {
    for end in ["conf", "json", "yml", "sql"] {
        let source = SourceText { name: format!("fuzz.{end}"), text: text.to_owned() };
        let written = write::own(&read(&[source]).collection);
        read(&[SourceText { name: "again.yml".to_owned(), text: written }]);
    }
});
