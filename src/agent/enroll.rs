//! POST enroll: a host shows a secret and gets a node key.

use axum::extract::{Request, State};
use axum::response::Response;
use entity::kind::Platform;
use serde_json::json;

use super::document::{Document, Member};
use super::json as lenient;
use super::reply::{self, Refusal};
use super::session::{Agent, source};
use super::settings::HostIdentifier;
use crate::fleet::enrollment::{EnrollRequest, Enrolled, is_useless_uuid};

/// Characters of a text that a host says of itself at most.
const MAX_TEXT: usize = 255;

/// Answers a node key; what it says of a wrong secret is no use to an agent, which tries again for ever.
pub(super) async fn enroll(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let (parts, document) = agent.open_unproven(request, agent.settings.enroll_bytes).await?;
    let request = enrollment(&document, agent.settings.host_identifier)
        .ok_or(Refusal::Malformed("it has no host_identifier"))?;
    match agent.ask(agent.fleet.enroll(request, source(&parts))).await? {
        Enrolled::Key(key) => {
            let body = json!({ "node_key": key, "node_invalid": false });
            Ok(reply::object(body.to_string().into()))
        }
        Enrolled::WrongSecret => Err(Refusal::WrongSecret),
        Enrolled::TooOften => Err(Refusal::TooOften),
    }
}

/// What the host says of itself, cleaned; none when there is nothing to call it by.
pub(super) fn enrollment(document: &Document, known_by: HostIdentifier) -> Option<EnrollRequest> {
    let details = document.get(Member::HostDetails).unwrap_or("{}");
    let tables = lenient::pick(details, ["os_version", "osquery_info", "platform_info", "system_info"]);
    let [os, osquery, _, system] = tables.map(|table| table.unwrap_or("{}"));
    let [uuid, computer, hostname, serial, memory] =
        lenient::pick(system, ["uuid", "computer_name", "hostname", "hardware_serial", "physical_memory"]);
    let [version, instance] = lenient::pick(osquery, ["version", "instance_id"]);
    let hardware_uuid = text(uuid).filter(|uuid| !is_useless_uuid(uuid));
    let hostname = text(hostname).or_else(|| text(computer));
    let wished = match known_by {
        HostIdentifier::Provided => None,
        HostIdentifier::Uuid => hardware_uuid.clone(),
        HostIdentifier::Hostname => hostname.clone(),
        HostIdentifier::Instance => text(instance).filter(|instance| !is_useless_uuid(instance)),
    };
    let host_identifier = wished
        .or_else(|| text(document.get(Member::HostIdentifier)))
        .or_else(|| hardware_uuid.clone())
        .or_else(|| hostname.clone())?;
    Some(EnrollRequest {
        secret: document.string(Member::EnrollSecret).unwrap_or_default().trim().to_owned(),
        host_identifier,
        platform: platform(document.get(Member::PlatformType), os),
        hardware_uuid,
        hostname,
        serial_number: text(serial),
        os_version: os_version(os),
        osquery_version: text(version),
        instance_id: text(instance).filter(|instance| !is_useless_uuid(instance)),
        memory_bytes: memory.and_then(lenient::integer).filter(|bytes| *bytes > 0),
    })
}

