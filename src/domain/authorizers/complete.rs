//! The way back from the provider: the attempt is taken once, the code exchanged, the grant stored at once, the account
//! proven, then all saved in one write. It goes on if the browser leaves or the page has waited long enough.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::callback::CallbackParams;
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::ids::{AttemptId, AuthorizerId};
use crate::model::role::Permission;
use crate::store::{self, attempts::Held};

use super::finish;
use super::pending::PendingAuthorization;
use super::refresh::PAGE_WAIT;

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
    /// The service takes its time. It goes on; the attempt's page follows it.
    UnderWay(Attempt),
}

/// `params`: the callback's query. `browser`: the cookie that this browser was given.
pub async fn complete(
    ctx: &Ctx,
    actor: &Actor,
    params: CallbackParams,
    browser: Option<&Secret>,
) -> Result<Completed, Error> {
    actor.must(Permission::EditAuthorizers)?;
    if params.is_repeated("state") {
        return Ok(Completed::Refused(Cause::MalformedAnswer));
    }
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
    let pending = PendingAuthorization::open(ctx, &attempt.id, &sealed)?;
    let (scope, actor) = (ctx.clone(), actor.clone());
    let taken = attempt.clone();
    wait(ctx, attempt, async move {
        Box::pin(finish::redeem(&scope, &actor, taken, pending, params)).await
    })
    .await
}

/// Does the rest where nobody can cut it off, and waits for it as long as a page may.
pub(super) async fn wait(
    ctx: &Ctx,
    attempt: Attempt,
    work: impl Future<Output = Result<Completed, Error>> + Send + 'static,
) -> Result<Completed, Error> {
    match tokio::time::timeout(PAGE_WAIT, ctx.tasks.run(work)).await {
        Ok(Some(done)) => done,
        Ok(None) | Err(_) => Ok(Completed::UnderWay(attempt)),
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

pub(super) fn spec(ctx: &Ctx, attempt: &Attempt) -> Result<(Service, AuthSpec), Error> {
    let service = ctx.catalog.get(attempt.service_id.as_str()).ok_or(Error::NotFound)?;
    let auth = service.auth(&attempt.auth_id).ok_or(Error::NotFound)?;
    Ok((service.clone(), auth.clone()))
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
