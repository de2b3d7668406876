//! A live query asked and its answers printed: what `query`, `campaign rerun` and `demo` share.

mod answers;
mod progress;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::client::{Batch, Client, ClientError, Follower, Told, Totals};
use super::output::{Format, Printer};
use super::terminal::talk;
use crate::auth::keys::new_secret;
use answers::Answers;
use progress::Progress;

const START: &str = "\
mutation ($input: StartCampaignInput!) {
  startCampaign(input: $input) {
    campaign { id }
    userErrors { message code }
  }
}";

/// How often a start whose answer was lost is sent again, under the same key.
const START_RETRIES: u32 = 3;
/// Pause before that.
const START_PAUSE: Duration = Duration::from_millis(300);

/// How asking ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The campaign has ended, with these counters.
    Ended(Totals),
    /// The time ran out; the campaign goes on.
    TimedOut,
    /// The server was not there when the time ran out, for this reason; the campaign goes on without a viewer.
    Lost(String),
    /// The person asked to stop watching; the campaign goes on.
    Interrupted,
    /// The server refused to go on.
    Refused(String),
}

/// What was printed of a campaign.
#[derive(Debug)]
pub(super) struct Asked {
    /// The campaign's id.
    pub(super) campaign: String,
    /// Behind the last answer that was printed; none when it is the first that would be next.
    pub(super) cursor: Option<String>,
    /// How it ended.
    pub(super) ending: Ending,
}

/// How to watch a campaign.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// How answers are printed.
    pub(super) format: Format,
    /// How long, at most.
    pub(super) wait: Duration,
    /// Ends it before.
    pub(super) stop: CancellationToken,
}

/// Starts a campaign and answers its id. `source` is a `LiveQuerySource`, `targets` a `TargetsInput`. A start whose
/// answer is lost is sent again, and starts nothing twice.
pub(super) async fn start(client: &Client, source: Value, targets: Value) -> Result<String, Failure> {
    let input = json!({ "source": source, "targets": targets, "idempotencyKey": new_secret() });
    let mut retries = 0;
    let payload = loop {
        match client.mutate(START, json!({ "input": input }), "startCampaign").await {
            Err(ClientError::Broken(..)) if retries < START_RETRIES => retries += 1,
            done => break done?,
        }
        sleep(START_PAUSE).await;
    };
    let id = payload["campaign"]["id"].as_str();
    Ok(id.ok_or("the server started no campaign and said no reason: ask it again")?.to_owned())
}

/// Prints the answers of a campaign, each once, and waits for its end. With `after`, only what follows it.
pub(super) async fn watch(
    client: &Client,
    campaign: String,
    after: Option<String>,
    watch: Watch,
) -> Result<Asked, Failure> {
    let deadline = Instant::now() + watch.wait;
    let mut follower = Follower::new(client, campaign.clone(), after.clone());
    let mut viewer = Viewer::new(watch.format, after)?;
    let ending = loop {
        let next = watch.stop.run_until_cancelled(timeout_at(deadline, follower.next()));
        match next.await {
            None => break Ending::Interrupted,
            Some(Err(_)) => break viewer.lost.take().map_or(Ending::TimedOut, Ending::Lost),
            Some(Ok(Err(error))) => break Ending::Refused(error.to_string()),
            Some(Ok(Ok(Told::Lost(why)))) => viewer.lose(why),
            Some(Ok(Ok(Told::Batch(batch)))) => {
                let is_final = batch.is_final;
                viewer.show(batch)?;
                if is_final {
                    break Ending::Ended(viewer.totals);
                }
            }
        }
    };
    let cursor = viewer.finish()?;
    Ok(Asked { campaign, cursor, ending })
}

/// What a person sees of a campaign.
struct Viewer {
    answers: Answers,
    printer: Printer,
    progress: Progress,
    totals: Totals,
    /// Why the server is lost, while it is.
    lost: Option<String>,
}

impl Viewer {
    fn new(format: Format, after: Option<String>) -> Result<Self, Failure> {
        Ok(Self {
            answers: Answers::after(after),
            printer: Printer::new(format)?,
            progress: Progress::new(),
            totals: Totals::default(),
            lost: None,
        })
    }

    fn show(&mut self, batch: Batch) -> Result<(), Failure> {
        if self.lost.take().is_some() {
            self.progress.hide();
            talk("connected again");
        }
        self.totals = batch.totals;
        let answers = self.answers.of(batch);
        if !answers.is_empty() {
            self.progress.hide();
        }
        for answer in answers {
            answer.print(&mut self.printer)?;
        }
        self.progress.show(&self.totals);
        Ok(())
    }

    fn lose(&mut self, why: String) {
        self.progress.hide();
        talk(format_args!("the connection is lost ({why}); trying again"));
        self.lost = Some(why);
    }

    /// Prints what is left, and answers the cursor behind it.
    fn finish(self) -> Result<Option<String>, Failure> {
        self.progress.finish(&self.totals);
        self.printer.finish()?;
        if self.totals.rows_dropped > 0 {
            talk(format_args!(
                "{} rows are not there: a limit of the server dropped them",
                self.totals.rows_dropped
            ));
        }
        Ok(self.answers.cursor())
    }
}
