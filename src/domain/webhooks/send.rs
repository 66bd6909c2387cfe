//! *Send a test* and *Send again*: at once, while somebody waits for the answer.
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::delivery::{DeliveryState, Ending};
use crate::model::ids::{DeliveryId, NoticeId, ServiceId, WebhookId};
use crate::model::notice::{Notice, NoticeKind};
use crate::store::deliveries::{NewDelivery, Recipient};
use crate::store::{self, StoreError};

use super::{deliver, find};

/// What the endpoint said.
pub async fn test(ctx: &Ctx, actor: &Actor, id: &WebhookId) -> Result<Ending, Error> {
    let webhook = find::one(ctx, actor, id).await?;
    let now = ctx.clock.now();
    let notice = Notice {
        id: NoticeId::new(now, token::ten()),
        kind: NoticeKind::Test,
        authorizer_id: None,
        oauth_app_id: None,
        service_id: ServiceId(String::new()),
        name: webhook.name,
        cause: None,
        ends_at: None,
        created_at: now,
    };
    let new = NewDelivery {
        id: DeliveryId::new(now, token::ten()),
        notice_id: notice.id.clone(),
        to: Recipient::Webhook(id.clone()),
        next_try_at: now,
        created_at: now,
    };
    let delivery_id = new.id.clone();
    ctx.db
        .write(move |c| {
            store::notices::insert(c, &notice, &format!("test:{}", notice.id))?;
            // It is for this webhook alone.
            store::notices::begin_spreading(c, &notice.id, now)?;
            store::deliveries::insert(c, &new)
        })
        .await?;
    now_one(ctx, delivery_id).await
}

/// A line of the log once more, with the id that it had.
pub async fn again(
    ctx: &Ctx,
    actor: &Actor,
    (id, delivery_id): (&WebhookId, &DeliveryId),
) -> Result<Ending, Error> {
    let webhook = find::one(ctx, actor, id).await?;
    if !webhook.is_active {
        return Err(Error::WrongState("the webhook is switched off"));
    }
    let (wanted, of, now) = (delivery_id.clone(), id.clone(), ctx.clock.now());
    let is_begun = ctx
        .db
        .write(move |c| {
            let found = store::deliveries::find(c, &wanted)?
                .filter(|one| one.webhook_id.as_ref() == Some(&of));
            match found {
                None => Ok(None),
                // It waits for its next try: that is now.
                Some(one) if one.state == DeliveryState::Waiting => {
                    store::deliveries::hold(c, &[wanted], now)?;
                    Ok(Some(()))
                }
                Some(_) => Ok::<_, StoreError>(
                    store::deliveries::send_again(c, &wanted, now)?.then_some(()),
                ),
            }
        })
        .await?;
    is_begun.ok_or(Error::NotFound)?;
    now_one(ctx, delivery_id.clone()).await
}

async fn now_one(ctx: &Ctx, id: DeliveryId) -> Result<Ending, Error> {
    let wanted = id.clone();
    let delivery =
        ctx.db.read(move |c| store::deliveries::find(c, &wanted)).await?.ok_or(Error::NotFound)?;
    if let Some(ending) = deliver::one(ctx, delivery).await? {
        return Ok(ending);
    }
    // The worker was quicker; what it found is in the log.
    let now =
        ctx.db.read(move |c| store::deliveries::find(c, &id)).await?.ok_or(Error::NotFound)?;
    Ok(Ending {
        state: now.state,
        next_try_at: Some(now.next_try_at),
        status: now.status,
        said: now.said,
    })
}
