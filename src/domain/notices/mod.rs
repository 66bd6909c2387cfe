//! Notices: who is told that an authorizer broke, works again or ends soon, by mail and by webhook.
//!
//! The event is written with the change it tells of (`store::notices`), once. `spread` makes a delivery of it for each person
//! and webhook, once; `mails` and `webhooks::deliver` carry them out, under claims that end by themselves.
pub mod letter;
pub mod mails;
pub mod settings;
pub mod spread;
pub mod test_mail;

use std::time::Duration;

use crate::domain::{Ctx, Error};
use crate::model::time::Moment;
use crate::store;

pub use letter::{Item, Letter, Letters, Link, Written};

/// When the next delivery is due, at most so long from now.
pub async fn next_due(ctx: &Ctx, longest: Duration) -> Result<Moment, Error> {
    let latest = ctx.clock.now().plus(longest);
    Ok(ctx.db.read(store::deliveries::next_due).await?.map_or(latest, |due| due.min(latest)))
}

/// Mails can be sent from here.
pub fn has_mail(ctx: &Ctx) -> bool {
    ctx.outbound.mail().is_some()
}
