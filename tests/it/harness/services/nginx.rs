//! A private nginx that runs the configuration of `deploy/`.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::guarded::{Guarded, directory};
use super::{Missing, program};
use crate::harness::binary::free_port;
use crate::harness::tls::ServerFiles;

/// What stands around the configuration of a site: one process, everything in its directory.
const AROUND: &str = "daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path unused;
    uwsgi_temp_path unused;
    scgi_temp_path unused;
    include site.conf;
}
";

/// A running nginx.
pub struct Nginx {
    /// Where it listens, with TLS.
    pub address: SocketAddr,
    /// Who signed its certificate.
    pub ca: PathBuf,
    _server: Guarded,
}

impl Nginx {
    /// Starts it in front of two servers.
    pub fn before(servers: [SocketAddr; 2]) -> Result<Self, Missing> {
        let program = program("nginx").ok_or_else(|| Missing("nginx is not installed".into()))?;
        let place = directory("mu-nginx-");
        let tls = ServerFiles::make(&place);
        let address = free_port();
        fs::write(place.join("nginx.conf"), AROUND).expect("the directory can be written");
        fs::write(place.join("site.conf"), site(address, servers)).expect("the directory can be written");
        let server = format!("{} -e stderr -p {} -c nginx.conf", program.display(), place.display());
        let server = Guarded::start(&server, "TERM", &place, None);
        Ok(Self { address, ca: tls.ca, _server: server })
    }
}

/// The site as it is deployed, but for where it listens, its certificate and its servers.
fn site(address: SocketAddr, servers: [SocketAddr; 2]) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx.conf");
    let mut site = fs::read_to_string(path).expect("it is deployed");
    for (deployed, times, here) in [
        ("listen 443 ssl", 1, format!("listen {address} ssl")),
        ("/etc/nginx/tls/", 2, String::new()),
        ("muster-1:8080", 1, servers[0].to_string()),
        ("muster-2:8080", 1, servers[1].to_string()),
    ] {
        assert_eq!(site.matches(deployed).count(), times, "{deployed} is in {path}");
        site = site.replace(deployed, &here);
    }
    site
}
