//! Cursors of events, ours or not: no text opens as a cursor unless we sealed it.
#![no_main]

use std::sync::LazyLock;

use entity::id::CampaignId;
use libfuzzer_sys::fuzz_target;
use muster::auth::Keys;
use muster::fleet::campaigns::open_cursor;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::derive(&[7; 32]));

fuzz_target!(|cursor: &str| {
    assert!(open_cursor(&KEYS, CampaignId(1), Some(cursor)).is_err(), "nobody can forge a cursor");
});
