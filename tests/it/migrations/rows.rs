//! A row of every table.

use std::collections::BTreeSet;

use entity::id::{
    ActivityId, ApiTokenId, CampaignId, EnrollSecretId, HostId, InvitationId, LabelId, LoginFailureId,
    NodeKeyId, PackId, PasswordResetId, PolicyChangeId, PolicyId, PublicId, ReportId, SavedQueryId,
    SessionId, SigningKeyId, TeamId, UserId,
};
use entity::kind::{
    AskedKind, CampaignStatus, ChangeKind, EventKind, HostErrorCode, HostStatus, LabelKind, Platform,
    PolicyState, Role, ScheduleLogging, TermKind,
};
use entity::time::Timestamp;
use muster::store::Store;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ConnectionTrait as _, DatabaseTransaction,
    EntityTrait, IdenStatic as _, IntoActiveModel, Iterable as _, Statement,
};

/// Far above what the database itself has given.
pub const ID: i64 = 1 << 31;
/// A moment whose milliseconds show whether they were kept.
const NOW: Timestamp = Timestamp(1_795_369_283_559);

/// Calls `$do` with the entity and the row of every table, parents first.
macro_rules! every_row {
    ($do:ident, $db:expr) => {
        $do::<entity::teams::Entity>($db, team()).await;
        $do::<entity::users::Entity>($db, user()).await;
        $do::<entity::team_members::Entity>($db, team_member()).await;
        $do::<entity::invitations::Entity>($db, invitation()).await;
        $do::<entity::sessions::Entity>($db, session()).await;
        $do::<entity::api_tokens::Entity>($db, api_token()).await;
        $do::<entity::login_failures::Entity>($db, login_failure()).await;
        $do::<entity::signing_keys::Entity>($db, signing_key()).await;
        $do::<entity::password_resets::Entity>($db, password_reset()).await;
        $do::<entity::hosts::Entity>($db, host()).await;
        $do::<entity::host_vitals::Entity>($db, host_vital()).await;
        $do::<entity::host_schedule::Entity>($db, scheduled()).await;
        $do::<entity::query_costs::Entity>($db, query_cost()).await;
        $do::<entity::host_terms::Entity>($db, term()).await;
        $do::<entity::node_keys::Entity>($db, node_key()).await;
        $do::<entity::enroll_secrets::Entity>($db, enroll_secret()).await;
        $do::<entity::labels::Entity>($db, label()).await;
        $do::<entity::label_members::Entity>($db, label_member()).await;
        $do::<entity::label_sets::Entity>($db, label_set()).await;
        $do::<entity::label_failures::Entity>($db, label_failure()).await;
        $do::<entity::saved_queries::Entity>($db, saved_query()).await;
        $do::<entity::packs::Entity>($db, pack()).await;
        $do::<entity::osquery_configs::Entity>($db, osquery_config()).await;
        $do::<entity::label_layers::Entity>($db, label_layer()).await;
        $do::<entity::reports::Entity>($db, report()).await;
        $do::<entity::policies::Entity>($db, policy()).await;
        $do::<entity::policy_labels::Entity>($db, policy_label()).await;
        $do::<entity::policy_results::Entity>($db, policy_result()).await;
        $do::<entity::policy_changes::Entity>($db, policy_change()).await;
        $do::<entity::policy_counts::Entity>($db, policy_counts()).await;
        $do::<entity::campaigns::Entity>($db, campaign()).await;
        $do::<entity::campaign_targets::Entity>($db, campaign_target()).await;
        $do::<entity::campaign_teams::Entity>($db, campaign_team()).await;
        $do::<entity::campaign_answers::Entity>($db, campaign_answer()).await;
        $do::<entity::campaign_events::Entity>($db, campaign_event()).await;
        $do::<entity::campaign_readers::Entity>($db, campaign_reader()).await;
        $do::<entity::changes::Entity>($db, change()).await;
        $do::<entity::activities::Entity>($db, activity()).await;
        $do::<entity::idempotency_keys::Entity>($db, idempotency_key()).await;
        $do::<entity::settings::Entity>($db, setting()).await;
        $do::<entity::leases::Entity>($db, lease()).await;
    };
}

/// Inserts a row into every table.
pub async fn insert_everywhere(store: &Store) {
    let tx = store.begin().await.expect("a transaction");
    every_row!(insert, &tx);
    tx.commit().await.expect("commit");
}

