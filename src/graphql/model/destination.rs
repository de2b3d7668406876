//! Log destinations and how they are doing.

use async_graphql::{Enum, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value};

use crate::fleet::destinations;
use crate::graphql::scalars::{DateTime, UInt64};

/// Keys of a destination, the same as in `muster.toml`: a JSON object. Credentials are shown as `********`; given back
/// so, they stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationOptions(pub serde_json::Value);

/// Keys of a destination, the same as in `muster.toml`: a JSON object. Credentials are shown as `********`; given back
/// so, they stay as they are.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for DestinationOptions {
    fn parse(value: Value) -> InputValueResult<Self> {
        let json = value.into_json().map_err(|_| InputValueError::custom("options are a JSON object"))?;
        if json.is_object() {
            Ok(Self(json))
        } else {
            Err(InputValueError::custom("options are a JSON object"))
        }
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// What a destination does; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "destinations::State")]
pub enum DestinationState {
    /// It was just started.
    Starting,
    /// It ships, or has nothing to ship.
    Working,
    /// It failed, and is tried again.
    Retrying,
    /// It can't work as it is set up; it is tried now and then.
    Failed,
    /// Somebody paused it.
    Paused,
}

/// Where log lines are shipped to. What it tells of lines is of the server that answers: each ships its own.
#[derive(Clone, Debug)]
pub struct Destination(pub destinations::Destination);

/// Where log lines are shipped to. What it tells of lines is of the server that answers: each ships its own.
#[Object]
impl Destination {
    /// Its name.
    async fn name(&self) -> &str {
        &self.0.definition.name
    }

    /// Its type: file, stdout, syslog, http.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        self.0.definition.target.as_str()
    }

    /// Its keys, credentials masked.
    async fn options(&self) -> DestinationOptions {
        DestinationOptions(self.0.options.clone())
    }

    /// It stands in the configuration of the server, and is changed there.
    async fn is_configured(&self) -> bool {
        self.0.is_configured
    }

    /// Counts its changes.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What it does; null where it does not run yet.
    async fn state(&self) -> Option<DestinationState> {
        self.0.status.as_ref().map(|status| status.state.into())
    }

    /// Bytes of the spool that it has not got.
    async fn lag_bytes(&self) -> Option<UInt64> {
        self.0.status.as_ref().map(|status| UInt64(status.lag.bytes))
    }

    /// When the oldest line came that it has not got.
    async fn waiting_since(&self) -> Option<DateTime> {
        self.0.status.as_ref()?.lag.since.map(DateTime)
    }

    /// What went wrong last; it may work again.
    async fn last_error(&self) -> Option<&str> {
        let (reason, _) = self.0.status.as_ref()?.last_error.as_ref()?;
        Some(reason)
    }

    /// When that was.
    async fn last_error_at(&self) -> Option<DateTime> {
        self.0.status.as_ref()?.last_error.as_ref().map(|(_, at)| DateTime(*at))
    }

    /// When it got lines last.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.status.as_ref()?.delivered_at.map(DateTime)
    }

    /// Lines that it got since the server started.
    async fn delivered_lines(&self) -> Option<UInt64> {
        self.0.status.as_ref().map(|status| UInt64(status.delivered))
    }

    /// Lines that it will never take, set apart since the server started.
    async fn parked_lines(&self) -> Option<UInt64> {
        self.0.status.as_ref().map(|status| UInt64(status.parked))
    }
}
