//! What hosts are configured with.

use async_graphql::{Context, Object, SimpleObject};

use super::host::Platform;
use super::label::Label;
use super::schedule::labels;
use super::team::Team;
use super::user::Actor;
use crate::fleet::osquery_config::{Effective, Finding, Layer};
use crate::graphql::error::Result;
use crate::graphql::scalars::{DateTime, int};

/// A layer of configuration: for all hosts, for a team, for a platform, for labels.
#[derive(Clone, Debug)]
pub struct OsqueryConfigLayer(pub Layer);

/// A layer of what hosts are configured with: for all hosts, for a team, for a platform, for labels.
#[Object]
impl OsqueryConfigLayer {
    /// The team whose hosts it is for; null for all hosts.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        Team::load(ctx, self.0.team).await
    }

    /// The platform whose hosts it is for; null for every one.
    async fn platform(&self) -> Option<Platform> {
        self.0.platform.map(Platform::from)
    }

    /// The name of a layer for labels, unique in its team; null for one that does not ask for labels.
    async fn name(&self) -> Option<&str> {
        self.0.for_labels.as_ref().map(|layer| layer.name.as_str())
    }

    /// Of two layers for labels, the one with more is laid over the other; null for one that does not ask for labels.
    async fn priority(&self) -> Option<i32> {
        self.0.for_labels.as_ref().map(|layer| layer.priority)
    }

    /// A host must have one of these labels; empty for any host. Null for who may not read labels.
    async fn labels_include_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        let ids = self.0.for_labels.as_ref().map(|layer| layer.labels.include_any.as_slice());
        labels(ctx, ids.unwrap_or_default()).await.map(Some)
    }

    /// A host must have none of these labels. Null for who may not read labels.
    async fn labels_exclude_any(&self, ctx: &Context<'_>) -> Result<Option<Vec<Label>>> {
        let ids = self.0.for_labels.as_ref().map(|layer| layer.labels.exclude_any.as_slice());
        labels(ctx, ids.unwrap_or_default()).await.map(Some)
    }

    /// A JSON object, as text: options, decorators, file paths, events, yara, views and the like.
    async fn document(&self) -> &str {
        &self.0.document
    }

    /// Who changed it last.
    async fn updated_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        Actor::load(ctx, self.0.updated_by).await
    }

    /// When it was last changed; null when it was never written.
    async fn updated_at(&self) -> Option<DateTime> {
        self.0.updated_at.map(DateTime)
    }

    /// Version for optimistic concurrency; 0 when it was never written.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A whole configuration, and how it came to be.
#[derive(Clone, Debug)]
pub struct OsqueryConfig(pub Effective);

/// A whole configuration, as hosts get it, and how it came to be.
#[Object]
impl OsqueryConfig {
    /// The whole, as JSON text: layers, schedule and packs.
    async fn document(&self) -> &str {
        &self.0.document
    }

    /// What a host that has it reports as `osquery_info.config_hash`; null when that can't be foretold.
    async fn hash(&self) -> Option<&str> {
        self.0.hash.as_deref()
    }

    /// The layers it is made of. Each is laid over those before it: objects member by member, anything else in place
    /// of what was there, and null takes away. First what this server needs; then the layers for all hosts, for the
    /// team, for the platform, for the platform in the team; then those for labels, by priority, of equal ones the
    /// team's after the global ones, and then by name.
    async fn layers(&self) -> Vec<OsqueryConfigLayer> {
        self.0.layers.iter().cloned().map(OsqueryConfigLayer).collect()
    }

    /// Where each value of the layers came from.
    async fn origins(&self) -> Vec<OsqueryConfigOrigin> {
        let of =
            |(path, layer): &(String, usize)| OsqueryConfigOrigin { path: path.clone(), layer: int(*layer) };
        self.0.origins.iter().map(of).collect()
    }
}

/// Where a value of a configuration came from.
#[derive(Clone, Debug, SimpleObject)]
pub struct OsqueryConfigOrigin {
    /// The value, as a path: `options.pack_delimiter`.
    path: String,
    /// The number of its layer in `layers`, from 1; 0 is the server itself.
    layer: i32,
}

/// What the author of a configuration should know: it has no effect, or another than it seems.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct ConfigWarning {
    /// Where, as a path: `options.logger_plugin`.
    path: String,
    /// For people.
    message: String,
}

impl From<Finding> for ConfigWarning {
    fn from(finding: Finding) -> Self {
        Self { path: finding.path, message: finding.message }
    }
}
