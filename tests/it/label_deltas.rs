//! Memberships are kept by deltas, in rows and in bitmaps at once: whatever happens, both are what one would find by
//! asking everybody again.

use std::collections::{BTreeMap, BTreeSet};

use entity::id::{HostId, LabelId, PublicId, TeamId};
use entity::kind::LabelKind;
use entity::{hosts, label_members, label_sets, labels};
use muster::clock::Timestamp;
use muster::policy::Scope;
use muster::store::label_sets::Delta;
use muster::store::{Store, label_members as members, labels as rows};
use roaring::RoaringBitmap;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use crate::harness::seeds::{Dice, seeds};
use crate::harness::stores::on_both_stores;
use crate::migrations::rows::new_host_of;

const TEAMS: [TeamId; 3] = [TeamId::NONE, TeamId(7), TeamId(8)];

on_both_stores! {
    /// A random history of answers, moves and deletions, against a model that is told the same.
    async fn deltas_equal_what_is_computed_anew(store: Store) {
        store.migrate().await.expect("tables");
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            let mut model = Model::begin(&store).await;
            for step in 0..60 {
                model.step(&store, &mut dice).await;
                assert_eq!(members_of(&store).await, model.members, "step {step}");
                assert_sets_are_the_rows(store.reader()).await;
            }
        }
    }
}

/// Each bitmap, and its number, is the hosts of its team that have a row, for every label that people made.
pub async fn assert_sets_are_the_rows<C: ConnectionTrait>(db: &C) {
    let built_in = labels::Entity::find().filter(labels::Column::Kind.eq(LabelKind::BuiltIn)).all(db).await;
    let built_in: BTreeSet<_> = built_in.expect("labels").into_iter().map(|label| label.id).collect();
    let teams = hosts::Entity::find().all(db).await.expect("hosts");
    let teams: BTreeMap<_, _> = teams.into_iter().map(|host| (host.id, host.team_id)).collect();
    let mut expected: BTreeMap<(LabelId, TeamId), RoaringBitmap> = BTreeMap::new();
    for row in label_members::Entity::find().all(db).await.expect("members") {
        if !built_in.contains(&row.label_id) {
            let place = (row.label_id, teams[&row.host_id]);
            expected.entry(place).or_default().insert(row.host_id.bit());
        }
    }
    let mut found = BTreeMap::new();
    for row in label_sets::Entity::find().all(db).await.expect("bitmaps") {
        let hosts = RoaringBitmap::deserialize_from(row.hosts.as_slice()).expect("a bitmap");
        assert_eq!(row.host_count, i64::try_from(hosts.len()).expect("it is small"));
        if !hosts.is_empty() {
            found.insert((row.label_id, row.team_id), hosts);
        }
    }
    assert_eq!(found, expected);
}

async fn members_of(store: &Store) -> BTreeSet<(LabelId, HostId)> {
    let all = label_members::Entity::find().all(store.reader()).await.expect("members");
    all.into_iter().map(|row| (row.label_id, row.host_id)).collect()
}

/// What is true, told in Rust.
struct Model {
    labels: BTreeMap<LabelId, TeamId>,
    hosts: BTreeMap<HostId, TeamId>,
    members: BTreeSet<(LabelId, HostId)>,
}

impl Model {
    async fn begin(store: &Store) -> Self {
        let tx = store.begin().await.expect("a transaction");
        hosts::Entity::delete_many().exec(&tx).await.expect("no hosts");
        let made = labels::Entity::delete_many().filter(labels::Column::Kind.ne(LabelKind::BuiltIn));
        made.exec(&tx).await.expect("no labels");
        let mut labels = BTreeMap::new();
        for (number, team) in TEAMS.into_iter().cycle().take(6).enumerate() {
            let row = labels::ActiveModel {
                public_id: Set(PublicId::new("lbl", number as u128)),
                name: Set(format!("label {number}")),
                kind: Set(LabelKind::Manual),
                team_id: Set(team),
                created_at: Set(Timestamp(1)),
                ..Default::default()
            };
            labels.insert(rows::insert(&tx, row).await.expect("a label").id, team);
        }
        tx.commit().await.expect("commit");
        Self { labels, hosts: BTreeMap::new(), members: BTreeSet::new() }
    }

    async fn step(&mut self, store: &Store, dice: &mut Dice) {
        match dice.below(10) {
            0 | 1 => {
                let (team, number) = (*dice.one_of(&TEAMS), dice.split().below(usize::MAX));
                self.hosts.insert(new_host_of(store, number as u128, team).await, team);
            }
            2 => self.delete(store, dice).await,
            3 | 4 => self.transfer(store, dice).await,
            5 if self.labels.len() > 2 && dice.once_in(4) => self.forget_label(store, dice).await,
            _ => self.answer(store, dice).await,
        }
    }

    fn some_hosts(&self, dice: &mut Dice) -> Vec<HostId> {
        self.hosts.keys().copied().filter(|_| dice.once_in(3)).collect()
    }

    /// Hosts join and leave labels that they may have.
    async fn answer(&mut self, store: &Store, dice: &mut Dice) {
        let mut delta = Delta::default();
        for host in self.some_hosts(dice) {
            let team = self.hosts[&host];
            for (label, of) in &self.labels {
                let place = (*label, host);
                if !dice.once_in(2) || (*of != TeamId::NONE && *of != team) {
                    continue;
                }
                if self.members.remove(&place) {
                    delta.leave(*label, host, team);
                } else {
                    self.members.insert(place);
                    delta.join(*label, host, team);
                }
            }
        }
        let tx = store.begin().await.expect("a transaction");
        members::apply(&tx, &delta).await.expect("it is written");
        tx.commit().await.expect("commit");
    }

    async fn transfer(&mut self, store: &Store, dice: &mut Dice) {
        let (hosts, team) = (self.some_hosts(dice), *dice.one_of(&TEAMS));
        let tx = store.begin().await.expect("a transaction");
        muster::store::hosts::lock(&tx, &Scope::system(), &hosts).await.expect("they are locked");
        muster::store::hosts::transfer(&tx, &hosts, team).await.expect("they are moved");
        tx.commit().await.expect("commit");
        for host in &hosts {
            self.hosts.insert(*host, team);
        }
        let labels = &self.labels;
        let stays = |label: &LabelId| [TeamId::NONE, team].contains(&labels[label]);
        self.members.retain(|(label, host)| !hosts.contains(host) || stays(label));
    }

    async fn delete(&mut self, store: &Store, dice: &mut Dice) {
        let Some(host) = self.hosts.keys().nth(dice.below(self.hosts.len().max(1))).copied() else { return };
        let tx = store.begin().await.expect("a transaction");
        members::forget_hosts(&tx, &[host]).await.expect("labels forget them");
        muster::store::hosts::delete(&tx, &[host]).await.expect("it is gone");
        tx.commit().await.expect("commit");
        self.hosts.remove(&host);
        self.members.retain(|(_, of)| *of != host);
    }

    async fn forget_label(&mut self, store: &Store, dice: &mut Dice) {
        let Some(label) = self.labels.keys().nth(dice.below(self.labels.len())).copied() else { return };
        let tx = store.begin().await.expect("a transaction");
        rows::delete(&tx, label).await.expect("it is gone");
        tx.commit().await.expect("commit");
        self.labels.remove(&label);
        self.members.retain(|(of, _)| *of != label);
    }
}
