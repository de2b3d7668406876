//! Results that are not shipped, because whoever scheduled their query wants it so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use entity::id::TeamId;
use futures_util::future::BoxFuture;

use super::Failure;
use super::envelope;
use crate::spool::{LogKind, Stored};

/// The names under which hosts of a team log what is not shipped.
pub type Names = Arc<HashSet<String>>;

/// Says which names those are now, or why that can't be told.
pub type Withheld = Arc<dyn Fn(TeamId) -> BoxFuture<'static, Result<Names, String>> + Send + Sync>;

/// Takes out of batches the results that are not shipped.
///
/// # Errors
/// [`Failure::Retry`]: it can't be told now which those are, so none may go.
pub(super) async fn take_out(withheld: &Withheld, batches: &mut [Stored]) -> Result<(), Failure> {
    let mut known: HashMap<TeamId, Names> = HashMap::new();
    for Stored { batch, .. } in batches {
        if batch.kind != LogKind::Result {
            continue;
        }
        let team = batch.origin.team;
        let names = if let Some(names) = known.get(&team) {
            names
        } else {
            let names = withheld(team).await.map_err(Failure::retry)?;
            known.entry(team).or_insert(names)
        };
        if names.is_empty() {
            continue;
        }
        let is_withheld = |line: &[u8]| envelope::query_name(line).is_some_and(|name| names.contains(&*name));
        if batch.lines().any(is_withheld) {
            let kept = batch.lines().filter(|line| !is_withheld(line));
            batch.lines = kept.flat_map(|line| [line, b"\n"]).collect::<Vec<_>>().concat().into();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Position;
    use crate::spool::testing::batch;

    const LINES: &str = "{\"name\":\"secret\",\"a\":1}\n{\"name\":\"open\"}\n{\"b\":2}\n";

    fn stored(kind: LogKind) -> Vec<Stored> {
        vec![Stored { end: Position(1), batch: batch(kind, LINES) }]
    }

    fn withholding(outcome: Result<&'static [&'static str], &'static str>) -> Withheld {
        Arc::new(move |_| {
            let names = outcome.map(|names| Arc::new(names.iter().map(ToString::to_string).collect()));
            Box::pin(async move { names.map_err(str::to_owned) })
        })
    }

    #[tokio::test]
    async fn results_of_some_queries_are_taken_out() {
        for (kind, names, left) in [
            (LogKind::Result, &["secret"][..], "{\"name\":\"open\"}\n{\"b\":2}\n"),
            (LogKind::Result, &[], LINES),
            (LogKind::Status, &["secret"], LINES),
        ] {
            let mut batches = stored(kind);
            take_out(&withholding(Ok(names)), &mut batches).await.expect("it is known");
            assert_eq!(batches[0].batch.lines, left);
        }
    }

    #[tokio::test]
    async fn nothing_goes_while_it_is_not_known() {
        let failed = take_out(&withholding(Err("the database is away")), &mut stored(LogKind::Result)).await;
        assert_eq!(failed, Err(Failure::Retry("the database is away".to_owned(), None)));
    }
}
