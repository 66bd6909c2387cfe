//! Saves a proven grant: a new authorizer, or new tokens for one that is there; attempt and activity in the same write.
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::auth::AuthSpec;
use crate::crypto::{Sealed, token};
use crate::domain::fields::known::ValueChange;
use crate::domain::oauth_apps::own::{self, NewOwnApp};
use crate::domain::withdrawals::{self, Grant as OldGrant, PreparedWithdrawal};
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::{Authorizer, Health, Identity, Lifecycle, Verdict};
use crate::model::credentials::Credentials;
use crate::model::ids::AuthorizerId;
use crate::model::name::Name;
use crate::model::revocation::{Requester, WithdrawalReason};
use crate::model::time::Moment;
use crate::outbound::oauth::Grant;
use crate::store::{self, AnyConnection, StoreError};

use super::account::{self, OpenAccount};
use super::edit::switch_note;
use super::ending::{self, Since};
use super::refresh::{self, save::shares_token};
use super::{blank, complete, naming, schedule, sealed, service_file};

/// How often the row may change under a reauthorization: a refresh of the old grant stores its answer in between.
const SAVE_TRIES: usize = 5;

/// Credentials that the provider has just confirmed, and whose they are.
pub(super) struct Proven {
    pub credentials: Credentials,
    pub identity: Identity,
}

impl Proven {
    pub fn new(mut credentials: Credentials, grant: Grant) -> Self {
        credentials.kept = grant.kept;
        credentials.tokens = Some(grant.tokens);
        Self { credentials, identity: grant.identity }
    }
}

/// The OAuth app that was typed with the account: stored with it.
fn own_app(
    ctx: &Ctx,
    auth: &AuthSpec,
    attempt: &Attempt,
    proven: &Proven,
) -> Result<Option<NewOwnApp>, Error> {
    if !auth.oauth2.as_ref().is_some_and(|oauth2| oauth2.own_app) {
        return Ok(None);
    }
    let client = own::client(&proven.credentials.values)?;
    Ok(Some(NewOwnApp::new(ctx, &attempt.service_id, &client)?))
}

