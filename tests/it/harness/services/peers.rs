//! What log lines are shipped to: a NATS server, an rsyslogd, Amazon's services as moto plays them, and a Kafka
//! cluster as librdkafka does.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use super::guarded::{Guarded, directory};
use super::{Missing, env, program};

/// A server that listens on a port of the loopback.
pub struct Peer {
    /// Where it listens.
    pub address: SocketAddr,
    _server: Guarded,
    place: PathBuf,
}

impl Peer {
    /// A NATS server with `JetStream`.
    pub fn nats() -> Result<Self, Missing> {
        let program = program("nats-server").ok_or_else(|| Missing("nats-server is not installed".into()))?;
        let (address, place) = (free(), directory("mu-nats-"));
        let server =
            format!("{} -a 127.0.0.1 -p {} -js -sd {}", program.display(), address.port(), place.display());
        Ok(Self { address, _server: Guarded::start(&server, "KILL", &place, None), place })
    }

    /// Amazon's services, as moto plays them.
    pub fn amazon() -> Result<Self, Missing> {
        let named = env("TEST_MOTO_SERVER").map(PathBuf::from);
        let program = named.or_else(|| program("moto_server"));
        let program = program.ok_or_else(|| Missing("moto is not installed".into()))?;
        let (address, place) = (free(), directory("mu-moto-"));
        let server = format!("{} -H 127.0.0.1 -p {}", program.display(), address.port());
        Ok(Self { address, _server: Guarded::start(&server, "KILL", &place, None), place })
    }

    /// A Kafka cluster of three brokers, as librdkafka plays it; its records come into the file `records`.
    pub fn kafka() -> Result<Self, Missing> {
        let named = env("TEST_KAFKA_PYTHON").map(PathBuf::from);
        let python = named.or_else(|| program("python3"));
        let python = python.ok_or_else(|| Missing("python3 is not installed".into()))?;
        let has_client = Command::new(&python).args(["-c", "import confluent_kafka"]).output();
        if !has_client.is_ok_and(|output| output.status.success()) {
            return Err(Missing("confluent-kafka is not installed".into()));
        }
        let place = directory("mu-kafka-");
        let script = place.join("kafka.py");
        std::fs::write(&script, include_str!("kafka.py")).expect("the directory is ours");
        let server = format!("{} {}", python.display(), script.display());
        let server = Guarded::start(&server, "KILL", &place, None);
        let address =
            std::fs::read_to_string(place.join("address")).expect("it is written before it is ready");
        let first = address.split(',').next().and_then(|first| first.parse().ok());
        Ok(Self { address: first.expect("an address"), _server: server, place })
    }

    /// An rsyslogd that takes TCP and writes the messages of each kind to its directory.
    pub fn rsyslog() -> Result<Self, Missing> {
        let program = program("rsyslogd").ok_or_else(|| Missing("rsyslogd is not installed".into()))?;
        let (address, place) = (free(), directory("mu-rsys-"));
        let here = place.display().to_string();
        let configuration = format!(
            "global(workDirectory=\"{here}\" maxMessageSize=\"64k\")\n\
             module(load=\"imtcp\")\n\
             input(type=\"imtcp\" port=\"{}\" address=\"127.0.0.1\")\n\
             template(name=\"t\" type=\"string\" string=\"%hostname% %app-name% %msgid% %syslogseverity-text% %msg%\\n\")\n\
             action(type=\"omfile\" file=\"{here}/messages\" template=\"t\")\n",
            address.port()
        );
        std::fs::write(place.join("conf"), configuration).expect("the directory is ours");
        let server = format!(
            "sh -c 'echo ready to accept connections; exec {} -n -f {here}/conf -i {here}/pid'",
            program.display()
        );
        Ok(Self { address, _server: Guarded::start(&server, "KILL", &place, None), place })
    }

    /// A file of its directory, as far as it is there.
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.join(name)).unwrap_or_default()
    }
}

/// A port of the loopback that nobody listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound")
}
