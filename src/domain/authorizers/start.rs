//! Starts an authorization attempt: what must survive the trip is sealed, and the browser gets an address to go to.
use std::collections::BTreeMap;

use crate::catalog::Service;
use crate::catalog::auth::{AuthSpec, OAuth2Spec};
use crate::crypto::token;
use crate::domain::fields;
use crate::domain::{Actor, Ctx, Error, oauth_apps};
use crate::model::attempt::{ATTEMPT_LIFETIME, Attempt, AttemptState};
use crate::model::authorizer::Lifecycle;
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::{AttemptId, AuthorizerId, DraftId, OAuthAppId, ServiceId};
use crate::model::oauth_app::OAuthClient;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::outbound::Account;
use crate::store;

use super::complete::{self, Completed};
use super::enter_credentials::parse_name;
use super::pending::PendingAuthorization;
use super::{account, finish, naming};

/// What was asked for.
pub struct Start {
    pub service_id: ServiceId,
    pub auth_id: String,
    /// Empty: proposed from the account.
    pub name: String,
    pub values: BTreeMap<String, Secret>,
    /// Reauthorize this one.
    pub authorizer_id: Option<AuthorizerId>,
    /// The source or destination form that waits.
    pub draft_id: Option<DraftId>,
    /// An attempt before this one failed: perhaps somebody signed in who has granted nothing yet.
    pub asks_for_all: bool,
    /// The browser's own cookie: only this browser may bring the answer.
    pub browser: Secret,
}

/// Where to go.
pub struct Leaving {
    pub url: String,
    pub service_name: String,
}

pub async fn start(ctx: &Ctx, actor: &Actor, start: Start) -> Result<Leaving, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let service = ctx.catalog.get(start.service_id.as_str()).ok_or(Error::NotFound)?;
    let auth = service.auth(&start.auth_id).ok_or(Error::NotFound)?;
    let oauth2 = auth.oauth2.as_ref().ok_or(Error::NotFound)?;
    let values = check(ctx, auth, &start).await?;
    let (app_id, client) = app(ctx, actor, service, oauth2, (&start, &values)).await?;
    let credentials = Credentials { values: values.clone(), ..Credentials::default() };
    let account = Account { service, auth, credentials: &credentials, app: Some(&client) };
    let granted = granted(ctx, &start).await?;
    let departure =
        ctx.outbound.depart(&account, &ctx.site.redirect_uri(), &granted).map_err(Error::Fault)?;
    let pending = PendingAuthorization::new(departure.verifier.as_ref(), &values);
    store_attempt(ctx, actor, start, (app_id, departure.state, pending)).await?;
    Ok(Leaving { url: departure.url, service_name: service.head.name.clone() })
}

/// What a grant that still lives holds; a dead one is asked for anew as a whole.
async fn granted(ctx: &Ctx, start: &Start) -> Result<Vec<String>, Error> {
    let Some(id) = start.authorizer_id.as_ref().filter(|_| !start.asks_for_all) else {
        return Ok(Vec::new());
    };
    let row = super::find::authorizer(ctx, id).await?;
    let lives =
        row.lifecycle == Lifecycle::Active && row.is_usable() && row.auth_id == start.auth_id;
    Ok(if lives { row.granted_scopes } else { Vec::new() })
}

async fn check(
    ctx: &Ctx,
    auth: &AuthSpec,
    start: &Start,
) -> Result<BTreeMap<String, Secret>, Error> {
    let mut problems = Problems::new();
    let name = parse_name(&start.name, &mut problems);
    let values = match fields::check(&auth.fields, &start.values, &ctx.asked()) {
        Ok(values) => values,
        Err(found) => {
            problems.extend(found);
            BTreeMap::new()
        }
    };
    let values = problems.or(values)?;
    if let Some(name) = name {
        naming::must_be_free(ctx, &name, start.authorizer_id.as_ref()).await?;
    }
    Ok(values)
}

/// The OAuth app: the one that the authorizer has, one typed with it, or the service's shared one.
async fn app(
    ctx: &Ctx,
    actor: &Actor,
    service: &Service,
    oauth2: &OAuth2Spec,
    (start, values): (&Start, &BTreeMap<String, Secret>),
) -> Result<(OAuthAppId, OAuthClient), Error> {
    if oauth2.own_app {
        return oauth_apps::save::own(ctx, actor, service.id(), values).await;
    }
    if let Some(id) = &start.authorizer_id {
        let authorizer = super::find::authorizer(ctx, id).await?;
        if let Some(app_id) = authorizer.oauth_app_id {
            let client = account::open_app(ctx, &app_id).await?;
            return Ok((app_id, client));
        }
    }
    let shared = oauth_apps::find::shared(ctx, service.id()).await?;
    let app = shared.ok_or_else(|| {
        Problems::general(Complaint::Say("This service has no OAuth app yet.".to_owned()))
    })?;
    let client = account::open_app(ctx, &app.id).await?;
    Ok((app.id, client))
}

