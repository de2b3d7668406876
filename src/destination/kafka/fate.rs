//! What a broker's error means for the lines that it is about.

use crate::destination::Failure;

/// What becomes of records, by the error that their partition answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are kept.
    Kept,
    /// They may be taken later, perhaps by another broker.
    Again,
    /// They are not taken, or not so many at once.
    Refused,
    /// Nothing is taken as it is set up.
    Wrong,
}

/// The fate for an error.
pub(super) fn of(error: i16) -> Fate {
    match error {
        0 => Fate::Kept,
        // Too large, of an odd time, or not as the topic wants them.
        10 | 18 | 32 | 87 => Fate::Refused,
        // No such name of a topic, not allowed, not in this version.
        17 | 21 | 29 | 31 | 35 | 43 | 76 => Fate::Wrong,
        _ => Fate::Again,
    }
}

/// What an error about credentials means: those of the configuration are wrong, unless the broker is only busy.
pub(super) fn of_credentials(error: i16, message: Option<String>) -> Failure {
    let reason = message.filter(|message| !message.is_empty()).unwrap_or_else(|| word(error));
    match error {
        33 | 34 | 58 => Failure::Wrong(reason),
        _ => Failure::retry(reason),
    }
}

/// An error in words.
pub(super) fn word(error: i16) -> String {
    let word = match error {
        3 => "there is no such topic or partition",
        5 => "nobody leads the partition now",
        6 => "it does not lead the partition any more",
        7 => "the replicas did not have it in time",
        10 => "the record is larger than the topic takes",
        17 => "no topic may have this name",
        18 => "the records are larger than a segment",
        19 | 20 => "too few replicas are in sync",
        29 => "we may not write to the topic",
        31 => "we may not write to the cluster",
        32 => "the time of the record is out of bounds",
        33 => "it does not know this mechanism",
        34 => "it awaits no credentials here",
        35 => "it is too old, or too new",
        56 => "its disk fails",
        58 => "the credentials are wrong",
        87 => "it does not take the record",
        _ => return format!("it answered with error {error}"),
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_decides_what_becomes_of_records() {
        for (error, fate) in [
            (0, Fate::Kept),
            (-1, Fate::Again),
            (3, Fate::Again),
            (6, Fate::Again),
            (10, Fate::Refused),
            (19, Fate::Again),
            (29, Fate::Wrong),
            (87, Fate::Refused),
            (999, Fate::Again),
        ] {
            assert_eq!(of(error), fate, "{error}");
        }
        assert!(matches!(of_credentials(58, None), Failure::Wrong(_)));
        assert!(
            matches!(of_credentials(-1, Some("busy".to_owned())), Failure::Retry(reason, _) if reason == "busy")
        );
    }
}