/// Checks that every table has its row, unchanged, and no column that its entity does not know.
pub async fn read_everywhere(store: &Store) {
    let tx = store.begin().await.expect("a transaction");
    every_row!(read, &tx);
}

/// Stores a host with an id that the database gives.
pub async fn new_host(store: &Store) -> HostId {
    new_host_of(store, 1, TeamId(ID)).await
}

/// Inserts a host with this number in its outside id, into a team, and answers its id.
pub async fn new_host_of(store: &Store, number: u128, team: TeamId) -> HostId {
    let mut row = host().into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    row.public_id = ActiveValue::Set(PublicId::new("hst", number));
    row.team_id = ActiveValue::Set(team);
    let tx = store.begin().await.expect("a transaction");
    let id = entity::hosts::Entity::insert(row).exec(&tx).await.expect("a row").last_insert_id;
    tx.commit().await.expect("commit");
    id
}

async fn insert<E>(db: &DatabaseTransaction, row: E::Model)
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
{
    let row = row.into_active_model().reset_all();
    E::insert(row).exec_without_returning(db).await.expect("a row that fits its table");
}

async fn read<E>(db: &DatabaseTransaction, row: E::Model)
where
    E: EntityTrait,
    E::Model: PartialEq + Send + Sync,
{
    let rows = E::find().all(db).await.expect("rows that fit their entity");
    assert!(rows.contains(&row), "{row:?} is not among {rows:?}");
    let table = E::default().table_name().to_owned();
    let all = Statement::from_string(db.get_database_backend(), format!("SELECT * FROM {table}"));
    let stored = db.query_one_raw(all).await.expect("a table").expect("a row").column_names();
    let known: BTreeSet<String> = E::Column::iter().map(|column| column.as_str().to_owned()).collect();
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), known, "{table}");
}

fn public_id(prefix: &str) -> PublicId {
    PublicId::new(prefix, u128::MAX)
}

fn team() -> entity::teams::Model {
    entity::teams::Model {
        id: TeamId(ID),
        public_id: public_id("tem"),
        name: "Zürich".into(),
        description: None,
        created_at: NOW,
        restrictions: "[]".into(),
        version: 1,
        host_expiry_days: Some(30),
    }
}

fn invitation() -> entity::invitations::Model {
    entity::invitations::Model {
        id: InvitationId(ID),
        public_id: public_id("inv"),
        email: "grace@example.com".into(),
        team_id: TeamId(ID),
        role: Role::Observer,
        token_hash: vec![6; 32],
        created_by: None,
        created_at: NOW,
        expires_at: NOW,
        closed_at: Some(NOW),
    }
}

fn user() -> entity::users::Model {
    entity::users::Model {
        id: UserId(ID),
        public_id: public_id("usr"),
        email: "ada@example.com".into(),
        name: "Ada".into(),
        password_hash: "$argon2id$".into(),
        role: Some(Role::ObserverPlus),
        created_at: NOW,
        disabled_at: Some(NOW),
        version: 7,
    }
}

fn team_member() -> entity::team_members::Model {
    entity::team_members::Model { user_id: UserId(ID), team_id: TeamId(ID), role: Role::Gitops }
}

fn session() -> entity::sessions::Model {
    entity::sessions::Model {
        id: SessionId(ID),
        public_id: public_id("ses"),
        user_id: UserId(ID),
        refresh_hash: vec![0; 32],
        previous_refresh_hash: Some(vec![255; 32]),
        created_at: NOW,
        refreshed_at: NOW,
        expires_at: NOW,
        ended_at: None,
        source: Some("192.0.2.1".into()),
        agent: None,
        by_cookie: true,
    }
}

fn api_token() -> entity::api_tokens::Model {
    entity::api_tokens::Model {
        id: ApiTokenId(ID),
        public_id: public_id("tok"),
        user_id: UserId(ID),
        name: "nightly".into(),
        token_hash: vec![1; 32],
        created_at: NOW,
        expires_at: NOW,
        revoked_at: None,
        last_used_at: Some(NOW),
        scope: entity::kind::TokenScope::Run,
        team_id: Some(TeamId(ID)),
    }
}

fn login_failure() -> entity::login_failures::Model {
    entity::login_failures::Model {
        id: LoginFailureId(ID),
        account: vec![7; 32],
        source: "192.0.2.1".into(),
        failed_at: NOW,
    }
}