async fn store_attempt(
    ctx: &Ctx,
    actor: &Actor,
    start: Start,
    trip: (OAuthAppId, Secret, PendingAuthorization),
) -> Result<(), Error> {
    let (app_id, state, pending) = trip;
    let now = ctx.clock.now();
    let id = AttemptId::new(now, token::ten());
    let sealed = pending.seal(ctx, &id)?;
    let attempt = Attempt {
        id,
        user_id: actor.user_id.clone(),
        service_id: start.service_id,
        auth_id: start.auth_id,
        authorizer_id: start.authorizer_id,
        oauth_app_id: Some(app_id),
        draft_id: start.draft_id,
        name: start.name.trim().to_owned(),
        state: AttemptState::Pending,
        cause: None,
        detail: None,
        missing_scopes: Vec::new(),
        result_authorizer_id: None,
        created_at: now,
        expires_at: now.plus(ATTEMPT_LIFETIME),
        taken_at: None,
        grant_until: None,
    };
    let (state_hash, browser_hash) =
        (token::sha256_hex(state.expose()), token::sha256_hex(start.browser.expose()));
    ctx.db
        .write(move |c| store::attempts::insert(c, &attempt, &state_hash, &browser_hash, &sealed))
        .await?;
    Ok(())
}

/// What *Try again* led to.
pub enum RetryResult {
    /// The grant that was kept is finished; nobody had to sign in.
    Completed(Box<Completed>),
    Leaving(Leaving),
}

/// Once more: with the grant that was kept, or with everything that was typed the first time.
pub async fn again(
    ctx: &Ctx,
    actor: &Actor,
    id: &AttemptId,
    browser: Secret,
) -> Result<RetryResult, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let attempt = complete::find(ctx, actor, id).await?;
    if let (AttemptState::Completed, Some(done)) = (attempt.state, &attempt.result_authorizer_id) {
        // The button was pressed twice: this is what the first press came to.
        let id = done.clone();
        return Ok(RetryResult::Completed(Box::new(Completed::Saved { attempt, id })));
    }
    if attempt.state == AttemptState::OtherAccount {
        return Ok(RetryResult::Completed(Box::new(Completed::OtherAccount(attempt))));
    }
    let wanted = id.clone();
    let held = ctx.db.read(move |c| store::attempts::find_held(c, &wanted)).await?;
    let sealed = held
        .and_then(|held| held.sealed)
        .ok_or(Error::WrongState("what was typed is no longer kept; start anew"))?;
    let pending = PendingAuthorization::open(ctx, id, &sealed)?;
    let now = ctx.clock.now();
    if attempt.state == AttemptState::Taken && !finish::is_cut_off(&attempt, now) {
        return Ok(RetryResult::Completed(Box::new(Completed::UnderWay(attempt))));
    }
    if attempt.grant_until.is_some_and(|until| until > now) {
        let resumed = Box::pin(resume(ctx, actor, attempt, pending)).await?;
        return Ok(RetryResult::Completed(Box::new(resumed)));
    }
    let asked = Start {
        service_id: attempt.service_id,
        auth_id: attempt.auth_id,
        name: attempt.name,
        values: pending.typed(),
        authorizer_id: attempt.authorizer_id,
        draft_id: attempt.draft_id,
        asks_for_all: attempt.cause.is_some(),
        browser,
    };
    start(ctx, actor, asked).await.map(RetryResult::Leaving)
}

/// Of two that press the button, one goes on; the other one follows it.
async fn resume(
    ctx: &Ctx,
    actor: &Actor,
    attempt: Attempt,
    pending: PendingAuthorization,
) -> Result<Completed, Error> {
    let (id, seen, now) = (attempt.id.clone(), attempt.state, ctx.clock.now());
    if !ctx.db.write(move |c| store::attempts::take_from(c, &id, seen, now)).await? {
        return Ok(Completed::UnderWay(attempt));
    }
    let (scope, actor, taken) = (ctx.clone(), actor.clone(), attempt.clone());
    complete::wait(ctx, attempt, async move {
        Box::pin(finish::resume(&scope, &actor, taken, pending)).await
    })
    .await
}
