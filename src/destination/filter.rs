//! Which lines a destination wants.

use super::definition::Definition;
use super::envelope::{self, Line};
use crate::spool::{Batch, LogKind};

/// The lines of a batch that are wanted.
pub(super) fn wanted(definition: &Definition, batch: &Batch) -> Vec<Line> {
    if !definition.kinds.contains(&batch.kind) || !is_team_wanted(definition, batch) {
        return Vec::new();
    }
    let mut lines = envelope::lines(batch);
    lines.retain(|line| is_query_wanted(definition, line));
    lines
}

fn is_team_wanted(definition: &Definition, batch: &Batch) -> bool {
    let team = batch.origin.team_public_id.as_ref().map_or("none", |team| team.0.as_str());
    definition.teams.is_empty() || definition.teams.iter().any(|wanted| wanted == team)
}

/// Only results are of a query.
fn is_query_wanted(definition: &Definition, line: &Line) -> bool {
    if definition.queries.is_empty() || line.kind != LogKind::Result {
        return true;
    }
    let name = envelope::query_name(&line.raw);
    name.is_some_and(|name| definition.queries.iter().any(|pattern| matches(pattern, &name)))
}

/// Whether `name` is `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(behind) = name.strip_prefix(before) else { return false };
    let ends = behind.char_indices().map(|(at, _)| at).chain([behind.len()]);
    ends.into_iter().any(|at| matches(rest, &behind[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::definition::testing::definition;
    use crate::spool::testing::batch;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in [("a", "a"), ("a*", "a"), ("*", ""), ("a*c", "abbc"), ("*é*", "xéy")] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("a*c", "abb"), ("", "a"), ("*b", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn kind_team_and_query_decide() {
        let results = batch(LogKind::Result, "{\"name\":\"pack_a_users\"}\n{\"name\":\"other\"}\n{}\n");
        let status = batch(LogKind::Status, "{\"message\":\"x\"}\n");
        let count = |options: &str, batch| wanted(&definition(options), batch).len();
        assert_eq!((count("", &results), count("", &status)), (3, 1));
        assert_eq!(count("kinds = ['status']", &results), 0);
        let pack = "queries = ['pack_a_*']";
        assert_eq!((count(pack, &results), count(pack, &status)), (1, 1));
        assert_eq!(
            (count("teams = ['tem_2']", &results), count("teams = ['tem_3', 'none']", &results)),
            (3, 0)
        );
    }
}
