//! The audit trail.

use async_graphql::{
    Context, ID, InputObject, InputValueError, InputValueResult, Object, Scalar, ScalarType, Value,
};

use super::team::Team;
use crate::fleet::activity;
use crate::graphql::connection::connection;
use crate::graphql::context::ContextExt;
use crate::graphql::error::{Failure, Result};
use crate::graphql::id::{Id, Identified, any, publics, shown};
use crate::graphql::scalars::{DateTime, Text};
use entity::id::{PublicId, TeamId};

/// Kinds and teams in a filter at most.
const MAX_CONDITIONS: usize = 100;

/// What was done, by whom, from where. It never changes.
#[derive(Clone, Debug)]
pub struct Activity(pub activity::Activity);

impl Identified for Activity {
    const PREFIX: &'static str = "act";
}

/// What was done, by whom, from where. It never changes.
#[Object]
impl Activity {
    /// Global id.
    pub(super) async fn id(&self) -> ID {
        shown(&self.0.public_id)
    }

    /// When it happened.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.0.occurred_at)
    }

    /// What was done, as `noun.verb`: `campaign.started`, `session.failed`; new ones may be added.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Id of the user or API token that acted; null for hosts, for the server itself, and for somebody unknown.
    async fn actor_id(&self) -> Option<ID> {
        let actor = any(&self.0.actor);
        (!actor.0.is_empty()).then(|| shown(&actor))
    }

    /// Id of the user who acted, themselves or by an API token of theirs; also when they are gone.
    async fn user_id(&self) -> Option<ID> {
        self.0.acting_user.clone().map(ID)
    }

    /// Name of who acted, as of then.
    async fn actor_name(&self) -> &str {
        &self.0.actor_name
    }

    /// Address it was done from.
    async fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// Team it concerns; null for the whole installation, and when the team is gone.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        match self.0.team_id {
            Some(id) => Team::load(ctx, id).await,
            None => Ok(None),
        }
    }

    /// Id of the object, also when it was deleted.
    async fn subject_id(&self) -> Option<ID> {
        self.0.subject.clone().map(ID)
    }

    /// More; which members there are depends on the kind.
    async fn details(&self) -> ActivityDetails {
        ActivityDetails(self.0.details.clone())
    }
}

/// A JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityDetails(String);

/// Members of an activity that depend on its kind: a JSON object.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for ActivityDetails {
    fn parse(_value: Value) -> InputValueResult<Self> {
        Err(InputValueError::custom("details are never an input"))
    }

    fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).ok().and_then(|json| Value::from_json(json).ok()).unwrap_or_default()
    }
}

/// Conditions that an activity must all meet; each list means any of.
#[derive(Default, InputObject)]
pub struct ActivityFilter {
    /// Who acted: a user or an API token.
    actor_id: Option<ID>,
    /// The user who acted, themselves or by an API token of theirs.
    user_id: Option<ID>,
    /// What was done: whole kinds such as `campaign.started`, or nouns such as `campaign`. At most 100.
    kinds: Option<Vec<Text>>,
    /// The object.
    subject_id: Option<ID>,
    /// Teams concerned. At most 100.
    team_ids: Option<Vec<Id<Team>>>,
    /// From this time on.
    from: Option<DateTime>,
    /// Before this time.
    until: Option<DateTime>,
}

impl ActivityFilter {
    /// As the core has it. An id that names nothing, or a team that is not visible, matches nothing.
    ///
    /// # Errors
    /// Too many kinds or teams; a team that can't be looked up.
    pub async fn resolved(self, ctx: &Context<'_>) -> Result<activity::ActivityFilter> {
        let too_many = |list: &str| Failure::bad_input(format!("`{list}` has more than {MAX_CONDITIONS}"));
        if self.kinds.as_ref().is_some_and(|kinds| kinds.len() > MAX_CONDITIONS) {
            return Err(too_many("kinds"));
        }
        let teams = match self.team_ids.map(publics) {
            Some(ids) if ids.len() > MAX_CONDITIONS => return Err(too_many("teamIds")),
            Some(ids) => Some(inside(ctx, &ids).await?),
            None => None,
        };
        let id = |id: ID| any(&id).0;
        Ok(activity::ActivityFilter {
            actor: self.actor_id.map(id),
            user: self.user_id.map(id),
            kinds: self.kinds.map(|kinds| kinds.into_iter().map(|kind| kind.0).collect()),
            subject: self.subject_id.map(id),
            teams,
            from: self.from.map(|time| time.0),
            until: self.until.map(|time| time.0),
        })
    }
}

/// The inside ids of visible teams.
async fn inside(ctx: &Context<'_>, ids: &[PublicId]) -> Result<Vec<TeamId>> {
    let found = ctx.fleet().teams_by_public_ids(ctx.actor(), ids).await?;
    Ok(found.into_values().map(|team| team.id).collect())
}

connection! {
    /// Page of activities.
    ActivityConnection {}

    /// One activity in a page.
    ActivityEdge {
        /// The activity.
        Activity
    }
}