fn signing_key() -> entity::signing_keys::Model {
    entity::signing_keys::Model { id: SigningKeyId(ID), created_at: NOW, earlier_until: NOW }
}

fn password_reset() -> entity::password_resets::Model {
    entity::password_resets::Model {
        id: PasswordResetId(ID),
        user_id: UserId(ID),
        email: "ada@example.com".into(),
        token_hash: vec![2; 32],
        created_at: NOW,
        expires_at: NOW,
    }
}

fn campaign_reader() -> entity::campaign_readers::Model {
    entity::campaign_readers::Model {
        campaign_id: CampaignId(ID),
        reader: "usr_0".into(),
        first_read_at: NOW,
    }
}

fn host() -> entity::hosts::Model {
    entity::hosts::Model {
        id: HostId(ID),
        public_id: public_id("hst"),
        team_id: TeamId::NONE,
        enrolled_team_id: TeamId(ID),
        host_identifier: "web-1".into(),
        hardware_uuid: String::new(),
        hostname: "web-1".into(),
        serial_number: None,
        platform: Platform::Freebsd,
        os_version: Some("FreeBSD 14.3".into()),
        osquery_version: Some("5.19.0".into()),
        memory_bytes: Some(i64::MAX),
        check_in_interval_s: 10,
        enrolled_at: NOW,
        last_enrolled_at: NOW,
        last_seen_at: NOW,
        clone_suspected_at: None,
        foreign_secret_at: Some(NOW),
        vitals_at: Some(NOW),
        labels_at: None,
        policies_at: Some(NOW),
        refetch_at: None,
        checked_in_at: Some(NOW),
        config_at: None,
        logged_at: Some(NOW),
        unanswered_since: None,
        booted_at: Some(NOW),
        disk_total_bytes: Some(i64::MAX),
        disk_free_bytes: Some(0),
        config_interval_s: Some(0),
        log_interval_s: None,
        cpu_cores: Some(128),
        instance_id: Some("i-1".into()),
        hardware_vendor: None,
        hardware_model: Some("vm".into()),
        cpu_brand: None,
        primary_address: Some("10.0.0.1".into()),
        primary_mac: None,
        is_pinned: true,
        config_hash: Some("a-hash".into()),
        status: HostStatus::Missing,
    }
}

fn host_vital() -> entity::host_vitals::Model {
    entity::host_vitals::Model {
        host_id: HostId(ID),
        key: "users".into(),
        rows: "[]".into(),
        error: Some("no such table: users".into()),
        updated_at: NOW,
    }
}

fn scheduled() -> entity::host_schedule::Model {
    entity::host_schedule::Model {
        host_id: HostId(ID),
        name: "pack_a_b".into(),
        last_executed_at: None,
        is_denylisted: true,
        denylisted_since: Some(NOW),
        interval_s: 60,
        executions: i64::MAX,
        wall_time_ms: 1,
        user_time_ms: 2,
        system_time_ms: 3,
        average_memory_bytes: 4,
        output_bytes: 5,
        updated_at: NOW,
    }
}

fn query_cost() -> entity::query_costs::Model {
    entity::query_costs::Model {
        host_id: HostId(ID),
        kind: AskedKind::Live,
        key: ID.to_string(),
        executions: 1,
        wall_time_ms: 2,
        user_time_ms: 3,
        system_time_ms: 4,
        memory_bytes: i64::MAX,
        last_executed_at: NOW,
    }
}

fn term() -> entity::host_terms::Model {
    entity::host_terms::Model { term: "ada".into(), kind: TermKind::User, host_id: HostId(ID) }
}

fn node_key() -> entity::node_keys::Model {
    entity::node_keys::Model {
        id: NodeKeyId(ID),
        host_id: HostId(ID),
        key_hash: vec![2; 32],
        issued_at: NOW,
        first_used_at: None,
        ended_at: Some(NOW),
        instance_id: Some("i-1".into()),
    }
}

