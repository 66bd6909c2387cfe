//! The way back from the provider: the attempt is taken once, the code exchanged, the account proven, then all saved in one write.
use std::collections::BTreeMap;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::cause::Cause;
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::{AttemptId, AuthorizerId};
use crate::model::report::Fault;
use crate::model::role::Permission;
use crate::outbound::Account;
use crate::outbound::oauth::{Arrival, Grant};
use crate::store::{self, attempts::Held};

use super::grant::{self, Proven};
use super::start::{self, Luggage};
use super::{account, other_account};

/// What became of the trip.
pub enum Completed {
    Saved {
        attempt: Attempt,
        id: AuthorizerId,
    },
    /// Denied, refused or not enough: the attempt's page says why and offers *Try again*.
    Failed(Attempt),
    /// Reauthorized as somebody else: a person must choose.
    OtherAccount(Attempt),
    /// Not an attempt of this person in this browser, or one that is over.
    Refused(Cause),
}

/// `params`: the callback's query. `browser`: the cookie that this browser was given.
pub async fn complete(
    ctx: &Ctx,
    actor: &Actor,
    params: BTreeMap<String, String>,
    browser: Option<&Secret>,
) -> Result<Completed, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let Some(state) = params.get("state").filter(|state| !state.is_empty()) else {
        return Ok(Completed::Refused(Cause::AttemptUsed));
    };
    let state_hash = token::sha256_hex(state);
    if let Some(cause) = refusal(ctx, actor, &state_hash, browser).await? {
        return Ok(Completed::Refused(cause));
    }
    let now = ctx.clock.now();
    // Compare-and-set: of two callbacks with one state, one gets it.
    let taken = ctx.db.write(move |c| store::attempts::take(c, &state_hash, now)).await?;
    let Some(Held { attempt, sealed: Some(sealed), .. }) = taken else {
        return Ok(Completed::Refused(Cause::AttemptUsed));
    };
    let luggage: Luggage = start::unpack(ctx, &attempt.id, &sealed)?;
    match exchange(ctx, &attempt, luggage, params).await? {
        Ok(proven) => finish(ctx, actor, attempt, proven).await,
        Err(fault) => fail(ctx, attempt, fault).await,
    }
}

/// Looks before taking: a stranger's visit must not use up somebody's attempt.
async fn refusal(
    ctx: &Ctx,
    actor: &Actor,
    state_hash: &str,
    browser: Option<&Secret>,
) -> Result<Option<Cause>, Error> {
    let wanted = state_hash.to_owned();
    let found = ctx.db.read(move |c| store::attempts::find_by_state(c, &wanted)).await?;
    let Some(Held { attempt, browser_hash, .. }) = found else {
        return Ok(Some(Cause::AttemptUsed));
    };
    let is_same_browser = browser
        .is_some_and(|browser| token::is_same(&token::sha256_hex(browser.expose()), &browser_hash));
    Ok(if !is_same_browser {
        Some(Cause::OtherBrowser)
    } else if attempt.user_id != actor.user_id {
        Some(Cause::OtherUser)
    } else if attempt.state != AttemptState::Pending {
        Some(Cause::AttemptUsed)
    } else if attempt.expires_at <= ctx.clock.now() {
        Some(Cause::AttemptExpired)
    } else {
        None
    })
}

/// The calls that leave the house; no transaction is open.
async fn exchange(
    ctx: &Ctx,
    attempt: &Attempt,
    luggage: Luggage,
    params: BTreeMap<String, String>,
) -> Result<Result<Proven, Fault>, Error> {
    let (service, auth) = spec(ctx, attempt)?;
    let app_id = attempt
        .oauth_app_id
        .as_ref()
        .ok_or(Error::WrongState("its OAuth app was deleted meanwhile"))?;
    let client = account::open_app(ctx, app_id).await?;
    let values = luggage.values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect();
    let credentials = Credentials { values, ..Credentials::default() };
    let account =
        Account { service: &service, auth: &auth, credentials: &credentials, app: Some(&client) };
    let arrival = Arrival {
        params,
        verifier: luggage.verifier.map(Secret::new),
        redirect_uri: ctx.site.redirect_uri(),
    };
    Ok(match ctx.outbound.exchange(&account, &arrival).await {
        Ok(grant) => enough(grant).map(|grant| Proven::new(credentials.clone(), grant)),
        Err(fault) => Err(fault),
    })
}

