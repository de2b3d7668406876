//! File descriptors: as many as the system allows, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for databases, files and listeners: at least so many.
const RESERVE: usize = 64;

/// Raises the soft limit of this process to the hard one; where that is refused, the soft one stays.
pub fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit of file descriptors stays as it is");
    }
}

/// How many connections there is room for; half of the limit where it is very small.
#[must_use]
pub fn room() -> usize {
    match getrlimit(Resource::Nofile).current {
        None => usize::MAX,
        Some(limit) => room_within(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}

fn room_within(limit: usize) -> usize {
    let reserve = (RESERVE + limit / 16).min(limit / 2);
    (limit - reserve).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_for_the_rest() {
        for (limit, room) in [(1, 1), (32, 16), (256, 176), (1024, 896), (1_048_576, 982_976)] {
            assert_eq!(room_within(limit), room, "of {limit}");
        }
    }

    #[test]
    fn raising_never_lowers() {
        let before = room();
        raise();
        assert!(room() >= before);
    }
}
