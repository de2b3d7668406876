//! What `lint` accepts, refuses, and where it points.

use proptest::prelude::*;

use super::{MAX_BYTES, SqlIssue, lint};

/// The message and place of the refusal of `sql`.
fn refused(sql: &str) -> SqlIssue {
    lint(sql).expect_err(sql)
}

#[test]
fn accepts_what_sqlite_reads() {
    let accepted = [
        "select 1",
        "  -- a comment\n select 1 ; -- another",
        ";select 1;;",
        "select name from processes where name glob 'a*' or name regexp 'b' or name match 'c'",
        "select name from users order by name collate nocase limit 10 offset 5",
        "select name from users limit 5, 10",
        "select value from json_each('[1,2]') as j",
        "select cast(pid as text), 0x1F, 1e3, x'00ff' from processes",
        "select row_number() over (partition by uid order by pid rows between 1 preceding and current row) from processes",
        "select sum(pid) filter (where pid > 1) from processes group by uid having count(*) > 1",
        "select 1 where null is not distinct from null and 1 is not 2 and 3 isnull and 4 notnull",
        "with recursive n(i) as (values (1) union all select i + 1 from n where i < 9) select i from n",
        "with a as materialized (select 1) select * from a",
        "select \"quoted\", [bracketed], `backtick`, u.\"a b\" from users u",
        "values (1, 'a'), (2, 'b')",
        "select * from processes where (pid, uid) in (values (1, 2)) or (pid, uid) in (select 1, 2)",
        "explain select 1",
        "explain query plan select * from processes join users using (uid)",
        "pragma table_info(processes)",
        "PRAGMA main.table_xinfo('users')",
        "select * from file where path like '/etc/%%' escape '\\'",
        "select * from users u left outer join processes p on u.uid = p.uid natural join groups",
        "select a from (select 1 as a) union all select 2 except select 3 intersect select 4 order by 1",
        "select case when 1 then 'it''s' else \"x\" end, 'a' || 'b', ~1, 1 << 2, a -> '$.b', a ->> 'c' from t",
        "select exists (select 1), not 1, -1, +1, :name, ?1, current_timestamp, true",
        "select replace(name, 'a', 'b') as \"insert\" from processes indexed by x",
        "select * from a right join b full outer join c cross join d where rowid = 1 group by 1, 2",
        "with replace as (select 1) select * from replace",
        "select 'ünïcödé', '日本', '🦀' from \"таблица\"",
        "select group_concat(name, ',' order by name) from users",
    ];
    for sql in accepted {
        assert_eq!(lint(sql), Ok(()), "{sql}");
    }
}

#[test]
fn refuses_text_without_a_statement() {
    for sql in ["", " \n\t", "-- only this", "/* and this */", ";", " ; -- x\n ;"] {
        assert!(refused(sql).message.contains("no statement"), "{sql}");
    }
}

#[test]
fn refuses_what_does_not_read() {
    let written = [
        "insert into users values (1)",
        "UPDATE users SET uid = 0",
        "delete from users",
        "replace into users values (1)",
        "attach 'x' as y",
        "create table t (a)",
        "begin",
        "vacuum",
        "explain delete from users",
        "explain query plan insert into users values (1)",
        "with a as (select 1) delete from users",
        "with a as (select 1) replace into users select * from a",
        "(select 1)",
        "selec 1",
    ];
    for sql in written {
        assert!(refused(sql).message.contains("read"), "{sql}: {}", refused(sql).message);
        assert!(refused(sql).location.is_some(), "{sql}");
    }
    assert!(refused("pragma writable_schema = 1").message.contains("PRAGMA writable_schema"));
}

#[test]
fn refuses_a_second_statement_where_it_begins() {
    let issue = refused("select ';' ; -- x;\n select 2");
    assert_eq!(issue.location, Some((2, 2)));
    assert!(issue.message.contains("one statement"));
}

#[test]
fn points_at_what_is_wrong() {
    assert_eq!(refused("select 'é' from\nwhere").location, Some((2, 1)));
    assert_eq!(refused("select a b c from t").location, Some((1, 12)));
    assert_eq!(refused("select 'open").location, Some((1, 8)));
    assert_eq!(refused("select 1,").message, "incomplete input");
    assert_eq!(refused("select é\0").location, Some((1, 9)));
    assert!(refused("select 1 from t where").message.contains("incomplete input"));
}

#[test]
fn refuses_what_is_too_long() {
    let longest = format!("select '{}'", "x".repeat(MAX_BYTES - 9));
    assert_eq!(lint(&longest), Ok(()));
    assert!(refused(&format!("{longest} ")).message.contains("65536"));
}

#[test]
fn survives_every_kind_of_depth() {
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("select {}{inner}{}", open.repeat(n), close.repeat(n))
    };
    assert_eq!(lint(&nested("(", "1", ")", 90)), Ok(()));
    assert!(refused(&nested("(", "1", ")", 30_000)).message.contains("nested"));
    assert!(refused(&nested("(select ", "1", ")", 7_000)).message.contains("nested"));
    for chain in
        [nested("not ", "1", "", 16_000), nested("", "1", "+1", 30_000), nested("- ", "1", "", 30_000)]
    {
        assert!(lint(&chain).is_err());
    }
    assert!(lint(&nested("case ", "1", " end", 6_000)).is_err());
    assert!(lint(&nested("", "1", " union select 1", 4_000)).is_err());
    let list = format!("select 1 where 1 in (0{})", ",1".repeat(30_000));
    assert_eq!(lint(&list), Ok(()));
    let explains = format!("{} select 1", "explain ".repeat(8_000));
    assert!(lint(&explains).is_err());
}

#[test]
fn does_not_compile_what_multiplies() {
    let doubling: Vec<String> =
        (1..60).map(|i| format!("t{i} as (select * from t{0}, t{0})", i - 1)).collect();
    assert_eq!(lint(&format!("with t0 as (select 1), {} select * from t59", doubling.join(", "))), Ok(()));
}

proptest! {
    #[test]
    fn never_panics(sql in any::<String>()) {
        let _ = lint(&sql);
    }

    #[test]
    fn never_panics_on_sql_like_text(words in proptest::collection::vec(
        prop_oneof![
            Just("select"), Just("with"), Just("explain"), Just("pragma"), Just("("), Just(")"), Just(","), Just(";"),
            Just("'"), Just("\""), Just("["), Just("/*"), Just("*/"), Just("--"), Just("\n"), Just("from"), Just("x"),
            Just("1"), Just("0x"), Just("."), Just("é"), Just("case"), Just("union"), Just("$$"), Just("values"),
        ], 0..40)) {
        let _ = lint(&words.join(" "));
        let _ = lint(&words.concat());
    }

    #[test]
    fn a_location_is_inside_the_text(sql in "select [a-z'(),; \n]{0,40}") {
        if let Err(SqlIssue { location: Some((line, column)), .. }) = lint(&sql) {
            prop_assert!(line >= 1 && column >= 1);
            prop_assert!(usize::try_from(line).is_ok_and(|line| line <= sql.split('\n').count()));
        }
    }
}
