//! Drafts: a half-filled form, kept sealed on the server while its owner is away. Only its owner finds it.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::destinations::unknown_places;
use crate::crypto::Sealed;
use crate::crypto::cipher::Place;
use crate::crypto::token;
use crate::domain::fields::known;
use crate::domain::{Actor, Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::draft::{DRAFT_LIFETIME, Draft, DraftKind};
use crate::model::ids::{DraftId, ServiceId};
use crate::store::{self, drafts::SealedDraft};

/// What was typed, by the form's own field names, secrets too.
pub type Typed = BTreeMap<String, Secret>;

/// Which form is half filled.
#[derive(Clone, Copy)]
pub struct DraftForm<'a> {
    pub kind: DraftKind,
    pub service_id: &'a ServiceId,
    /// The way to authorize that its secrets were typed for.
    pub auth_id: &'a str,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    values: BTreeMap<String, String>,
    auth_id: String,
    /// Where the service file let secrets of that way go.
    destinations: BTreeSet<String>,
}

fn place(id: &DraftId) -> Place<'_> {
    Place { table: "drafts", column: "sealed", id: id.as_str() }
}

fn seal(ctx: &Ctx, id: &DraftId, form: DraftForm<'_>, values: &Typed) -> Result<Sealed, Error> {
    let service = ctx.catalog.get(form.service_id.as_str());
    let auth = service.and_then(|service| Some((service, service.auth(form.auth_id)?)));
    let plain = Plain {
        values: values
            .iter()
            .map(|(key, value)| (key.clone(), value.expose().to_owned()))
            .collect(),
        auth_id: form.auth_id.to_owned(),
        destinations: auth.map(|(service, auth)| service.destinations(auth)).unwrap_or_default(),
    };
    let bytes = serde_json::to_vec(&plain).map(Zeroizing::new);
    Ok(ctx
        .cipher
        .seal(place(id), &bytes.map_err(|_| Error::WrongState("the draft is no text"))?)?)
}

/// Keeps what was typed: in the draft that is there, else in a new one.
pub async fn save(
    ctx: &Ctx,
    actor: &Actor,
    id: Option<&DraftId>,
    form: DraftForm<'_>,
    values: &Typed,
) -> Result<DraftId, Error> {
    let now = ctx.clock.now();
    let expires_at = now.plus(DRAFT_LIFETIME);
    if let Some(id) = id {
        let sealed = seal(ctx, id, form, values)?;
        let (wanted, user) = (id.clone(), actor.user_id.clone());
        if ctx
            .db
            .write(move |c| store::drafts::update(c, &wanted, &user, &sealed, expires_at))
            .await?
        {
            return Ok(id.clone());
        }
    }
    let id = DraftId::new(now, token::ten());
    let sealed = seal(ctx, &id, form, values)?;
    let row = SealedDraft {
        id: id.clone(),
        user_id: actor.user_id.clone(),
        kind: form.kind,
        service_id: form.service_id.clone(),
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

/// Puts the secrets of a draft into what was typed, where they were left empty: only if all that decides where they go
/// is what it was when they were typed. `known` is what the draft holds, by the keys of the fields.
pub fn recall(
    ctx: &Ctx,
    draft: &Draft,
    service: &Service,
    auth: &AuthSpec,
    known: &Typed,
    typed: &mut Typed,
) {
    let is_same_way = draft.service_id == *service.id() && draft.auth_id == auth.id;
    let places = service.destinations(auth);
    if is_same_way && unknown_places(&places, &draft.destinations, |_| true).is_empty() {
        known::recall(&auth.fields, typed, known, &ctx.asked());
    }
}

/// The caller's own unfinished forms of one kind, the youngest first.
pub async fn list(ctx: &Ctx, actor: &Actor, kind: DraftKind) -> Result<Vec<Draft>, Error> {
    let (user, now) = (actor.user_id.clone(), ctx.clock.now());
    let rows = ctx.db.read(move |c| store::drafts::list(c, kind, &user, now)).await?;
    Ok(rows.into_iter().filter_map(|row| open(ctx, row)).collect())
}

fn open(ctx: &Ctx, row: SealedDraft) -> Option<Draft> {
    let bytes = ctx.cipher.open(place(&row.id), &row.sealed).ok()?;
    let plain: Plain = serde_json::from_slice(&bytes).ok()?;
    Some(Draft {
        id: row.id,
        user_id: row.user_id,
        kind: row.kind,
        service_id: row.service_id,
        auth_id: plain.auth_id,
        destinations: plain.destinations,
        values: plain.values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect(),
        expires_at: row.expires_at,
    })
}

pub async fn delete(ctx: &Ctx, actor: &Actor, id: &DraftId) -> Result<(), Error> {
    let (wanted, user) = (id.clone(), actor.user_id.clone());
    ctx.db.write(move |c| store::drafts::delete(c, &wanted, &user)).await?;
    Ok(())
}
