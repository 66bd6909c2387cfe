//! Posts what waits for webhooks, under claims; tried again with growing waits, as Standard Webhooks proposes.
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::crypto::token;
use crate::domain::{Ctx, Error};
use crate::model::cause::Cause;
use crate::model::delivery::{Delivery, DeliveryState, Ending, webhook_wait};
use crate::model::ids::WebhookId;
use crate::model::notice::{Notice, NoticeKind, Webhook};
use crate::model::report::Fault;
use crate::model::time::{DAY, Moment};
use crate::outbound::webhook::{self, Answered};
use crate::store::{self, StoreError};

use super::{line, open_secret, payload};

/// Posts under way at once.
const AT_ONCE: usize = 8;
/// Longer than a post may take (`outbound::webhook::WEBHOOK_LIMIT`).
const CLAIM: Duration = Duration::from_secs(60);
/// *Gone*: for good.
const GONE: u16 = 410;

/// How many were tried. A slow endpoint keeps no other one waiting for long.
pub async fn run(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let due = ctx.db.read(move |c| store::deliveries::list_due_for_webhooks(c, now)).await?;
    let number = due.len();
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, async |delivery| {
            if is_stopped() {
                return;
            }
            let id = delivery.id.clone();
            if let Err(error) = one(ctx, delivery).await {
                tracing::error!(%error, delivery = %id, "a notice could not be posted; it is tried again");
            }
        })
        .await;
    Ok(number)
}

/// One try of one delivery; `None`: somebody else is at it.
pub(super) async fn one(ctx: &Ctx, delivery: Delivery) -> Result<Option<Ending>, Error> {
    let Some(webhook_id) = delivery.webhook_id.clone() else {
        return Ok(None);
    };
    let (ids, by, now) = (vec![delivery.id.clone()], ctx.site.instance.clone(), ctx.clock.now());
    let notice_id = delivery.notice_id.clone();
    let taken = ctx
        .db
        .write(move |c| {
            if store::deliveries::claim(c, &ids, None, (&by, now.plus(CLAIM)), now)? == 0 {
                return Ok(None);
            }
            let webhook = store::webhooks::find(c, &webhook_id)?;
            let notice = store::notices::find_all(c, &[notice_id])?.pop();
            Ok::<_, StoreError>(webhook.zip(notice))
        })
        .await?;
    let Some((webhook, notice)) = taken else {
        return Ok(None);
    };
    let ending = attempt(ctx, &webhook, &notice, &delivery).await?;
    let (ids, by, written) = (vec![delivery.id], ctx.site.instance.clone(), ending.clone());
    ctx.db.write(move |c| store::deliveries::finish(c, &ids, &by, &written)).await?;
    Ok(Some(ending))
}

async fn attempt(
    ctx: &Ctx,
    webhook: &Webhook,
    notice: &Notice,
    delivery: &Delivery,
) -> Result<Ending, Error> {
    let is_test = notice.kind == NoticeKind::Test;
    if notice.is_void() || (!webhook.is_active && !is_test) {
        return Ok(Ending {
            state: DeliveryState::Dropped,
            next_try_at: None,
            status: None,
            said: None,
        });
    }
    let now = ctx.clock.now();
    let posted = match open_secret(ctx, &webhook.id).await {
        Ok(secret) => {
            let body = payload::of(ctx, notice);
            webhook::post(&ctx.outbound, (&webhook.url, &secret), (delivery.id.as_str(), now), body)
                .await
        }
        Err(Error::Locked) => Err(Fault::new(Cause::KeyMissing)),
        Err(other) => return Err(other),
    };
    if posted.as_ref().is_ok_and(|answered| answered.status == GONE) {
        switch_off(ctx, &webhook.id, &webhook.name).await?;
    }
    Ok(ending(posted, delivery.tries + 1, is_test, ctx.clock.now()))
}

/// A test is one try: whoever asked for it is looking at the answer.
fn ending(posted: Result<Answered, Fault>, tries: i32, is_test: bool, now: Moment) -> Ending {
    let (status, asked, said) = match posted {
        Ok(Answered { status: status @ 200..=299, .. }) => {
            return Ending {
                state: DeliveryState::Sent,
                next_try_at: None,
                status: Some(status.into()),
                said: None,
            };
        }
        Ok(answered) => (Some(answered.status), answered.retry_after, None),
        // The cause's code, for which pages have words: its detail holds the address, and that may hold a secret.
        Err(fault) => (None, None, Some(fault.cause.code().to_owned())),
    };
    let is_over = is_test || status == Some(GONE);
    let wait = webhook_wait(tries).filter(|_| !is_over).map(|ours| longer(ours, asked));
    Ending {
        state: if wait.is_some() { DeliveryState::Waiting } else { DeliveryState::Failed },
        next_try_at: wait.map(|wait| now.plus(wait)),
        status: status.map(i32::from),
        said,
    }
}

/// Ours and up to a fifth more, or what the endpoint asked for; nobody makes us wait for more than a day on top.
fn longer(ours: Duration, asked: Option<u64>) -> Duration {
    let [random] = token::bytes::<1>();
    let ours = ours + ours.mul_f64(f64::from(random) / 255.0 / 5.0);
    asked.map_or(ours, |seconds| ours.max(Duration::from_secs(seconds).min(DAY)))
}

async fn switch_off(ctx: &Ctx, id: &WebhookId, name: &str) -> Result<(), Error> {
    let line = line(
        ctx,
        None,
        "edited",
        (id, name, "switched off, because its endpoint said that it is gone".to_owned()),
    );
    let (id, now) = (id.clone(), ctx.clock.now());
    ctx.db
        .write(move |c| {
            if store::webhooks::switch_off_gone(c, &id, now)? {
                line.write(c)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_little_longer_than_ours_and_as_long_as_was_asked() {
        let ours = Duration::from_secs(100);
        for _ in 0..50 {
            let wait = longer(ours, None);
            assert!(wait >= ours && wait <= Duration::from_secs(120), "{wait:?}");
        }
        assert_eq!(longer(ours, Some(600)), Duration::from_secs(600));
        assert_eq!(longer(ours, Some(u64::MAX)), DAY);
    }
}
