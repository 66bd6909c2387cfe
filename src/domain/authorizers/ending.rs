//! When somebody must come back. Certificates, what the service answered and the service's file each know of an end; the
//! earliest that renewing does not move is the one that counts.
//!
//! A limit that every renewal moves forward (idle limits, refresh tokens that live anew) is kept apart: the worker keeps such
//! an authorizer alive, so nobody is warned of it.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::service::Lifetime;
use crate::crypto::certificate;
use crate::domain::{Ctx, Error, activity};
use crate::model::authorizer::{Authorizer, DUE_SOON, EndKind};
use crate::model::credentials::{Credentials, Tokens};
use crate::model::ending::{EndReason, Ending};
use crate::model::time::{DAY, Moment};
use crate::store::{self, StoreError};

use super::history;

/// What the ends are counted from.
#[derive(Clone, Copy)]
pub enum Since<'a> {
    /// Somebody has just authorized, reauthorized or typed it.
    Consent(Moment),
    /// It was renewed: the consent is an old one.
    Refresh { consented_at: Moment, before: &'a Tokens, was_moving: bool },
}

impl Since<'_> {
    fn consented_at(&self) -> Moment {
        match *self {
            Self::Consent(at) => at,
            Self::Refresh { consented_at, .. } => consented_at,
        }
    }
}

type Candidate = (Moment, EndKind, EndReason);

pub fn of(
    service: &Service,
    auth: &AuthSpec,
    credentials: &Credentials,
    since: Since<'_>,
) -> Ending {
    let consented_at = since.consented_at();
    let mut ends: Vec<Candidate> = certificates(auth, credentials);
    let mut idle = Vec::new();
    let lifetime = match auth.oauth2 {
        Some(_) => Some(service.lifetime_of(&auth.id)),
        // The service's lifetime is that of its grants; a key has one only if the file says so of this way.
        None => auth.lifetime.as_ref(),
    };
    if let Some(tokens) = &credentials.tokens {
        of_tokens(tokens, lifetime, since, (&mut ends, &mut idle));
    }
    if let Some((lifetime, days)) =
        lifetime.and_then(|lifetime| Some((lifetime, lifetime.reauthorize_days?)))
    {
        // When a typed key was made is not known: counted from when it was typed, that is an estimate.
        let is_known = lifetime.known && auth.oauth2.is_some();
        let kind = if is_known { EndKind::Known } else { EndKind::Estimated };
        ends.push((after_days(consented_at, days), kind, EndReason::Consent));
    }
    if let (Since::Refresh { .. }, Some(tokens)) = (since, &credentials.tokens) {
        // It was renewed after the end that we had guessed: the guess was wrong.
        ends.retain(|(at, kind, _)| *kind != EndKind::Estimated || *at > tokens.issued_at);
    }
    let first = ends.into_iter().min_by_key(|(at, ..)| *at);
    Ending {
        at: first.map(|(at, ..)| at),
        kind: first.map_or(EndKind::Unknown, |(_, kind, _)| kind),
        reason: first.map(|(.., reason)| reason),
        consented_at: Some(consented_at),
        idle_at: idle.into_iter().min(),
    }
}

fn after_days(at: Moment, days: u32) -> Moment {
    at.plus(DAY.saturating_mul(days))
}

fn certificates(auth: &AuthSpec, credentials: &Credentials) -> Vec<Candidate> {
    let values = auth.fields.iter().filter_map(|field| credentials.values.get(&field.key));
    let ends = values.filter(|value| value.expose().contains("-----BEGIN CERTIFICATE-----"));
    ends.filter_map(|value| certificate::end(value.expose()))
        .map(|end| {
            (
                end.at,
                if end.is_sure { EndKind::Known } else { EndKind::Estimated },
                EndReason::Certificate,
            )
        })
        .collect()
}

fn of_tokens(
    tokens: &Tokens,
    lifetime: Option<&Lifetime>,
    since: Since<'_>,
    (ends, idle): (&mut Vec<Candidate>, &mut Vec<Moment>),
) {
    if tokens.refresh.is_none() {
        ends.extend(tokens.expires_at.map(|at| (at, EndKind::Known, EndReason::Token)));
        return;
    }
    let idle_days = lifetime.and_then(|lifetime| lifetime.idle_days);
    // The worker renews what has an end to its access token; what has none is never renewed in time.
    let is_kept_alive = tokens.expires_at.is_some();
    if let Some(told) = tokens.refresh_expires_at {
        if is_kept_alive && is_moving(tokens, told, idle_days.is_some(), since) {
            idle.push(told);
        } else {
            ends.push((told, EndKind::Known, EndReason::Answer));
        }
    }
    if let Some(days) = idle_days {
        let at = after_days(tokens.issued_at, days);
        if is_kept_alive {
            idle.push(at);
        } else {
            ends.push((at, EndKind::Estimated, EndReason::Idle));
        }
    }
}

/// Whether renewing moves the told end. Two answers tell: an end that moved at least half as far as time went by is moving.
/// Before the second one, an end within weeks is taken for a moving one: the first renewal, hours later, knows.
fn is_moving(tokens: &Tokens, told: Moment, has_idle_limit: bool, since: Since<'_>) -> bool {
    let is_guessed = has_idle_limit || told <= tokens.issued_at.plus(DUE_SOON);
    match since {
        Since::Consent(_) => is_guessed,
        Since::Refresh { before, was_moving, .. } => {
            let went_by = tokens.issued_at.since(before.issued_at);
            match before.refresh_expires_at {
                // Seconds are too coarse to tell.
                Some(_) if went_by.as_secs() < 60 => was_moving,
                Some(old) => told.since(old).saturating_mul(2) >= went_by,
                None => is_guessed,
            }
        }
    }
}

/// After a renewal: `before` is what was stored with the old tokens.
pub fn after_refresh(
    (service, auth): (&Service, &AuthSpec),
    (row, before): (&Authorizer, Ending),
    (old, new): (&Tokens, &Credentials),
) -> Ending {
    let days = service.lifetime_of(&auth.id).reauthorize_days;
    // A row of an older version: its end was counted from its consent.
    let counted = before
        .at
        .zip(days)
        .map(|(at, days)| at.minus(DAY.saturating_mul(days)).max(row.created_at));
    let consented_at = before.consented_at.or(counted).unwrap_or(row.created_at);
    of(
        service,
        auth,
        new,
        Since::Refresh { consented_at, before: old, was_moving: before.idle_at.is_some() },
    )
}

/// Working ones whose end has come are broken from now on, with a line each.
pub async fn mark_ended(ctx: &Ctx) -> Result<(), Error> {
    let (now, scope) = (ctx.clock.now(), ctx.clone());
    ctx.db
        .write(move |c| {
            for ended in store::authorizers::mark_ended(c, now)? {
                let subject = (&ended.id, ended.name.as_str());
                let new = history::event("failed", subject, ended.cause.code());
                activity::line(&scope, None, new).write(c)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}
