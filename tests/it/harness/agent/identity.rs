//! What a host says of itself.

use serde_json::{Value, json};

use super::Form;

/// Who a simulated machine is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What osquery calls itself by.
    pub host_identifier: String,
    /// Hardware UUID.
    pub uuid: String,
    /// Host name.
    pub hostname: String,
    /// Which installation of osquery.
    pub instance: String,
    /// Bit mask as text: `9` Linux, `21` macOS, `2` Windows.
    pub platform_type: &'static str,
}

impl Identity {
    /// A Linux machine; all that identifies it follows from its name.
    pub fn linux(name: &str) -> Self {
        Self {
            host_identifier: format!("{name}-identifier"),
            uuid: format!("{name}-uuid"),
            hostname: name.to_owned(),
            instance: "f2c4".to_owned(),
            platform_type: "9",
        }
    }

    /// Details sent with an enrollment: the first row of four tables, every leaf text.
    pub fn details(&self, form: Form) -> Value {
        let version = form.version();
        json!({
            "os_version": {
                "codename": "bookworm", "major": "12", "minor": "0", "name": "Debian GNU/Linux", "patch": "0",
                "platform": "debian", "platform_like": "", "version": "12 (bookworm)",
            },
            "osquery_info": {
                "config_hash": "", "instance_id": self.instance, "platform_mask": self.platform_type,
                "uuid": self.uuid, "version": version,
            },
            "system_info": {
                "computer_name": self.hostname, "hardware_serial": format!("{}-serial", self.hostname),
                "hostname": self.hostname, "physical_memory": "16777216000", "uuid": self.uuid,
            },
        })
    }
}
