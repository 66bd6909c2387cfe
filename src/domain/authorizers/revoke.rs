//! *Revoke Token*: what will stop, the service's revocation, the receipt. Our secrets are wiped whatever it answers.
use std::time::Duration;

use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::ids::AuthorizerId;
use crate::model::role::Permission;
use crate::outbound::oauth::Revocation;
use crate::store;

use super::find::{self, Dependent};
use super::{account, refresh};

/// Longer than a revocation takes: whoever began it is no longer there.
const STUCK: Duration = Duration::from_secs(120);

/// Who is hit by a revocation.
pub struct BlastRadius {
    pub authorizer: Authorizer,
    pub used_by: Vec<Dependent>,
    /// Authorizers of the same account and OAuth app, where the service ends them together.
    pub siblings: Vec<Authorizer>,
    /// The service has a revocation endpoint that we call.
    pub has_endpoint: bool,
}

pub async fn blast_radius(ctx: &Ctx, actor: &Actor, id: &AuthorizerId) -> Result<BlastRadius, Error> {
    actor.must(Permission::RevokeAuthorizers)?;
    let authorizer = find::authorizer(ctx, id).await?;
    let used_by = find::used_by(ctx, id).await?;
    let oauth2 = account::spec(ctx, &authorizer).ok().and_then(|(_, auth)| auth.oauth2);
    let siblings = match &oauth2 {
        Some(oauth2) if oauth2.revoke_kills_siblings => siblings(ctx, &authorizer).await?,
        _ => Vec::new(),
    };
    Ok(BlastRadius { authorizer, used_by, siblings, has_endpoint: oauth2.is_some_and(|oauth2| oauth2.revoke.is_some()) })
}

async fn siblings(ctx: &Ctx, authorizer: &Authorizer) -> Result<Vec<Authorizer>, Error> {
    let row = authorizer.clone();
    let all = ctx.db.read(move |c| store::authorizers::find_by_identity(c, &row.service_id, &row.identity.key)).await?;
    let is_sibling = |other: &Authorizer| {
        other.id != authorizer.id && other.oauth_app_id == authorizer.oauth_app_id && other.lifecycle == Lifecycle::Active
    };
    Ok(all.into_iter().filter(is_sibling).collect())
}

/// What the provider answered is kept as a code, `confirmed`, `accepted`, `no_endpoint`, `failed`, `not_asked`; behind a
/// failure, after a colon, its own words.
pub async fn revoke(ctx: &Ctx, actor: &Actor, id: &AuthorizerId) -> Result<(), Error> {
    actor.must(Permission::RevokeAuthorizers)?;
    ctx.standing.must_be_live()?;
    let authorizer = find::authorizer(ctx, id).await?;
    let (wanted, now) = (id.clone(), ctx.clock.now());
    // Nobody starts a refresh or a load from here on; a second click finds nothing to do.
    if !ctx.db.write(move |c| store::authorizers::begin_revoking(c, &wanted, now)).await? {
        return match authorizer.lifecycle {
            Lifecycle::Active => Err(Error::Stale),
            _ => Err(Error::WrongState("already revoked")),
        };
    }
    finish(ctx, Some(actor), &authorizer).await
}

/// Ends revocations whose process died in between. How many there were.
pub async fn finish_stuck(ctx: &Ctx) -> Result<usize, Error> {
    let before = ctx.clock.now().minus(STUCK);
    let stuck = ctx.db.read(move |c| store::authorizers::list_stuck_revoking(c, before)).await?;
    for authorizer in &stuck {
        if let Err(error) = finish(ctx, None, authorizer).await {
            tracing::error!(%error, authorizer = %authorizer.id, "a revocation could not be ended; it is tried again");
        }
    }
    Ok(stuck.len())
}

async fn finish(ctx: &Ctx, actor: Option<&Actor>, authorizer: &Authorizer) -> Result<(), Error> {
    let id = &authorizer.id;
    let (answer, detail) = ask_provider(ctx, id).await;
    let outcome = detail.map_or_else(|| answer.to_owned(), |detail| format!("{answer}: {detail}"));
    let line = activity::line(
        ctx,
        actor,
        NewActivity {
            verb: "revoked",
            subject_kind: SubjectKind::Authorizer,
            subject_id: id.to_string(),
            subject_name: authorizer.name.clone(),
            note: answer.to_owned(),
        },
    );
    let (wanted, now) = (id.clone(), ctx.clock.now());
    ctx.db
        .write(move |c| {
            // Of two processes that ended it, one tells of it.
            if store::authorizers::finish_revoking(c, &wanted, &outcome, now)? {
                line.write(c)?;
            }
            Ok::<_, store::StoreError>(())
        })
        .await?;
    Ok(())
}

/// The answer's code, and the provider's own words when it refused.
async fn ask_provider(ctx: &Ctx, id: &AuthorizerId) -> (&'static str, Option<String>) {
    // A locked row, or one whose service file is gone, has no token that could be sent.
    let Ok(open) = account::open_as_is(ctx, id).await else { return ("not_asked", None) };
    if open.auth.oauth2.is_none() {
        return ("no_endpoint", None);
    }
    // Some services revoke by the access token only: it should be one that they still know.
    let open = match refresh::fresh(ctx, open).await {
        Ok(open) => open,
        Err(_) => match account::open_as_is(ctx, id).await {
            Ok(open) => open,
            Err(_) => return ("not_asked", None),
        },
    };
    match ctx.outbound.revoke(&open.account()).await {
        Revocation::Confirmed => ("confirmed", None),
        Revocation::Accepted => ("accepted", None),
        Revocation::NoEndpoint => ("no_endpoint", None),
        Revocation::Failed(fault) => ("failed", fault.detail.or_else(|| Some(fault.cause.code().to_owned()))),
    }
}
