//! *Send me a test mail*, and the mails that a server would not take.
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::delivery::Delivery;
use crate::model::ids::DeliveryId;
use crate::model::role::Permission;
use crate::model::time::DAY;
use crate::outbound::mail::Mail;
use crate::store;

use super::letter;

const SHOWN: i64 = 10;

/// Who mails come from; `None`: no mail server is named.
pub fn sender(ctx: &Ctx) -> Option<String> {
    ctx.outbound.mail().map(|mailer| mailer.from())
}

/// Of the last week, by whom they were for.
pub async fn troubled(ctx: &Ctx, actor: &Actor) -> Result<Vec<(String, Delivery)>, Error> {
    actor.must(Permission::ManageWebhooks)?;
    let since = ctx.clock.now().minus(DAY.saturating_mul(7));
    Ok(ctx.db.read(move |c| store::deliveries::list_troubled_mails(c, since, SHOWN)).await?)
}

/// To oneself, at once. `Err` of the inner result: what the server said.
pub async fn send(ctx: &Ctx, actor: &Actor) -> Result<Result<(), String>, Error> {
    actor.must(Permission::ManageWebhooks)?;
    let Some(mailer) = ctx.outbound.mail() else {
        return Err(Error::WrongState("no mail server is set up"));
    };
    let written = ctx
        .letters
        .write_test(&ctx.site, &actor.name)
        .map_err(|error| letter::unwritten(&error))?;
    let (id, now) = (DeliveryId::new(ctx.clock.now(), token::ten()), ctx.clock.now());
    let mail = Mail {
        id: id.as_str(),
        to_name: &actor.name,
        to_address: &actor.email,
        subject: written.subject,
        text: written.text,
        html: written.html,
        at: now,
    };
    Ok(mailer.send(mail).await.map_err(|fault| fault.said))
}
