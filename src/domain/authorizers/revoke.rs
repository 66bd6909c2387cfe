//! *Revoke Token*: what will stop, the service's revocation, the receipt. Our secrets are wiped whatever it answers.
use std::time::Duration;

use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::ids::AuthorizerId;
use crate::model::role::Permission;
use crate::outbound::oauth::Revocation;
use crate::store;
use crate::store::authorizers::{CLAIM, Waiting};

use super::find::{self, Dependent};
use super::{account, refresh};

/// So often a service that does not answer is asked.
pub const TRIES: i32 = 6;
/// Before the second try; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// Who is hit by a revocation.
pub struct BlastRadius {
    pub authorizer: Authorizer,
    pub used_by: Vec<Dependent>,
    /// Authorizers of the same account and OAuth app, where the service ends them together.
    pub siblings: Vec<Authorizer>,
    /// The service has a revocation endpoint that we call.
    pub has_endpoint: bool,
}

pub async fn blast_radius(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
) -> Result<BlastRadius, Error> {
    actor.must(Permission::RevokeAuthorizers)?;
    let authorizer = find::authorizer(ctx, id).await?;
    let used_by = find::used_by(ctx, id).await?;
    let auth = account::spec(ctx, &authorizer).ok().map(|(_, auth)| auth);
    let siblings = match auth.as_ref().and_then(|auth| auth.oauth2.as_ref()) {
        Some(oauth2) if oauth2.revoke_kills_siblings => siblings(ctx, &authorizer).await?,
        _ => Vec::new(),
    };
    Ok(BlastRadius {
        authorizer,
        used_by,
        siblings,
        has_endpoint: auth.is_some_and(|auth| auth.is_revocable()),
    })
}

pub(super) async fn siblings(ctx: &Ctx, authorizer: &Authorizer) -> Result<Vec<Authorizer>, Error> {
    let row = authorizer.clone();
    let all = ctx
        .db
        .read(move |c| store::authorizers::find_by_identity(c, &row.service_id, &row.identity.key))
        .await?;
    let is_sibling = |other: &Authorizer| {
        other.id != authorizer.id
            && other.oauth_app_id == authorizer.oauth_app_id
            && other.lifecycle == Lifecycle::Active
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
    finish(ctx, Some(actor), &authorizer, 1).await
}

/// Asks again where the service had not answered, and ends revocations whose process died in between. How many there were.
pub async fn finish_stuck(ctx: &Ctx) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let stuck = ctx.db.read(move |c| store::authorizers::list_stuck_revoking(c, now)).await?;
    for authorizer in &stuck {
        let Some(next_try_at) = authorizer.next_try_at else {
            continue;
        };
        let waiting = Waiting { id: authorizer.id.clone(), next_try_at };
        if !ctx
            .db
            .write(move |c| store::authorizers::claim_try(c, &waiting, now.plus(CLAIM)))
            .await?
        {
            continue;
        }
        if let Err(error) = finish(ctx, None, authorizer, authorizer.failure_count + 1).await {
            tracing::error!(%error, authorizer = %authorizer.id, "a revocation could not be ended; it is tried again");
        }
    }
    Ok(stuck.len())
}

/// The `tries`-th call. A service that does not answer is asked again later; after the last try what is stored is wiped
/// all the same.
async fn finish(
    ctx: &Ctx,
    actor: Option<&Actor>,
    authorizer: &Authorizer,
    tries: i32,
) -> Result<(), Error> {
    let id = &authorizer.id;
    let Asked { answer, detail, is_passing } = ask_provider(ctx, id).await;
    let outcome = detail.map_or_else(|| answer.to_owned(), |detail| format!("{answer}: {detail}"));
    if is_passing && tries < TRIES {
        let doublings = u32::try_from(tries.max(1) - 1).unwrap_or(0);
        let next = ctx.clock.now().plus(FIRST_WAIT * 2_u32.pow(doublings));
        let wanted = id.clone();
        ctx.db
            .write(move |c| {
                store::authorizers::postpone_revoking(c, &wanted, tries, &outcome, next)
            })
            .await?;
        return Ok(());
    }
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

/// What became of a call.
struct Asked {
    /// `confirmed`, `accepted`, `no_endpoint`, `failed`, `not_asked`.
    answer: &'static str,
    /// The provider's own words when it refused.
    detail: Option<String>,
    /// It may answer another time.
    is_passing: bool,
}

impl From<&'static str> for Asked {
    fn from(answer: &'static str) -> Self {
        Self { answer, detail: None, is_passing: false }
    }
}

async fn ask_provider(ctx: &Ctx, id: &AuthorizerId) -> Asked {
    // A locked row, or one whose service file is gone, has no token that could be sent.
    let Ok(open) = account::open_as_is(ctx, id).await else {
        return "not_asked".into();
    };
    if !open.auth.is_revocable() {
        return "no_endpoint".into();
    }
    // Some services revoke by the access token only: it should be one that they still know.
    let open = match refresh::fresh(ctx, open).await {
        Ok(open) => open,
        Err(_) => match account::open_as_is(ctx, id).await {
            Ok(open) => open,
            Err(_) => return "not_asked".into(),
        },
    };
    match ctx.outbound.revoke(&open.account()).await {
        Revocation::Confirmed => "confirmed".into(),
        Revocation::Accepted => "accepted".into(),
        Revocation::NoEndpoint => "no_endpoint".into(),
        Revocation::Failed(fault) => Asked {
            answer: "failed",
            is_passing: fault.cause.is_passing(),
            detail: fault.detail.or_else(|| Some(fault.cause.code().to_owned())),
        },
    }
}