pub(super) async fn save_new(
    ctx: &Ctx,
    actor: &Actor,
    attempt: &Attempt,
    proven: Proven,
) -> Result<AuthorizerId, Error> {
    let (service, auth) = complete::spec(ctx, attempt)?;
    let now = ctx.clock.now();
    let id = AuthorizerId::new(now, token::ten());
    let mut row = blank::authorizer(ctx, actor, (id.clone(), &service, &auth));
    let own_app = own_app(ctx, &auth, attempt, &proven)?.map(Arc::new);
    row.oauth_app_id =
        own_app.as_ref().map(|app| app.id().clone()).or_else(|| attempt.oauth_app_id.clone());
    apply(&mut row, &proven, (now, ctx.site.retest_every));
    let ending = ending::of(&service, &auth, &proven.credentials, Since::Consent(now));
    let sealed = sealed::seal_credentials(ctx, &id, &proven.credentials)?;
    let done = complete::ending(&finished(attempt, &id));
    let binding = service_file::binding_of(&service, &auth, &proven.credentials.values);
    // Taken, or taken meanwhile: the grant is worth more than the name.
    let mut wanted = match Name::parse(&attempt.name) {
        Ok(name) if naming::must_be_free(ctx, &name, None).await.is_ok() => Some(name),
        _ => None,
    };
    for _ in 0..naming::NAME_TRIES {
        let name = match wanted.take() {
            Some(name) => name,
            None => naming::propose(ctx, &service, &proven.identity).await?,
        };
        name.as_str().clone_into(&mut row.name);
        let line = line(ctx, actor, &row, ("authorized", String::new()));
        let (row, own_app, attempt_id, done) =
            (row.clone(), own_app.clone(), attempt.id.clone(), done.clone());
        let (sealed, binding) = (sealed.clone(), binding.clone());
        let creator = actor.user_id.clone();
        let stored = ctx
            .db
            .write(move |c| {
                if let Some(app) = &own_app {
                    app.insert(c, &creator)?;
                }
                store::authorizers::insert(c, &row, Some(&sealed))?;
                store::bindings::update(c, &row.id, &binding)?;
                store::authorizers::update_ending(c, &row.id, &ending)?;
                store::attempts::finish(c, &attempt_id, &done, None)?;
                line.write(c)
            })
            .await;
        match stored {
            Ok(()) => return Ok(id),
            Err(StoreError::Taken { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(Error::Stale)
}

/// A grant for an authorizer that is there.
pub(super) struct NewGrant {
    pub id: AuthorizerId,
    pub proven: Proven,
    /// Of the activity: `reauthorized` or `switched`.
    pub verb: &'static str,
    /// Values that tell the account, where they differ from what was stored.
    pub changes: Vec<ValueChange>,
}

/// In place: same row, same references; `credential_version` rises, retries start again. The grant before is withdrawn.
pub(super) async fn save_again(
    ctx: &Ctx,
    actor: &Actor,
    attempt: &Attempt,
    again: NewGrant,
) -> Result<(), Error> {
    for _ in 0..SAVE_TRIES {
        let before = super::find::authorizer(ctx, &again.id).await?;
        // Without its key, or its service's file, the old grant cannot be read: nothing could be sent for it.
        let old = account::open_as_is(ctx, &again.id).await.ok();
        let old = old
            .filter(|old| old.authorizer.credential_version == before.credential_version)
            .and_then(|old| abandoned_grant(&old, &again.proven));
        let is_refresh_in_doubt = refresh::is_in_doubt(ctx, &again.id).await?;
        let old = old
            .map(|old| OldGrant { is_refresh_in_doubt, ..old })
            .map(|old| withdrawals::prepare(ctx, Some(Requester::from_actor(actor)), &old))
            .transpose()?;
        let before = RowBefore { row: before, old, is_refresh_in_doubt };
        if save_over(ctx, actor, attempt, &again, before).await? {
            return Ok(());
        }
    }
    Err(Error::Stale)
}

/// The grant that a reauthorization leaves behind, if it may live on.
fn abandoned_grant(old: &OpenAccount, new: &Proven) -> Option<OldGrant> {
    // Some services answer with the token that they gave before: revoking it would end the new grant.
    let is_same = shares_token(&old.credentials, &new.credentials);
    let is_left = old.may_hold_access() && !is_same;
    is_left.then(|| OldGrant::from_account(old, WithdrawalReason::Replaced))
}

/// What is there before it is replaced.
struct RowBefore {
    row: Authorizer,
    old: Option<PreparedWithdrawal>,
    is_refresh_in_doubt: bool,
}

/// False if the credentials changed, or a refresh of them began, since `before` was read.
async fn save_over(
    ctx: &Ctx,
    actor: &Actor,
    attempt: &Attempt,
    again: &NewGrant,
    before: RowBefore,
) -> Result<bool, Error> {
    let (service, auth) = complete::spec(ctx, attempt)?;
    let (proven, now) = (&again.proven, ctx.clock.now());
    let RowBefore { row: before, old, is_refresh_in_doubt } = before;
    let is_other = !before.identity.key.is_empty() && before.identity.key != proven.identity.key;
    let note = if is_other || !again.changes.is_empty() {
        switch_note(&before.identity, &proven.identity, &again.changes)
    } else {
        String::new()
    };
    let mut row = before;
    let own_app = own_app(ctx, &auth, attempt, proven)?;
    row.oauth_app_id =
        own_app.as_ref().map(|app| app.id().clone()).or_else(|| attempt.oauth_app_id.clone());
    row.auth_id.clone_from(&attempt.auth_id);
    apply(&mut row, proven, (now, ctx.site.retest_every));
    let ending = ending::of(&service, &auth, &proven.credentials, Since::Consent(now));
    let sealed = sealed::seal_credentials(ctx, &row.id, &proven.credentials)?;
    let line = line(ctx, actor, &row, (again.verb, note));
    let (attempt_id, done) = (attempt.id.clone(), complete::ending(&finished(attempt, &row.id)));
    let binding = service_file::binding_of(&service, &auth, &proven.credentials.values);
    let creator = actor.user_id.clone();
    let written = ctx
        .db
        .write(move |c| {
            let lease = store::authorizers::find_lease(c, &row.id, now)?;
            let is_in_doubt = lease.is_some_and(|lease| lease.is_refresh_in_doubt);
            if is_in_doubt != is_refresh_in_doubt || !replace(c, &row, &sealed, now)? {
                return Ok(None);
            }
            if let Some(app) = &own_app {
                app.insert(c, &creator)?;
            }
            store::bindings::update(c, &row.id, &binding)?;
            store::authorizers::update_way(c, &row.id, &row.auth_id, row.oauth_app_id.as_ref())?;
            store::authorizers::update_scopes(
                c,
                &row.id,
                &row.granted_scopes,
                &row.missing_scopes,
            )?;
            store::authorizers::update_ending(c, &row.id, &ending)?;
            store::attempts::finish(c, &attempt_id, &done, None)?;
            line.write(c)?;
            if let Some(old) = &old {
                old.write(c)?;
            }
            Ok::<_, StoreError>(Some(old))
        })
        .await?;
    // Nobody waits for it: the new grant works whatever becomes of the old one.
    let is_saved = written.is_some();
    if let Some(Some(old)) = written {
        old.ask_in_background(ctx);
    }
    Ok(is_saved)
}

/// New credentials and what they proved, in place. False if the credentials changed since `row` was read.
pub(super) fn replace(
    c: &mut AnyConnection,
    row: &Authorizer,
    sealed: &Sealed,
    now: Moment,
) -> Result<bool, StoreError> {
    if !store::authorizers::update_credentials(
        c,
        &row.id,
        row.credential_version,
        sealed,
        row.access_expires_at,
        now,
    )? {
        return Ok(false);
    }
    store::authorizers::reactivate(c, &row.id, now)?;
    store::authorizers::update_identity(c, &row.id, &row.identity)?;
    if row.health == Health::Ok {
        store::authorizers::update_health(
            c,
            &row.id,
            None,
            &Verdict { next_try_at: row.next_try_at, ..Verdict::ok() },
            now,
        )?;
    }
    Ok(true)
}

fn apply(row: &mut Authorizer, proven: &Proven, (now, retest_every): (Moment, Option<Duration>)) {
    row.lifecycle = Lifecycle::Active;
    row.health = Health::Ok;
    row.cause = None;
    row.cause_fields = Vec::new();
    row.detail = None;
    row.identity = proven.identity.clone();
    row.missing_scopes = Vec::new();
    row.first_failed_at = None;
    row.failure_count = 0;
    row.last_ok_at = Some(now);
    row.last_checked_at = Some(now);
    row.revocation = None;
    row.revoked_at = None;
    let tokens = proven.credentials.tokens.as_ref();
    row.granted_scopes = tokens.map(|tokens| tokens.scopes.clone()).unwrap_or_default();
    row.access_expires_at = tokens.and_then(|tokens| tokens.expires_at);
    row.next_try_at = schedule::retest(row, retest_every, now);
}

fn line(
    ctx: &Ctx,
    actor: &Actor,
    row: &Authorizer,
    (verb, note): (&'static str, String),
) -> activity::Line {
    activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb,
            subject_kind: SubjectKind::Authorizer,
            subject_id: row.id.to_string(),
            subject_name: row.name.clone(),
            note,
        },
    )
}

fn finished(attempt: &Attempt, id: &AuthorizerId) -> Attempt {
    let mut done = attempt.clone();
    done.state = AttemptState::Completed;
    done.result_authorizer_id = Some(id.clone());
    done
}
