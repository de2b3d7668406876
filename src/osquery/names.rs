//! Names and conditions of scheduled queries and packs: which an agent takes, and what it makes of them.

/// Seconds between two runs at most, a week; an agent skips a query with more.
pub const MAX_INTERVAL_S: i32 = 604_800;

/// What an agent puts before the names of queries of packs.
const PACK: &str = "pack";

/// What separates the parts of such a name, unless `pack_delimiter` says otherwise.
pub const DELIMITER: &str = "_";

/// Why an agent would refuse a scheduled query of this name; none when it takes it.
#[must_use]
pub fn reserved(name: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, &str); 3] = [
        ("query.", "osquery refuses names that begin with `query.`"),
        ("cache.", "osquery refuses names that begin with `cache.`"),
        ("config_views.", "osquery refuses names that begin with `config_views.`"),
    ];
    if name.ends_with("counter") {
        return Some("osquery refuses scheduled queries whose name ends in `counter`");
    }
    if name.ends_with("epoch") {
        return Some("osquery refuses scheduled queries whose name ends in `epoch`");
    }
    PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, why)| *why)
}

/// Why an agent would misread a pack of this name; none when it takes it.
#[must_use]
pub fn bad_pack(name: &str) -> Option<&'static str> {
    match name {
        "main" => Some("a pack called `main` would mix with the queries that are in no pack"),
        "*" => Some("osquery reads a pack called `*` as a list of packs"),
        _ => None,
    }
}

/// The name under which an agent logs the results of a query: its own, or that of its pack before it.
#[must_use]
pub fn logged(pack: Option<&str>, query: &str, delimiter: &str) -> String {
    match pack {
        None => query.to_owned(),
        Some(pack) => [PACK, pack, query].join(delimiter),
    }
}

/// Platforms as an agent reads them: a text with commas, without spaces or doubles; none for all.
///
/// # Errors
/// It has something that is no name of a platform.
pub fn platforms(text: &str) -> Result<Option<String>, String> {
    let mut known = Vec::new();
    for part in text.split(',').map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty()) {
        let is_word =
            part.len() <= 32 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word {
            return Err(format!(
                "`{part}` is no platform: use darwin, linux, windows, posix, or several with commas"
            ));
        }
        if matches!(part.as_str(), "any" | "all") {
            return Ok(None);
        }
        if !known.contains(&part) {
            known.push(part);
        }
    }
    Ok((!known.is_empty()).then(|| known.join(",")))
}

/// The platforms in a list that no agent calls itself by: nothing runs there.
#[must_use]
pub fn unknown_platforms(list: &str) -> Vec<&str> {
    const KNOWN: [&str; 7] = ["darwin", "linux", "windows", "posix", "ubuntu", "centos", "freebsd"];
    list.split(',').filter(|part| !KNOWN.contains(part)).collect()
}

/// Whether an agent on a platform, by its word, runs what is for these platforms. Of one that is not known yet that is
/// taken for granted.
#[must_use]
pub fn runs_on(list: Option<&str>, platform: &str) -> bool {
    let is_met = |part: &str| match part {
        "posix" => matches!(platform, "linux" | "darwin" | "freebsd"),
        "ubuntu" | "centos" => platform == "linux",
        part => part == platform,
    };
    platform == "other" || list.is_none_or(|list| list.split(',').any(is_met))
}

/// A version as an agent compares it: numbers with dots; none for any.
///
/// # Errors
/// It is something else.
pub fn version(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    if matches!(text, "" | "0.0.0" | "null") {
        return Ok(None);
    }
    let is_number =
        |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.split('.').count() <= 4 && text.split('.').all(is_number) {
        return Ok(Some(text.to_owned()));
    }
    Err(format!("`{text}` is no version of osquery: numbers with dots, as 5.10.2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case C06.
    #[test]
    fn platforms_of_agents() {
        for (list, platform, runs) in [
            (None, "windows", true),
            (Some("linux,darwin"), "darwin", true),
            (Some("linux"), "darwin", false),
            (Some("posix"), "freebsd", true),
            (Some("posix"), "windows", false),
            (Some("centos"), "linux", true),
            (Some("linux"), "other", true),
        ] {
            assert_eq!(runs_on(list, platform), runs, "{list:?} {platform}");
        }
    }

    #[test]
    fn c06_reserved_names() {
        for name in ["cpu_counter", "counter", "my.epoch", "query.x", "cache.x", "config_views.x"] {
            assert!(reserved(name).is_some(), "{name}");
        }
        for name in ["counters", "epoch_time", "my query.x", "sadmind/iis_worm", "mithra`s_rootkit"] {
            assert_eq!(reserved(name), None, "{name}");
        }
    }

    /// Case C07.
    #[test]
    fn c07_names_of_two_queries_may_be_one() {
        assert_eq!(logged(Some("a_b"), "c", "_"), logged(Some("a"), "b_c", "_"));
        assert_eq!(logged(Some("a"), "b", "/"), "pack/a/b");
        assert_eq!(logged(None, "b", "/"), "b");
    }

    /// Case C14.
    #[test]
    fn c14_platforms_are_a_text_with_commas() {
        assert_eq!(platforms(" Linux, darwin ,linux"), Ok(Some("linux,darwin".to_owned())));
        assert_eq!((platforms(""), platforms("all"), platforms("linux,any")), (Ok(None), Ok(None), Ok(None)));
        assert!(platforms("linux;darwin").is_err());
        assert_eq!(unknown_platforms("linux,gentoo"), ["gentoo"]);
    }

    /// Case C15.
    #[test]
    fn c15_a_version_is_numbers_with_dots() {
        assert_eq!(version(" 1.4.5 "), Ok(Some("1.4.5".to_owned())));
        assert_eq!((version("0.0.0"), version("null")), (Ok(None), Ok(None)));
        for bad in ["5.x", "v5", "1.2.3.4.5", "1..2", "12345678901"] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }
}
