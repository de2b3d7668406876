//! Standard output of the server: a line a line.

use std::io::{self, Write as _};

use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::envelope::Line;
use super::{Destination, Failure};

/// Standard output.
pub(super) struct Stdout;

impl Destination for Stdout {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        let mut text = Vec::new();
        for line in lines {
            text.extend_from_slice(&line.text);
            text.push(b'\n');
        }
        Box::pin(async move {
            let written = spawn_blocking(move || {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&text)?;
                stdout.flush()
            });
            written.await.map_err(Failure::retry)?.map_err(Failure::retry)
        })
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}
