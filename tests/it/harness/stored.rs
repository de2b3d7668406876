//! The store behind the server's back: what must hold of a campaign whatever happened.

use entity::kind::{CampaignStatus, EventKind};
use entity::{activities, campaign_answers, campaign_events, campaign_teams, campaigns, settings};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::server::TestServer;
use super::services::postgres::connect;

/// All that is stored of one campaign.
pub struct Stored {
    /// Its row.
    pub campaign: campaigns::Model,
    /// Its events by position.
    pub events: Vec<campaign_events::Model>,
    /// Its answers by host.
    pub answers: Vec<campaign_answers::Model>,
    /// Its counters by team.
    pub teams: Vec<campaign_teams::Model>,
}

/// Entries of the audit trail of one kind: the object, and the name of who acted.
pub async fn activities(server: &TestServer, kind: &str) -> Vec<(String, String)> {
    let db = connect(&server.database_url()).await;
    let found = activities::Entity::find()
        .filter(activities::Column::Kind.eq(kind))
        .order_by_asc(activities::Column::Id)
        .all(&db)
        .await
        .expect("the store answers");
    db.close().await.expect("a connection closes");
    found.into_iter().map(|entry| (entry.subject.unwrap_or_default(), entry.actor_name)).collect()
}

/// A value of the settings.
pub async fn setting(server: &TestServer, key: &str) -> String {
    let db = connect(&server.database_url()).await;
    let row = settings::Entity::find_by_id(key).one(&db).await.expect("the store answers");
    db.close().await.expect("a connection closes");
    row.expect("it was put").value
}

/// Puts another value in the place of one of the settings.
pub async fn put_setting(server: &TestServer, key: &str, value: &str) {
    let db = connect(&server.database_url()).await;
    let put = settings::Entity::update_many().col_expr(settings::Column::Value, Expr::value(value));
    put.filter(settings::Column::Key.eq(key)).exec(&db).await.expect("the store answers");
    db.close().await.expect("a connection closes");
}

impl Stored {
    /// Reads a campaign by its outside id.
    pub async fn read(server: &TestServer, id: &str) -> Self {
        let db = connect(&server.database_url()).await;
        let campaign = campaigns::Entity::find().filter(campaigns::Column::PublicId.eq(id)).one(&db).await;
        let campaign = campaign.expect("the store answers").expect("the campaign is stored");
        let events = campaign_events::Entity::find()
            .filter(campaign_events::Column::CampaignId.eq(campaign.id))
            .order_by_asc(campaign_events::Column::Position);
        let answers = campaign_answers::Entity::find()
            .filter(campaign_answers::Column::CampaignId.eq(campaign.id))
            .order_by_asc(campaign_answers::Column::HostId);
        let teams = campaign_teams::Entity::find().filter(campaign_teams::Column::CampaignId.eq(campaign.id));
        let stored = Self {
            events: events.all(&db).await.expect("the store answers"),
            answers: answers.all(&db).await.expect("the store answers"),
            teams: teams.all(&db).await.expect("the store answers"),
            campaign,
        };
        db.close().await.expect("a connection closes");
        stored
    }

    /// Host names with an answer, in order; twice where a host is there twice.
    pub fn answered(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.answers.iter().map(|answer| answer.hostname.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Checks every law that holds at any moment.
    #[track_caller]
    pub fn assert_laws(&self) {
        self.assert_positions();
        self.assert_end();
        self.assert_counters();
    }

    /// Positions are 1, 2, 3 … without a hole, and each answer has its own, in one piece.
    #[track_caller]
    fn assert_positions(&self) {
        let positions: Vec<_> = self.events.iter().map(|event| event.position).collect();
        let expected: Vec<_> = (1..=self.campaign.last_position).collect();
        assert_eq!(positions, expected, "positions have no hole");
        for answer in &self.answers {
            let own = self.events.iter().filter(|event| event.host_id == Some(answer.host_id));
            let own: Vec<_> = own.map(|event| event.position).collect();
            let expected: Vec<_> = (answer.first_position..=answer.last_position).collect();
            assert_eq!(own, expected, "the events of {} are its answer's", answer.hostname);
        }
    }

    /// There is one end event, the last, when the campaign has ended; none before.
    #[track_caller]
    fn assert_end(&self) {
        let ends: Vec<_> = self.events.iter().filter(|event| event.kind == EventKind::Ended).collect();
        if self.campaign.status == CampaignStatus::Running {
            assert!(ends.is_empty(), "a running campaign has no end");
            assert!(self.campaign.outstanding > 0, "a running campaign awaits somebody");
            return;
        }
        let ends: Vec<_> = ends.iter().map(|event| event.position).collect();
        assert_eq!(ends, [self.campaign.last_position], "a campaign ends once, with its last event");
        assert!(self.campaign.ended_at.is_some(), "an ended campaign knows when");
    }

    /// Counters are what the answers say.
    #[track_caller]
    fn assert_counters(&self) {
        for team in &self.teams {
            let own = || self.answers.iter().filter(|answer| answer.team_id == team.team_id);
            let count = |failed: bool| own().filter(|answer| answer.error_code.is_some() == failed).count();
            assert_eq!(usize::try_from(team.succeeded).ok(), Some(count(false)), "succeeded of {team:?}");
            assert_eq!(usize::try_from(team.failed).ok(), Some(count(true)), "failed of {team:?}");
            assert_eq!(team.rows, own().map(|answer| answer.rows).sum::<i64>(), "rows of {team:?}");
        }
        let targeted: i64 = self.teams.iter().map(|team| team.targeted).sum();
        let responded: i64 = self.teams.iter().map(|team| team.succeeded + team.failed).sum();
        assert_eq!(self.campaign.targeted, targeted, "targeted");
        assert_eq!(self.campaign.outstanding, targeted - responded, "outstanding");
        let rows: i64 = self.teams.iter().map(|team| team.rows).sum();
        assert_eq!(self.campaign.rows, rows, "rows");
    }
}
