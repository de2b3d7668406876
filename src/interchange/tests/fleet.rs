//! Fleet's YAML, old and new.

use super::*;
use crate::interchange::model::{Logging, Membership};

const OLD: &str = "
apiVersion: v1
kind: pack
spec:
  name: mac-pack
  queries:
  - {query: emond, name: emond_snapshot, interval: 28800, snapshot: true, platform: darwin}
  - {query: elsewhere, interval: 60, removed: false}
  - {query: select 1 from a, name: direct, interval: 60}
  targets:
    labels: [macOS, MS Windows]
---
apiVersion: v1
kind: query
spec:
  name: emond
  description: 'Files:
    of emond'
  query: |-
    SELECT *
    FROM file
---
apiVersion: v1
kind: label
spec: {name: slow, query: select 1, platform: linux}
---
apiVersion: v1
kind: policy
spec: {name: disk, query: select 1, resolution: Encrypt it., team: T, critical: true}
---
apiVersion: v1
kind: options
spec:
  config:
    options: {a: 1, b: 2}
    file_paths: {etc: [/etc/%%]}
  overrides:
    platforms:
      darwin:
        options: {a: 3}
      ubuntu: {}
---
apiVersion: v1
kind: team
spec:
  team:
    name: Servers
    agent_options:
      config: {options: {c: true}}
      command_line_flags: {verbose: true}
    secrets: []
---
apiVersion: v1
kind: enroll_secret
spec: {}
";

#[test]
fn the_old_form() {
    let reading = read_one("old.yml", OLD);
    let Collection { labels, layers, queries, packs, policies } = &reading.collection;
    assert_eq!(names(queries), ["emond"]);
    assert_eq!(
        (queries[0].description.as_deref(), sql(&queries[0]), &queries[0].schedule),
        (Some("Files: of emond"), "SELECT *\nFROM file", &None)
    );
    assert_eq!((packs[0].name.value.as_str(), platform(&packs[0])), ("mac-pack", Some("darwin,windows")));
    assert_eq!(names(&packs[0].queries), ["emond_snapshot", "elsewhere", "direct"]);
    assert_eq!(sql(&packs[0].queries[0]), "SELECT *\nFROM file", "the SQL of the query that it names");
    assert_eq!(
        packs[0].queries[1].sql.value,
        Sql::Named("elsewhere".to_owned()),
        "looked up when it is imported"
    );
    assert!(packs[0].queries[0].schedule.as_ref().is_some_and(|it| it.logging == Logging::Snapshot));
    assert_eq!(labels[0].membership, Membership::Dynamic(At::new(Place::start(""), "select 1".to_owned())));
    let policy = &policies[0];
    assert_eq!((policy.team.as_ref().map(|team| team.value.as_str()), policy.critical), (Some("T"), true));
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            let word = |at: &Option<At<String>>| at.as_ref().map_or("-", |at| at.value.as_str()).to_owned();
            format!("{} {} {}", word(&layer.team), word(&layer.platform), layer.document.to_json())
        })
        .collect();
    // What Fleet would replace for a platform is taken away, so that it means the same.
    let expected = [
        r#"- - {"options":{"a":1,"b":2},"file_paths":{"etc":["/etc/%%"]}}"#,
        r#"- darwin {"options":{"a":3,"b":null},"file_paths":null}"#,
        r#"Servers - {"options":{"c":true}}"#,
    ];
    assert_eq!(layers, expected);
    assert_eq!(
        notes(&reading),
        [
            "41:7 E there is no configuration for `ubuntu`: darwin, linux, windows, freebsd",
            "50:7 W `command_line_flags` has no meaning here and is left out",
            "51:5 W `secrets` has no meaning here and is left out",
            "54:7 W documents of kind `enroll_secret` are nothing for here: left out",
        ]
    );
}

