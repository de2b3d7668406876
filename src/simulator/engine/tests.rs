//! What simulated hosts answer.

use super::super::catalog::CURRENT;
use super::*;

const NOW: Timestamp = Timestamp(1_763_800_000_000);

/// What hosts 0 (Linux), 1 (macOS) and 2 (Windows) answer.
fn ask(index: usize, sql: &str) -> Result<Vec<AnswerRow>, String> {
    let engine = Engine::new().expect("databases");
    engine.answer(&Host::new(4, index, &CURRENT), NOW, sql)
}

/// The rows as lines of `name=text`.
fn lines(index: usize, sql: &str) -> Vec<String> {
    let show = |row: AnswerRow| {
        row.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join(" ")
    };
    ask(index, sql).expect(sql).into_iter().map(show).collect()
}

#[test]
fn reads_where_like_and_order() {
    assert_eq!(
        lines(0, "select uid, username from users where username = 'root'"),
        [r#"uid="0" username="root""#]
    );
    let names = lines(1, "select name from processes where path like '/usr/libexec/%' order by name desc");
    assert_eq!(names, [r#"name="opendirectoryd""#, r#"name="logd""#, r#"name="configd""#]);
    assert_eq!(lines(2, "select name from services where name = 'DNSCACHE'"), [r#"name="Dnscache""#]);
}

#[test]
fn joins_aggregates_and_common_tables() {
    let joined =
        "select p.name, l.port from listening_ports l join processes p using (pid) where l.port = 22";
    assert_eq!(lines(0, joined), [r#"name="sshd" port="22""#]);
    let counted = "select count(*) as n, count(distinct parent) > 1 as many, avg(1) as a from processes";
    let answer = ask(0, counted).expect("an answer");
    assert_eq!(answer[0]["many"], "1");
    assert_eq!(answer[0]["a"], "1.0");
    assert!(answer[0]["n"].as_str().is_some_and(|n| n != "0"));
    let tree = "with recursive t(pid, depth) as (select pid, 0 from processes where parent = 0 union all \
                select p.pid, depth + 1 from processes p join t on p.parent = t.pid) select max(depth) > 1 as deep from t";
    assert_eq!(lines(0, tree), [r#"deep="1""#]);
}

#[test]
fn answers_are_texts_in_the_order_of_the_query() {
    let row = "select 2 as b, null as a, 0.5 as c, 'x' as d, 3 as b";
    assert_eq!(lines(0, row), [r#"b="3" a="" c="0.5" d="x""#]);
    assert_eq!(lines(0, "select 1 where 0"), [""; 0]);
}

#[test]
fn fails_as_osquery_does() {
    let cases = [
        ("select * from nope", "no such table: nope"),
        ("select * from programs", "no such table: programs"),
        ("select nope from users", "no such column: nope"),
        ("selec 1", r#"near "selec": syntax error"#),
        ("-- nothing", "not an error"),
        ("select nope(1)", "no such function: nope"),
    ];
    for (sql, message) in cases {
        assert_eq!(ask(0, sql).expect_err(sql), message);
    }
    assert!(ask(2, "select name from programs").is_ok());
}

#[test]
fn only_reads() {
    for sql in [
        "insert into users (uid) values (1)",
        "delete from users",
        "drop table users",
        "create table t (a)",
        "attach ':memory:' as other",
        "pragma writable_schema = 1",
        "pragma case_sensitive_like = 1",
        "begin",
        "select 1; delete from users",
    ] {
        assert!(ask(0, sql).is_err(), "{sql}");
    }
    assert!(!ask(0, "pragma table_info(users)").expect("columns").is_empty());
}

#[test]
fn hosts_of_one_engine_do_not_mix() {
    let engine = Engine::new().expect("databases");
    let name = |index| {
        let host = Host::new(4, index, &CURRENT);
        let rows = engine.answer(&host, NOW, "select hostname from system_info").expect("an answer");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["hostname"], host.hostname.as_str());
    };
    [0, 3, 1, 0, 2].into_iter().for_each(name);
    let host = Host::new(4, 0, &CURRENT);
    let failed = "select abs(-9223372036854775808) from system_info";
    assert_eq!(engine.answer(&host, NOW, failed), Err("integer overflow".to_owned()));
    name(0);
}

#[test]
fn a_query_without_end_is_interrupted() {
    let forever = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    assert_eq!(ask(0, forever), Err("interrupted".to_owned()));
    assert_eq!(
        lines(
            0,
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) \
        select count(*) as c from n"
        ),
        [r#"c="1000""#]
    );
}

#[test]
fn functions_of_osquery() {
    assert_eq!(
        lines(0, "select split('a, b,,c', ',', 1) as x, split('a', ',', 9) is null as y"),
        [r#"x="b" y="1""#]
    );
    assert_eq!(lines(0, "select regex_match('v12.3', '([0-9]+)\\.', 1) as x"), [r#"x="12""#]);
    assert!(ask(0, "select regex_match('a', '(', 0)").is_err());
    assert_eq!(
        lines(
            0,
            "select version_compare('1.10', '1.9') as a, version_compare('1', '1.0') as b, concat('a', 1) as c"
        ),
        [r#"a="1" b="-1" c="a1""#]
    );
    assert_eq!(
        lines(0, "select sha1('a') as a, sqrt(4) as b, to_base64('a') as c"),
        [r#"a="86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" b="2.0" c="YQ==""#]
    );
}

#[test]
fn every_table_can_be_read_whole_and_its_columns_are_in_order() {
    for (index, platform) in Platform::ALL.into_iter().enumerate() {
        for table in tables::of_platform(platform) {
            for row in ask(index, &format!("select * from {}", table.name)).expect(table.name) {
                assert!(row.keys().eq(table.columns.iter().map(|column| column.name)), "{}", table.name);
            }
        }
    }
}