fn enroll_secret() -> entity::enroll_secrets::Model {
    entity::enroll_secrets::Model {
        id: EnrollSecretId(ID),
        public_id: public_id("sec"),
        name: None,
        team_id: TeamId::NONE,
        secret_hash: vec![3; 32],
        created_by: None,
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

fn label() -> entity::labels::Model {
    entity::labels::Model {
        id: LabelId(ID),
        public_id: public_id("lbl"),
        name: "Servers".into(),
        kind: LabelKind::Manual,
        team_id: TeamId(ID),
        platform: None,
        created_at: NOW,
        description: Some("What serves".into()),
        sql: Some("select 1 from etc_services".into()),
        platforms: "linux,freebsd".into(),
        asked_since: NOW,
        created_by: Some(UserId(ID)),
        updated_at: NOW,
        version: 3,
    }
}

fn label_set() -> entity::label_sets::Model {
    entity::label_sets::Model {
        label_id: LabelId(ID),
        team_id: TeamId(ID),
        hosts: vec![0, 255, 1],
        host_count: i64::MAX,
    }
}

fn label_failure() -> entity::label_failures::Model {
    entity::label_failures::Model {
        label_id: LabelId(ID),
        host_id: HostId(ID),
        message: "no such table: x".into(),
        failed_at: NOW,
    }
}

fn label_member() -> entity::label_members::Model {
    entity::label_members::Model { label_id: LabelId(ID), host_id: HostId(ID) }
}

fn saved_query() -> entity::saved_queries::Model {
    entity::saved_queries::Model {
        id: SavedQueryId(ID),
        public_id: public_id("qry"),
        name: "uptime".into(),
        sql: "select * from uptime".into(),
        description: Some("How long?".into()),
        observer_can_run: true,
        team_id: TeamId::NONE,
        created_by: Some(UserId(ID)),
        created_at: NOW,
        updated_at: NOW,
        version: 7,
        pack_id: PackId(ID),
        interval_s: Some(604_800),
        platform: Some("linux,darwin".into()),
        min_osquery_version: Some("5.10.2".into()),
        logging: ScheduleLogging::DifferentialIgnoreRemovals,
        shard: Some(7),
        denylist: false,
        label_scope: "{\"include_any\":[1]}".into(),
        discard_data: true,
        automations: false,
    }
}

fn pack() -> entity::packs::Model {
    entity::packs::Model {
        id: PackId(ID),
        public_id: public_id("pck"),
        name: "it-compliance".into(),
        description: Some("What auditors ask".into()),
        team_id: TeamId(ID),
        platform: Some("darwin".into()),
        min_osquery_version: Some("4.0".into()),
        shard: Some(100),
        discovery: "[\"select 1\"]".into(),
        label_scope: "{}".into(),
        enabled: true,
        created_by: Some(UserId(ID)),
        created_at: NOW,
        updated_at: NOW,
        version: 2,
    }
}

fn report() -> entity::reports::Model {
    entity::reports::Model {
        id: ReportId(ID),
        host_id: HostId(ID),
        name: "pack_attacks_wirelurker".into(),
        saved_query_id: Some(SavedQueryId(ID)),
        epoch: 1,
        counter: 2,
        baseline_at: 1_700_000_000,
        logged_at: 1_700_000_060,
        is_complete: true,
        rows: b"[{\"a\":\"1\"}]".to_vec(),
        row_count: 1,
        dropped: 3,
        received_at: NOW,
    }
}

fn policy() -> entity::policies::Model {
    entity::policies::Model {
        id: PolicyId(ID),
        public_id: public_id("pol"),
        name: "Disks are encrypted".into(),
        sql: "select 1 from disk_encryption where encrypted = 1".into(),
        description: Some("Lost laptops tell nothing.".into()),
        resolution: Some("Switch it on.".into()),
        critical: true,
        team_id: TeamId(ID),
        platforms: "darwin,linux".into(),
        revision: 2,
        asked_since: NOW,
        created_by: Some(UserId(ID)),
        created_at: NOW,
        updated_at: NOW,
        version: 3,
    }
}

fn policy_label() -> entity::policy_labels::Model {
    entity::policy_labels::Model { policy_id: PolicyId(ID), label_id: LabelId(ID), is_excluded: true }
}

fn policy_result() -> entity::policy_results::Model {
    entity::policy_results::Model {
        host_id: HostId(ID),
        policy_id: PolicyId(ID),
        team_id: TeamId(ID),
        state: PolicyState::Error,
        since: NOW,
        checked_at: NOW,
        error: Some("no such table: disk_encryption".into()),
    }
}

fn policy_change() -> entity::policy_changes::Model {
    entity::policy_changes::Model {
        id: PolicyChangeId(ID),
        policy_id: PolicyId(ID),
        host_id: HostId(ID),
        state: PolicyState::Error,
        before: Some(PolicyState::Pass),
        changed_at: NOW,
        error: None,
    }
}

fn policy_counts() -> entity::policy_counts::Model {
    entity::policy_counts::Model {
        policy_id: PolicyId(ID),
        team_id: TeamId(ID),
        passing: 1,
        failing: 2,
        erring: 3,
    }
}

fn osquery_config() -> entity::osquery_configs::Model {
    entity::osquery_configs::Model {
        team_id: TeamId(ID),
        audience: "linux".into(),
        document: "{\"options\":{}}".into(),
        updated_by: Some(UserId(ID)),
        updated_at: NOW,
        version: 3,
    }
}

fn label_layer() -> entity::label_layers::Model {
    entity::label_layers::Model {
        team_id: TeamId(ID),
        name: "databases".into(),
        audience: "all".into(),
        priority: 100,
        label_scope: "{}".into(),
        document: "{\"options\":{}}".into(),
        updated_by: Some(UserId(ID)),
        updated_at: NOW,
        version: 2,
    }
}

fn campaign() -> entity::campaigns::Model {
    entity::campaigns::Model {
        id: CampaignId(ID),
        public_id: public_id("cmp"),
        name: None,
        sql: "select 1".into(),
        saved_query_id: Some(SavedQueryId(ID)),
        rerun_of: None,
        created_by: Some(UserId(ID)),
        created_by_token: None,
        status: CampaignStatus::Stopped,
        selection: "{}".into(),
        created_at: NOW,
        expires_at: NOW,
        ended_at: Some(NOW),
        last_position: 2,
        targeted: 1,
        outstanding: 0,
        rows: 0,
        bytes: 4 << 30,
        events_purged_at: None,
    }
}

fn campaign_target() -> entity::campaign_targets::Model {
    entity::campaign_targets::Model {
        campaign_id: CampaignId(ID),
        team_id: TeamId::NONE,
        hosts: vec![0, 1, 2],
    }
}

fn campaign_team() -> entity::campaign_teams::Model {
    entity::campaign_teams::Model {
        campaign_id: CampaignId(ID),
        team_id: TeamId::NONE,
        targeted: 1,
        succeeded: 0,
        failed: 1,
        rows: 0,
        rows_dropped: 5,
    }
}

fn campaign_answer() -> entity::campaign_answers::Model {
    entity::campaign_answers::Model {
        campaign_id: CampaignId(ID),
        host_id: HostId(ID + 1),
        team_id: TeamId::NONE,
        host_public_id: public_id("hst"),
        hostname: "web-1".into(),
        error_code: Some(HostErrorCode::TableNotFound),
        error_message: Some("no such table: uptimes".into()),
        rows: 0,
        rows_dropped: 5,
        duration_ms: Some(3),
        responded_at: NOW,
        first_position: 1,
        last_position: 1,
    }
}

fn campaign_event() -> entity::campaign_events::Model {
    entity::campaign_events::Model {
        campaign_id: CampaignId(ID),
        position: 1,
        kind: EventKind::Failure,
        team_id: Some(TeamId::NONE),
        host_id: Some(HostId(ID + 1)),
        occurred_at: NOW,
        body: b"{}".to_vec(),
    }
}

fn change() -> entity::changes::Model {
    entity::changes::Model { seq: ID, kind: ChangeKind::Host, key: "1".into(), created_at: NOW }
}

fn activity() -> entity::activities::Model {
    entity::activities::Model {
        id: ActivityId(ID),
        public_id: public_id("act"),
        occurred_at: NOW,
        actor: "system".into(),
        actor_name: "Muster".into(),
        kind: "host.deleted".into(),
        team_id: None,
        subject: Some("hst_0".into()),
        details: "{}".into(),
        source: None,
        acting_user: Some("usr_0".into()),
    }
}

fn idempotency_key() -> entity::idempotency_keys::Model {
    entity::idempotency_keys::Model {
        actor: "usr_0".into(),
        key: "k".into(),
        operation: "createTeam".into(),
        input_hash: vec![4; 32],
        result: public_id("tem"),
        created_at: NOW,
    }
}

fn setting() -> entity::settings::Model {
    entity::settings::Model { key: "installation".into(), value: "1".into() }
}

fn lease() -> entity::leases::Model {
    entity::leases::Model { name: "tasks".into(), holder: public_id("srv"), ends_at: NOW }
}
