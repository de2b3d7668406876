//! What a resolver knows about its request.

use std::net::IpAddr;

use crate::policy::Actor;

/// Put into every request by the transport, before execution.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks; anonymous without a credential.
    pub actor: Actor,
    /// Where from, for rate limits and the audit trail.
    pub source: IpAddr,
    /// The id in logs and in `extensions.requestId`.
    pub request_id: String,
}
