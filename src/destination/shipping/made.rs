//! A destination made of its definition.

use futures_util::future::BoxFuture;

use super::ShippingSettings;
use crate::clock::Clock;
use crate::destination::aws::{Kinesis, S3};
use crate::destination::definition::Target;
use crate::destination::file::Files;
use crate::destination::http::Http;
use crate::destination::kafka::Kafka;
use crate::destination::nats::Nats;
use crate::destination::stdout::Stdout;
use crate::destination::syslog::Syslog;
use crate::destination::{Destination, Failure, Line};

/// The destination of these keys; what is wrong with them, it says whenever it is asked.
pub(super) fn made(target: &Target, settings: &ShippingSettings, clock: &Clock) -> Box<dyn Destination> {
    let ShippingSettings { data, egress } = settings;
    let made: Result<Box<dyn Destination>, String> = match target {
        Target::File(target) => Ok(Box::new(Files::new(target, data, clock.clone()))),
        Target::Stdout(_) => Ok(Box::new(Stdout)),
        Target::Syslog(target) => Syslog::new(target, egress.clone()).map(|made| Box::new(made) as _),
        Target::Nats(target) => Nats::new(target, egress.clone()).map(|made| Box::new(made) as _),
        Target::Kafka(target) => Kafka::new(target, egress.clone()).map(|made| Box::new(made) as _),
        Target::Kinesis(target) => {
            Kinesis::stream(target, egress.clone(), clock.clone()).map(|made| Box::new(made) as _)
        }
        Target::Firehose(target) => {
            Kinesis::firehose(target, egress.clone(), clock.clone()).map(|made| Box::new(made) as _)
        }
        Target::S3(target) => S3::new(target, egress.clone(), clock.clone()).map(|made| Box::new(made) as _),
        Target::Broken(reason) => Err(reason.clone()),
        Target::Http(target) => {
            Http::new(target, egress.clone(), clock.clone()).map(|made| Box::new(made) as _)
        }
    };
    made.unwrap_or_else(|reason| Box::new(Broken(reason)))
}

/// What can't be made of its definition, though that was valid once: its lines stay in the spool.
struct Broken(String);

impl Destination for Broken {
    fn deliver<'a>(&'a mut self, _lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        self.check()
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Err(Failure::Wrong(self.0.clone())) })
    }
}
