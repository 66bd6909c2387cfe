//! Starts an authorization attempt: what must survive the trip is sealed, and the browser gets an address to go to.
use std::collections::BTreeMap;

use crate::catalog::Service;
use crate::catalog::auth::{AuthSpec, OAuth2Spec};
use crate::crypto::token;
use crate::domain::fields::known::{self, ValueChange};
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

use super::account::EditableAccount;
use super::complete::{self, Completed};
use super::enter_credentials::parse_name;
use super::pending::PendingAuthorization;
use super::{account, find, finish, naming};

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
    /// The person has seen that the authorizer would live elsewhere, and wants it.
    pub may_switch: bool,
    /// The browser's own cookie: only this browser may bring the answer.
    pub browser: Secret,
}

pub enum Started {
    Leaving(Leaving),
    /// What was typed would let the authorizer live elsewhere: nothing was begun.
    Switch(Vec<ValueChange>),
}

/// Where to go.
pub struct Leaving {
    pub url: String,
    pub service_name: String,
}

pub async fn start(ctx: &Ctx, actor: &Actor, start: Start) -> Result<Started, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let service = ctx.catalog.get(start.service_id.as_str()).ok_or(Error::NotFound)?;
    let auth = service.auth(&start.auth_id).ok_or(Error::NotFound)?;
    let oauth2 = auth.oauth2.as_ref().ok_or(Error::NotFound)?;
    let stored = match &start.authorizer_id {
        Some(id) => Some(account::open_for_editing(ctx, id).await?),
        None => None,
    };
    let values = check(ctx, auth, &start, stored.as_ref()).await?;
    let changes = match &stored {
        Some(stored) => switched_values(ctx, stored, &values).await?,
        None => Vec::new(),
    };
    if !changes.is_empty() && !start.may_switch {
        return Ok(Started::Switch(changes));
    }
    if !changes.is_empty() {
        actor.must(Permission::SwitchAccounts)?;
    }
    let app = app(ctx, service, oauth2, &start, &values).await?;
    let credentials = Credentials { values: values.clone(), ..Credentials::default() };
    let account = Account { service, auth, credentials: &credentials, app: Some(&app.client) };
    let granted = granted(ctx, &start).await?;
    let departure =
        ctx.outbound.depart(&account, &ctx.site.redirect_uri(), &granted).map_err(Error::Fault)?;
    let mut pending = PendingAuthorization::new(departure.verifier.as_ref(), &values);
    pending.destinations = Some(service.destinations(auth));
    pending.is_switch = !changes.is_empty();
    store_attempt(ctx, actor, start, (app.id, departure.state, pending)).await?;
    let service_name = service.head.name.clone();
    Ok(Started::Leaving(Leaving { url: departure.url, service_name }))
}

/// The values that tell the account and differ from what is stored. An authorizer that was never proven and that nothing
/// uses has no account yet that it could be switched from.
pub(super) async fn switched_values(
    ctx: &Ctx,
    stored: &EditableAccount,
    values: &BTreeMap<String, Secret>,
) -> Result<Vec<ValueChange>, Error> {
    let changes = known::account_changes(
        &stored.auth.fields,
        &stored.credentials.values,
        values,
        &ctx.asked(),
    );
    let row = &stored.authorizer;
    let is_open = row.identity.key.is_empty() && find::used_by(ctx, &row.id).await?.is_empty();
    Ok(if is_open { Vec::new() } else { changes })
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

/// Reauthorizing, what was not typed is taken from what is stored, secrets only if they go where they were typed for.
async fn check(
    ctx: &Ctx,
    auth: &AuthSpec,
    start: &Start,
    stored: Option<&EditableAccount>,
) -> Result<BTreeMap<String, Secret>, Error> {
    let mut problems = Problems::new();
    let name = parse_name(&start.name, &mut problems);
    let nothing = BTreeMap::new();
    let known = stored.map_or(&nothing, |stored| &stored.credentials.values);
    let is_moved = stored.is_some_and(|stored| stored.is_moved);
    let values = match known::merge(&auth.fields, &start.values, known, is_moved, &ctx.asked()) {
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

/// The OAuth app of an attempt. One that is typed with its authorizer is stored with it, not before.
struct AttemptApp {
    id: Option<OAuthAppId>,
    client: OAuthClient,
}

/// The OAuth app: the one that the authorizer has, one typed with it, or the service's shared one.
async fn app(
    ctx: &Ctx,
    service: &Service,
    oauth2: &OAuth2Spec,
    start: &Start,
    values: &BTreeMap<String, Secret>,
) -> Result<AttemptApp, Error> {
    if oauth2.own_app {
        return Ok(AttemptApp { id: None, client: oauth_apps::own::client(values)? });
    }
    if let Some(id) = &start.authorizer_id {
        let authorizer = super::find::authorizer(ctx, id).await?;
        if let Some(app_id) = authorizer.oauth_app_id {
            let client = account::open_app(ctx, &app_id).await?;
            return Ok(AttemptApp { id: Some(app_id), client });
        }
    }
    let shared = oauth_apps::find::shared(ctx, service.id()).await?;
    let app = shared.ok_or_else(|| {
        Problems::general(Complaint::Say("This service has no OAuth app yet.".to_owned()))
    })?;
    let client = account::open_app(ctx, &app.id).await?;
    Ok(AttemptApp { id: Some(app.id), client })
}

async fn store_attempt(
    ctx: &Ctx,
    actor: &Actor,
    start: Start,
    trip: (Option<OAuthAppId>, Secret, PendingAuthorization),
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
        oauth_app_id: app_id,
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
    /// What is stored was changed since: the authorizer would live elsewhere.
    Switch,
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
    finish::check_destinations(ctx, &attempt, &pending).map_err(Error::Fault)?;
    let asked = Start {
        service_id: attempt.service_id,
        auth_id: attempt.auth_id,
        name: attempt.name,
        values: pending.typed(),
        authorizer_id: attempt.authorizer_id,
        draft_id: attempt.draft_id,
        asks_for_all: attempt.cause.is_some(),
        may_switch: pending.is_switch,
        browser,
    };
    Ok(match start(ctx, actor, asked).await? {
        Started::Leaving(to) => RetryResult::Leaving(to),
        Started::Switch(_) => RetryResult::Switch,
    })
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