#[test]
fn the_new_form_with_files_that_it_names() {
    let team = "
name: Workstations
team_settings: {secrets: [{secret: x}]}
agent_options: {path: ../lib/options.yml}
controls:
policies:
  - path: ../lib/disk.policies.yml
  - {name: patch, type: patch}
reports:
  - paths: ../lib/reports/*.yml
  - path: ../lib/gone.yml
  - name: direct
    query: select 1
    interval: 300
    labels_include_any: [slow]
labels:
";
    let reading = read_all(&[
        ("fleet/teams/w.yml", team),
        ("fleet/lib/options.yml", "config:\n  options: {a: 1}\n"),
        ("fleet/lib/disk.policies.yml", "- name: disk\n  query: select 1\n  install_software: {}\n"),
        (
            "fleet/lib/reports/a.yml",
            "- name: a\n  query: select 2\n  interval: 60\n  automations_enabled: true\n  logging: differential\n",
        ),
        (
            "fleet/lib/reports/b.yml",
            "apiVersion: v1\nkind: query\nspec: {name: b, query: select 3, interval: 0}\n",
        ),
        ("alone/label.yml", "name: l\nhosts: [h1, h2]\n"),
    ]);
    let Collection { labels, layers, queries, packs, policies } = &reading.collection;
    assert_eq!((names(queries), packs.len()), (vec!["a", "b", "direct"], 0));
    assert!(queries.iter().all(|query| query.team.as_ref().is_some_and(|team| team.value == "Workstations")));
    let schedule = queries[0].schedule.as_ref().expect("it has one");
    assert!(schedule.automations && schedule.logging == Logging::Differential);
    assert_eq!(queries[1].schedule, None, "an interval of 0 is none");
    let schedule = queries[2].schedule.as_ref().expect("it has one");
    assert!(
        !schedule.automations && schedule.logging == Logging::Snapshot,
        "as Fleet takes what is not said"
    );
    assert_eq!(layers[0].document.to_json().to_string(), r#"{"options":{"a":1}}"#);
    assert_eq!(
        (policies[0].name.value.as_str(), &*policies[0].name.place.file),
        ("disk", "fleet/lib/disk.policies.yml")
    );
    assert!(matches!(&labels[0].membership, Membership::Manual(hosts) if hosts.len() == 2));
    assert_eq!(
        notes(&reading),
        [
            "11:11 W this file was not given: ../lib/gone.yml",
            "3:3 W `install_software` has no meaning here and is left out",
            "8:19 W `type` has no meaning here and is left out",
            "8:12 W policy `patch` has no SQL and is left out",
            "3:1 W `team_settings` has no meaning here and is left out",
        ]
    );
}

#[test]
fn yaml_as_people_write_it() {
    let reading = read_one(
        "a.yml",
        "queries:\n  - &base\n    name: a\n    query: >-\n      select 1\n      from b\n    interval: 60\n\
        \x20 - <<: *base\n    name: b\n    interval: '120'\n    observer_can_run: yes\n  - {name: 5, query: !!str 7, name: c}\n",
    );
    assert_eq!(names(&reading.collection.queries), ["a", "b", "5"]);
    let [a, b, c] = reading.collection.queries.as_slice() else { panic!("three") };
    assert_eq!((sql(a), sql(b), sql(c)), ("select 1 from b", "select 1 from b", "7"));
    assert!(b.observer_can_run && b.schedule.as_ref().is_some_and(|it| it.interval_s.value == 120));
    assert_eq!(notes(&reading), ["12:31 W `name` is there already, in line 12; this one is left out"]);
    let broken = read_one("a.yml", "queries:\n  - name: a\n    query: 'select\n");
    assert!(broken.has_errors() && broken.notes[0].place.line >= 3, "{:?}", notes(&broken));
}

#[test]
fn what_is_refused() {
    let reading = read_one(
        "a.yml",
        "queries:\n- {query: select 1}\n- {name: a, query: select 1, interval: 60, logging: all}\n- 5\n\
        - {name: b, query: select 1, interval: 60, labels_include_all: [x, y]}\n\
        packs:\n- {name: p, queries: [{name: c, query: select 1}]}\n\
        configuration:\n- {platform: linux}\nlabels:\n- {name: l}\n",
    );
    assert_eq!(reading.collection.queries, []);
    assert_eq!(
        reading.notes.iter().filter(|note| note.gravity == Gravity::Error).count(),
        7,
        "{:?}",
        notes(&reading)
    );
}
