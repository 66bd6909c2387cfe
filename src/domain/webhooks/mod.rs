//! Webhooks: where else notices go, as signed POSTs that a chat, a pager or a program of one's own takes.
pub mod deliver;
pub mod find;
pub mod payload;
pub mod save;
pub mod send;

use crate::crypto::cipher::{Place, Sealed};
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::credentials::Secret;
use crate::model::ids::WebhookId;
use crate::store;

fn place(id: &WebhookId) -> Place<'_> {
    Place { table: "webhooks", column: "secret", id: id.as_str() }
}

fn seal(ctx: &Ctx, id: &WebhookId, secret: &Secret) -> Result<Sealed, Error> {
    Ok(ctx.cipher.seal(place(id), secret.expose().as_bytes())?)
}

/// `Locked`: its key is not in the ring.
async fn open_secret(ctx: &Ctx, id: &WebhookId) -> Result<Secret, Error> {
    let wanted = id.clone();
    let sealed = ctx
        .db
        .read(move |c| store::webhooks::sealed_secret(c, &wanted))
        .await?
        .ok_or(Error::NotFound)?;
    let plain = ctx.cipher.open(place(id), &sealed).map_err(|_| Error::Locked)?;
    Ok(Secret::new(std::str::from_utf8(&plain).map_err(|_| Error::Locked)?))
}

/// The address stays out of it: many carry a secret of their own.
fn line(
    ctx: &Ctx,
    actor: Option<&Actor>,
    verb: &'static str,
    (id, name, note): (&WebhookId, &str, String),
) -> activity::Line {
    let new = NewActivity {
        verb,
        subject_kind: SubjectKind::Webhook,
        subject_id: id.to_string(),
        subject_name: name.to_owned(),
        note,
    };
    activity::line(ctx, actor, new)
}
