//! Drafts: a half-filled form, kept sealed on the server while its owner is away. Only its owner finds it.
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::crypto::Sealed;
use crate::crypto::cipher::Place;
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::draft::{DRAFT_LIFETIME, Draft, DraftKind};
use crate::model::ids::{DraftId, ServiceId};
use crate::store::{self, drafts::SealedDraft};

/// What was typed, by the form's own field names, secrets too.
pub type Typed = BTreeMap<String, Secret>;

fn place(id: &DraftId) -> Place<'_> {
    Place { table: "drafts", column: "sealed", id: id.as_str() }
}

fn seal(ctx: &Ctx, id: &DraftId, values: &Typed) -> Result<Sealed, Error> {
    let plain: BTreeMap<&str, &str> =
        values.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
    let bytes = Zeroizing::new(serde_json::to_vec(&plain).unwrap_or_default());
    Ok(ctx.cipher.seal(place(id), &bytes)?)
}

/// Keeps what was typed: in the draft that is there, else in a new one.
pub async fn save(
    ctx: &Ctx,
    actor: &Actor,
    id: Option<&DraftId>,
    (kind, service_id): (DraftKind, &ServiceId),
    values: &Typed,
) -> Result<DraftId, Error> {
    let now = ctx.clock.now();
    let expires_at = now.plus(DRAFT_LIFETIME);
    if let Some(id) = id {
        let (sealed, wanted, user) = (seal(ctx, id, values)?, id.clone(), actor.user_id.clone());
        if ctx
            .db
            .write(move |c| store::drafts::update(c, &wanted, &user, &sealed, expires_at))
            .await?
        {
            return Ok(id.clone());
        }
    }
    let id = DraftId::new(now, token::ten());
    let sealed = seal(ctx, &id, values)?;
    let row = SealedDraft {
        id: id.clone(),
        user_id: actor.user_id.clone(),
        kind,
        service_id: service_id.clone(),
        sealed,
        created_at: now,
        expires_at,
    };
    ctx.db.write(move |c| store::drafts::insert(c, &row)).await?;
    Ok(id)
}

/// `None`: not the caller's, expired, or sealed with a key that is gone.
pub async fn find(ctx: &Ctx, actor: &Actor, id: &DraftId) -> Result<Option<Draft>, Error> {
    let (wanted, user, now) = (id.clone(), actor.user_id.clone(), ctx.clock.now());
    let row = ctx.db.read(move |c| store::drafts::find(c, &wanted, &user, now)).await?;
    Ok(row.and_then(|row| open(ctx, row)))
}

/// The caller's own unfinished forms of one kind, the youngest first.
pub async fn list(ctx: &Ctx, actor: &Actor, kind: DraftKind) -> Result<Vec<Draft>, Error> {
    let (user, now) = (actor.user_id.clone(), ctx.clock.now());
    let rows = ctx.db.read(move |c| store::drafts::list(c, kind, &user, now)).await?;
    Ok(rows.into_iter().filter_map(|row| open(ctx, row)).collect())
}

fn open(ctx: &Ctx, row: SealedDraft) -> Option<Draft> {
    let plain = ctx.cipher.open(place(&row.id), &row.sealed).ok()?;
    let values: BTreeMap<String, String> = serde_json::from_slice(&plain).ok()?;
    Some(Draft {
        id: row.id,
        user_id: row.user_id,
        kind: row.kind,
        service_id: row.service_id,
        values: values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect(),
        expires_at: row.expires_at,
    })
}

pub async fn delete(ctx: &Ctx, actor: &Actor, id: &DraftId) -> Result<(), Error> {
    let (wanted, user) = (id.clone(), actor.user_id.clone());
    ctx.db.write(move |c| store::drafts::delete(c, &wanted, &user)).await?;
    Ok(())
}