/// A scalar as clean text: no control characters, no space around, bounded; none when nothing is left.
fn text(value: Option<&str>) -> Option<String> {
    let text = lenient::scalar(value?)?;
    let clean = text.trim().chars().take(MAX_TEXT);
    let clean: String = clean.map(|character| if character.is_control() { ' ' } else { character }).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// Name and version of the operating system; a version often begins with the name.
fn os_version(os: &str) -> Option<String> {
    let [name, version] = lenient::pick(os, ["name", "version"]).map(text);
    match (name, version) {
        (Some(name), Some(version)) if version.starts_with(&name) => Some(version),
        (Some(name), Some(version)) => Some(format!("{name} {version}")),
        (name, version) => name.or(version),
    }
}

/// The platform by the bits of `platform_type`, or else by the row of `os_version`.
fn platform(platform_type: Option<&str>, os: &str) -> Option<Platform> {
    /// Bits of osquery's build platform, told apart in this order.
    const BITS: [(i64, Platform); 4] =
        [(16, Platform::Darwin), (8, Platform::Linux), (2, Platform::Windows), (32, Platform::Freebsd)];
    let bits = platform_type.and_then(lenient::integer).unwrap_or(0);
    let by_bits = BITS.iter().find(|(bit, _)| bits & bit != 0).map(|(_, platform)| *platform);
    by_bits.or_else(|| platform_by_name(os))
}

fn platform_by_name(os: &str) -> Option<Platform> {
    /// What osquery calls Linux systems in `platform` or `platform_like`.
    const LINUX: [&str; 9] =
        ["linux", "debian", "ubuntu", "rhel", "centos", "fedora", "suse", "arch", "amzn"];
    let [platform, like] = lenient::pick(os, ["platform", "platform_like"]).map(text);
    let platform = platform?.to_ascii_lowercase();
    match platform.as_str() {
        "darwin" => return Some(Platform::Darwin),
        "windows" => return Some(Platform::Windows),
        "freebsd" => return Some(Platform::Freebsd),
        _ => {}
    }
    let like = like.unwrap_or_default().to_ascii_lowercase();
    let is_linux = LINUX.iter().any(|name| platform.contains(name) || like.contains(name));
    is_linux.then_some(Platform::Linux)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agent::budget::Budget;

    fn read(body: &[u8]) -> Option<EnrollRequest> {
        read_as(body, HostIdentifier::Provided)
    }

    fn read_as(body: &[u8], known_by: HostIdentifier) -> Option<EnrollRequest> {
        let document = Document::read(body.to_vec(), Budget::new(1 << 30).share()).ok()?;
        enrollment(&document, known_by)
    }

    #[test]
    fn a_host_is_known_by_what_is_configured_or_else_by_what_osquery_says() {
        let said = |body: &str, known_by| read_as(body.as_bytes(), known_by).map(|host| host.host_identifier);
        let full = r#"{"host_identifier":"said","host_details":{"osquery_info":{"instance_id":"i-1"},
            "system_info":{"uuid":"4C4C4544-0000-0000-0000-00000000000A","hostname":"web-1"}}}"#;
        let bare = r#"{"host_identifier":"said","host_details":{"osquery_info":{"instance_id":" "},
            "system_info":{"uuid":"Not Settable"}}}"#;
        for (known_by, expected) in [
            (HostIdentifier::Provided, "said"),
            (HostIdentifier::Uuid, "4C4C4544-0000-0000-0000-00000000000A"),
            (HostIdentifier::Hostname, "web-1"),
            (HostIdentifier::Instance, "i-1"),
        ] {
            assert_eq!(said(full, known_by).as_deref(), Some(expected));
            assert_eq!(said(bare, known_by).as_deref(), Some("said"));
            assert_eq!(said("{}", known_by), None);
        }
    }

    #[test]
    fn a_modern_agent_tells_everything() {
        let body = br#"{"enroll_secret":" s\n","host_identifier":"web-1","platform_type":"9","host_details":{
            "os_version":{"name":"Debian GNU/Linux","platform":"debian","version":"12 (bookworm)"},
            "osquery_info":{"version":"5.23.1","instance_id":"i-1"},
            "system_info":{"uuid":"4C4C4544-0000-0000-0000-00000000000A","hostname":"web-1","computer_name":"x",
                "hardware_serial":"S1","physical_memory":"16777216000"}}}"#;
        let expected = EnrollRequest {
            secret: "s".to_owned(),
            host_identifier: "web-1".to_owned(),
            platform: Some(Platform::Linux),
            hardware_uuid: Some("4C4C4544-0000-0000-0000-00000000000A".to_owned()),
            hostname: Some("web-1".to_owned()),
            serial_number: Some("S1".to_owned()),
            os_version: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            osquery_version: Some("5.23.1".to_owned()),
            instance_id: Some("i-1".to_owned()),
            memory_bytes: Some(16_777_216_000),
        };
        assert_eq!(read(body), Some(expected));
    }

    #[test]
    fn details_may_be_missing_or_of_any_shape() {
        for details in [
            "",
            r#","host_details":"""#,
            r#","host_details":{}"#,
            r#","host_details":{"system_info":[1],"x":{}}"#,
        ] {
            let body = format!(r#"{{"enroll_secret":"s","host_identifier":"a"{details}}}"#);
            let expected = EnrollRequest {
                secret: "s".to_owned(),
                host_identifier: "a".to_owned(),
                ..EnrollRequest::default()
            };
            assert_eq!(read(body.as_bytes()), Some(expected), "{body}");
        }
    }

    #[test]
    fn platforms_are_told_by_bits_or_by_name() {
        for (bits, platform) in [
            ("9", Platform::Linux),
            ("21", Platform::Darwin),
            ("2", Platform::Windows),
            ("37", Platform::Freebsd),
        ] {
            assert_eq!(super::platform(Some(&format!("\"{bits}\"")), "{}"), Some(platform));
            assert_eq!(super::platform(Some(bits), "{}"), Some(platform));
        }
        assert_eq!(
            platform(Some("\"abc\""), r#"{"platform":"rocky","platform_like":"rhel fedora"}"#),
            Some(Platform::Linux)
        );
        assert_eq!(platform(None, r#"{"platform":"windows"}"#), Some(Platform::Windows));
        assert_eq!(platform(None, "{}"), None);
    }

    #[test]
    fn an_empty_identifier_is_replaced_or_refused() {
        let by_name = br#"{"host_identifier":" ","host_details":{"system_info":{"hostname":"web-1"}}}"#;
        assert_eq!(read(by_name).map(|request| request.host_identifier).as_deref(), Some("web-1"));
        assert_eq!(read(br#"{"host_identifier":"","enroll_secret":"s"}"#), None);
        assert_eq!(read(b"{}"), None);
    }

    #[test]
    fn hostile_texts_are_cleaned_and_bounded() {
        let name = format!("a\\r\\n\\u001b[31m{}", "é".repeat(1000));
        let body =
            format!(r#"{{"host_identifier":"x","host_details":{{"system_info":{{"hostname":"{name}"}}}}}}"#);
        let hostname = read(body.as_bytes()).and_then(|request| request.hostname).expect("a name");
        assert!(hostname.starts_with("a   [31mé"));
        assert_eq!(hostname.chars().count(), MAX_TEXT);
    }

    #[test]
    fn a_uuid_that_says_nothing_is_unknown() {
        let body = br#"{"host_identifier":"x","host_details":{"system_info":{"uuid":"Not Settable"}}}"#;
        assert_eq!(read(body).and_then(|request| request.hardware_uuid), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(value in "\\PC*") {
            read(format!(r#"{{"host_identifier":{value},"host_details":{value}}}"#).as_bytes());
            text(Some(&value));
        }
    }
}
