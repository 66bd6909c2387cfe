//! Starts an authorization attempt: what must survive the trip is sealed, and the browser gets an address to go to.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::catalog::Service;
use crate::catalog::auth::{AuthSpec, OAuth2Spec};
use crate::crypto::Sealed;
use crate::crypto::cipher::Place;
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

use super::enter_credentials::parse_name;
use super::{account, naming};

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

/// What an attempt keeps until its answer comes. Sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Luggage {
    pub verifier: Option<String>,
    pub values: BTreeMap<String, String>,
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
    let luggage = Luggage {
        verifier: departure.verifier.as_ref().map(|verifier| verifier.expose().to_owned()),
        values: values.into_iter().map(|(key, value)| (key, value.expose().to_owned())).collect(),
    };
    store_attempt(ctx, actor, start, (app_id, departure.state, luggage)).await?;
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

fn luggage_place(id: &AttemptId) -> Place<'_> {
    Place { table: "attempts", column: "sealed", id: id.as_str() }
}

async fn store_attempt(
    ctx: &Ctx,
    actor: &Actor,
    start: Start,
    trip: (OAuthAppId, Secret, Luggage),
) -> Result<(), Error> {
    let (app_id, state, luggage) = trip;
    let now = ctx.clock.now();
    let id = AttemptId::new(now, token::ten());
    let plain = Zeroizing::new(serde_json::to_vec(&luggage).unwrap_or_default());
    let sealed = ctx.cipher.seal(luggage_place(&id), &plain)?;
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
    };
    let (state_hash, browser_hash) =
        (token::sha256_hex(state.expose()), token::sha256_hex(start.browser.expose()));
    ctx.db
        .write(move |c| store::attempts::insert(c, &attempt, &state_hash, &browser_hash, &sealed))
        .await?;
    Ok(())
}

/// Once more, with everything that was typed the first time.
pub async fn again(
    ctx: &Ctx,
    actor: &Actor,
    id: &AttemptId,
    browser: Secret,
) -> Result<Leaving, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let attempt = super::complete::find(ctx, actor, id).await?;
    let wanted = id.clone();
    let held = ctx.db.read(move |c| store::attempts::find_held(c, &wanted)).await?;
    let sealed = held
        .and_then(|held| held.sealed)
        .ok_or(Error::WrongState("what was typed is no longer kept; start anew"))?;
    let luggage: Luggage = unpack(ctx, id, &sealed)?;
    let asked = Start {
        service_id: attempt.service_id,
        auth_id: attempt.auth_id,
        name: attempt.name,
        values: luggage.values.into_iter().map(|(key, value)| (key, Secret::new(value))).collect(),
        authorizer_id: attempt.authorizer_id,
        draft_id: attempt.draft_id,
        asks_for_all: attempt.cause.is_some(),
        browser,
    };
    start(ctx, actor, asked).await
}

/// What was sealed into the attempt's row, of whatever shape.
pub(super) fn unpack<T: serde::de::DeserializeOwned>(
    ctx: &Ctx,
    id: &AttemptId,
    sealed: &Sealed,
) -> Result<T, Error> {
    let plain = ctx.cipher.open(luggage_place(id), sealed).map_err(|_| Error::Locked)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Locked)
}

pub(super) fn repack(ctx: &Ctx, id: &AttemptId, plain: &[u8]) -> Result<Sealed, Error> {
    Ok(ctx.cipher.seal(luggage_place(id), plain)?)
}
