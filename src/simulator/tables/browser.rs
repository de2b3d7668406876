//! Extensions of Chrome and its relatives.

use crate::clock::Timestamp;

use super::super::host::{Host, Platform};
use super::{Row, accounts};

/// Extensions that people have: name, identifier, version, author, permissions, share of hosts.
const EXTENSIONS: [(&str, &str, &str, &str, &str, f64); 6] = [
    (
        "uBlock Origin Lite",
        "ddkjiahejlhfcafbddmgiahcphecmpfh",
        "2025.1110.1638",
        "Raymond Hill",
        "storage",
        0.5,
    ),
    ("1Password", "aeblfdkhhhdcdjpifhhbdiojplfjncoa", "8.11.18.34", "AgileBits", "tabs, storage", 0.4),
    ("React Developer Tools", "fmkadmapgofadopljbjfkapdkoienihi", "7.0.1", "Meta", "scripting, storage", 0.2),
    ("Google Docs Offline", "ghbmnnjooekpmoecnnnilnnbdlolhkhi", "1.98.1", "Google", "alarms, storage", 0.9),
    ("Grammarly", "kbfnbcaeplbcioakkpcpgfkobkghlhen", "14.1262.0", "Grammarly", "scripting, tabs", 0.3),
    ("Vimium", "dbepggeogbaibhgnhhndojpepiihcmeb", "2.3.1", "Phil Crosby", "tabs, bookmarks", 0.1),
];

/// The extensions of the main person; servers have none.
pub(super) fn chrome_extensions(host: &Host, _: Timestamp) -> Vec<Row> {
    let base = match host.platform {
        Platform::Linux => return Vec::new(),
        Platform::Darwin => {
            format!("{}/Library/Application Support/Google/Chrome/Default", host.home(host.person))
        }
        Platform::Windows => {
            format!("{}\\AppData\\Local\\Google\\Chrome\\User Data\\Default", host.home(host.person))
        }
    };
    let accounts = accounts::accounts(host);
    let uid = accounts.iter().find(|account| account.name == host.person).map_or(0, |account| account.uid);
    let mut draw = host.draw("extensions");
    let mut rows = Vec::new();
    for extension in &EXTENSIONS {
        let installed = draw.between(1_640_000_000, 1_760_000_000);
        if draw.happens(extension.5) {
            rows.push(row(extension, uid, &base, installed));
        }
    }
    rows
}

/// The row of one extension.
fn row(extension: &(&str, &str, &str, &str, &str, f64), uid: i64, base: &str, installed: i64) -> Row {
    let (name, identifier, version, author, permissions, _) = *extension;
    let separator = if base.contains('\\') { '\\' } else { '/' };
    Row::new()
        .text("browser_type", "chrome")
        .int("uid", uid)
        .text("name", name)
        .text("profile", "Person 1")
        .text("profile_path", base)
        .text("referenced_identifier", identifier)
        .text("identifier", identifier)
        .text("version", version)
        .text("description", "")
        .text("default_locale", "en")
        .text("current_locale", "en")
        .text("update_url", "https://clients2.google.com/service/update2/crx")
        .text("author", author)
        .int("persistent", 0)
        .text("path", format!("{base}{separator}Extensions{separator}{identifier}{separator}{version}_0"))
        .text("permissions", permissions)
        .text("optional_permissions", "")
        .text("manifest_hash", "")
        .int("referenced", 1)
        .text("from_webstore", "true")
        .text("state", "1")
        .text("install_time", ((installed + 11_644_473_600) * 1_000_000).to_string())
        .int("install_timestamp", installed)
}