/// An answer that misses a required scope or an expected refresh token is not a success.
fn enough(grant: Grant) -> Result<Grant, Fault> {
    if !grant.missing_scopes.is_empty() {
        return Err(Fault::new(Cause::MissingScope).cure(grant.missing_scopes.join(" ")));
    }
    if grant.missing_refresh_token {
        return Err(Fault::new(Cause::MissingRefreshToken));
    }
    Ok(grant)
}

pub(super) fn spec(ctx: &Ctx, attempt: &Attempt) -> Result<(Service, AuthSpec), Error> {
    let service = ctx.catalog.get(attempt.service_id.as_str()).ok_or(Error::NotFound)?;
    let auth = service.auth(&attempt.auth_id).ok_or(Error::NotFound)?;
    Ok((service.clone(), auth.clone()))
}

async fn finish(
    ctx: &Ctx,
    actor: &Actor,
    attempt: Attempt,
    proven: Proven,
) -> Result<Completed, Error> {
    let Some(id) = attempt.authorizer_id.clone() else {
        let id = grant::save_new(ctx, actor, &attempt, proven).await?;
        return Ok(Completed::Saved { attempt, id });
    };
    let before = super::find::authorizer(ctx, &id).await?;
    let is_same = before.identity.key.is_empty() || before.identity.key == proven.identity.key;
    if !is_same {
        other_account::park(ctx, &attempt, &proven).await?;
        return Ok(Completed::OtherAccount(attempt));
    }
    grant::save_again(ctx, actor, &attempt, (before, proven, "reauthorized")).await?;
    Ok(Completed::Saved { attempt, id })
}

async fn fail(ctx: &Ctx, mut attempt: Attempt, fault: Fault) -> Result<Completed, Error> {
    attempt.state = AttemptState::Failed;
    attempt.cause = Some(fault.cause);
    attempt.detail = fault.detail;
    if fault.cause == Cause::MissingScope {
        attempt.missing_scopes =
            fault.cure.iter().flat_map(|list| list.split(' ')).map(str::to_owned).collect();
    }
    end(ctx, &attempt).await?;
    Ok(Completed::Failed(attempt))
}

/// Writes how it ended. What was packed stays for *Try again* until it is purged.
async fn end(ctx: &Ctx, attempt: &Attempt) -> Result<(), Error> {
    let (id, ending) = (attempt.id.clone(), ending(attempt));
    Ok(ctx
        .db
        .write(move |c| {
            let kept = store::attempts::find_held(c, &id)?.and_then(|held| held.sealed);
            store::attempts::finish(c, &id, &ending, kept.as_ref())
        })
        .await?)
}

pub(super) fn ending(attempt: &Attempt) -> store::attempts::Ending {
    store::attempts::Ending {
        state: attempt.state,
        cause: attempt.cause,
        detail: attempt.detail.clone(),
        missing_scopes: attempt.missing_scopes.clone(),
        result: attempt.result_authorizer_id.clone(),
    }
}

/// The caller's own attempt, for its page.
pub async fn find(ctx: &Ctx, actor: &Actor, id: &AttemptId) -> Result<Attempt, Error> {
    let wanted = id.clone();
    let found = ctx.db.read(move |c| store::attempts::find(c, &wanted)).await?;
    found.filter(|attempt| attempt.user_id == actor.user_id).ok_or(Error::NotFound)
}
