//! Looks webhooks up, and their logs. Secrets stay sealed.
use crate::domain::{Actor, Ctx, Error};
use crate::model::delivery::Carried;
use crate::model::ids::WebhookId;
use crate::model::notice::Webhook;
use crate::model::role::Permission;
use crate::store;

const LOG: i64 = 50;

pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<Webhook>, Error> {
    actor.must(Permission::ManageWebhooks)?;
    Ok(ctx.db.read(store::webhooks::list).await?)
}

pub async fn one(ctx: &Ctx, actor: &Actor, id: &WebhookId) -> Result<Webhook, Error> {
    actor.must(Permission::ManageWebhooks)?;
    let wanted = id.clone();
    ctx.db.read(move |c| store::webhooks::find(c, &wanted)).await?.ok_or(Error::NotFound)
}

/// The last deliveries, the newest first.
pub async fn log(ctx: &Ctx, actor: &Actor, id: &WebhookId) -> Result<Vec<Carried>, Error> {
    actor.must(Permission::ManageWebhooks)?;
    let wanted = id.clone();
    Ok(ctx.db.read(move |c| store::deliveries::list_of_webhook(c, &wanted, LOG)).await?)
}
