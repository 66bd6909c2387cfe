//! *Edit* and *Enter a new password*: name, plain fields, replaced secrets; in place, tested first.
//!
//! A field that decides where secrets are sent cannot be changed while stored secrets are reused: they are typed again.
use std::collections::BTreeMap;

use crate::catalog::field::FieldSpec;
use crate::domain::fields::{self, Asked};
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Health, Identity, Lifecycle};
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::AuthorizerId;
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::report::Report;
use crate::model::role::Permission;
use crate::store;

use super::account::{self, OpenAccount};
use super::ending::{self, Since};
use super::enter_credentials::{declared_identity, declared_user, test};
use super::{grant, naming, schedule, sealed};

/// What was sent.
pub struct Edit {
    pub id: AuthorizerId,
    /// The version that the form was drawn from.
    pub version: i64,
    pub name: String,
    /// Secrets that are empty keep what is stored.
    pub values: BTreeMap<String, Secret>,
    pub is_tested: bool,
    /// The person has seen that this is another account, and wants it.
    pub may_switch: bool,
}

pub enum Edited {
    Saved {
        report: Option<Report>,
    },
    TestFailed {
        report: Report,
    },
    /// The new values belong to another account: nothing was stored.
    OtherAccount {
        before: Identity,
        now: Identity,
    },
}

/// Only the name: for OAuth authorizers, whose account changes by reauthorizing.
pub async fn rename(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
    version: i64,
    name: &str,
) -> Result<(), Error> {
    actor.must(Permission::EditAuthorizers)?;
    let name = Name::parse(name).map_err(|complaint| Problems::field("name", complaint))?;
    let before = super::find::authorizer(ctx, id).await?;
    let line = edited_line(ctx, actor, &before, format!("name, was {}", before.name));
    let (id, now) = (id.clone(), ctx.clock.now());
    let saved = ctx
        .db
        .write(move |c| {
            if !store::authorizers::update_name(c, &id, &name, version, now)? {
                return Ok(false);
            }
            line.write(c)?;
            Ok::<_, store::StoreError>(true)
        })
        .await;
    match saved {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Stale),
        Err(store::StoreError::Taken { .. }) => {
            Err(Problems::field("name", Complaint::Taken).into())
        }
        Err(other) => Err(other.into()),
    }
}

/// Name and fields of an authorizer by credentials; also brings a revoked or broken one back to life.
pub async fn edit(ctx: &Ctx, actor: &Actor, edit: Edit) -> Result<Edited, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let account = match account::open_as_is(ctx, &edit.id).await {
        // Its secret is lost: everything is typed again.
        Err(Error::Locked) => locked_account(ctx, &edit.id).await?,
        other => other?,
    };
    if account.authorizer.version != edit.version {
        return Err(Error::Stale);
    }
    let (name, credentials, changed) = check(ctx, &account, &edit)?;
    naming::must_be_free(ctx, &name, Some(&edit.id)).await?;
    if changed.is_empty() && account.authorizer.lifecycle == Lifecycle::Active && !edit.is_tested {
        rename(ctx, actor, &edit.id, edit.version, name.as_str()).await?;
        return Ok(Edited::Saved { report: None });
    }
    let report = if edit.is_tested {
        let report = test(ctx, &account.service, &account.auth, &credentials, &mut |_| ()).await;
        if !report.is_ok() {
            return Ok(Edited::TestFailed { report });
        }
        Some(report)
    } else {
        None
    };
    let identity = identity(&account, &credentials, report.as_ref());
    if let Some(other) = other_account(actor, &account.authorizer, &edit, &identity)? {
        return Ok(other);
    }
    let account =
        OpenAccount { authorizer: Authorizer { identity, ..account.authorizer }, ..account };
    save(ctx, actor, account, (name, credentials, report.is_some(), changed)).await?;
    Ok(Edited::Saved { report })
}

async fn locked_account(ctx: &Ctx, id: &AuthorizerId) -> Result<OpenAccount, Error> {
    let authorizer = super::find::authorizer(ctx, id).await?;
    let (service, auth) = account::spec(ctx, &authorizer)?;
    Ok(OpenAccount { authorizer, service, auth, credentials: Credentials::default(), app: None })
}

type Checked = (Name, Credentials, Vec<String>);

fn check(ctx: &Ctx, account: &OpenAccount, edit: &Edit) -> Result<Checked, Problems> {
    let mut problems = Problems::new();
    let name = Name::parse(&edit.name).map_err(|complaint| problems.add("name", complaint)).ok();
    let values = match keeping(ctx, account, &edit.values) {
        Ok(values) => values,
        Err(found) => {
            problems.extend(found);
            BTreeMap::new()
        }
    };
    match name {
        Some(name) if problems.is_empty() => {
            let changed = changed_labels(account, &values);
            Ok((name, Credentials { values, ..Credentials::default() }, changed))
        }
        _ => Err(problems),
    }
}

/// Empty secrets keep what is stored, unless the address changed: a stored secret is never sent where it was not typed for.
fn keeping(
    ctx: &Ctx,
    account: &OpenAccount,
    typed: &BTreeMap<String, Secret>,
) -> Result<BTreeMap<String, Secret>, Problems> {
    let (specs, stored) = (&account.auth.fields, &account.credentials.values);
    let secrets: Vec<String> =
        fields::secret_keys(specs).into_iter().filter(|key| stored.contains_key(key)).collect();
    let asked = Asked { stored: &secrets, ..ctx.asked() };
    let mut values = fields::check(specs, typed, &asked)?;
    if fields::is_moved(specs, stored, &values) {
        return fields::check(specs, typed, &ctx.asked());
    }
    let is_asked = |spec: &&FieldSpec| {
        spec.secret && spec.is_asked_by(|key| values.get(key).map(Secret::expose))
    };
    let kept: Vec<&FieldSpec> =
        specs.iter().filter(is_asked).filter(|spec| !values.contains_key(&spec.key)).collect();
    for spec in kept {
        if let Some(secret) = stored.get(&spec.key) {
            values.insert(spec.key.clone(), secret.clone());
        }
    }
    Ok(values)
}

fn changed_labels(account: &OpenAccount, values: &BTreeMap<String, Secret>) -> Vec<String> {
    let differs = |key: &str| values.get(key) != account.credentials.values.get(key);
    account
        .auth
        .fields
        .iter()
        .filter(|field| differs(&field.key))
        .map(|field| field.label.clone())
        .collect()
}

/// Whose account it is from now on: as the test proved; untested, as it was while what was typed names the same.
fn identity(account: &OpenAccount, credentials: &Credentials, report: Option<&Report>) -> Identity {
    if let Some(proven) = report.and_then(|report| report.identity.clone()) {
        return proven;
    }
    let (declared, stored) = (declared_identity(credentials), &account.credentials);
    let is_moved = fields::is_moved(&account.auth.fields, &stored.values, &credentials.values);
    let is_new = |spec: &FieldSpec| {
        spec.secret && stored.values.get(&spec.key) != credentials.values.get(&spec.key)
    };
    // A password is that of a user; a key alone does not say whose it is.
    let is_named = declared_user(credentials).is_some() || !account.auth.fields.iter().any(is_new);
    let is_same = is_named && !is_moved && declared == declared_identity(stored);
    if is_same { account.authorizer.identity.clone() } else { declared }
}

/// Another account than the one that was proven, or one that nobody knows, needs the permission to switch, and a yes.
fn other_account(
    actor: &Actor,
    before: &Authorizer,
    edit: &Edit,
    now: &Identity,
) -> Result<Option<Edited>, Error> {
    if before.identity.key.is_empty() || before.identity.key == now.key {
        return Ok(None);
    }
    if edit.may_switch {
        actor.must(Permission::SwitchAccounts)?;
        return Ok(None);
    }
    Ok(Some(Edited::OtherAccount { before: before.identity.clone(), now: now.clone() }))
}

async fn save(
    ctx: &Ctx,
    actor: &Actor,
    account: OpenAccount,
    (name, credentials, is_tested, changed): (Name, Credentials, bool, Vec<String>),
) -> Result<(), Error> {
    let now = ctx.clock.now();
    let mut row = account.authorizer;
    let line = edited_line(ctx, actor, &row, changed.join(", "));
    name.as_str().clone_into(&mut row.name);
    row.lifecycle = Lifecycle::Active;
    (row.cause, row.detail, row.revocation, row.revoked_at) = (None, None, None, None);
    (row.cause_fields, row.failure_count, row.first_failed_at) = (Vec::new(), 0, None);
    row.health = if is_tested { Health::Ok } else { Health::Unverified };
    if is_tested {
        (row.last_checked_at, row.last_ok_at) = (Some(now), Some(now));
    }
    row.next_try_at = schedule::retest(&row, ctx.site.retest_every, now).filter(|_| is_tested);
    let ending = ending::of(&account.service, &account.auth, &credentials, Since::Consent(now));
    let sealed = sealed::seal_credentials(ctx, &row.id, &credentials)?;
    let saved = ctx
        .db
        .write(move |c| {
            let is_saved = store::authorizers::update_name(c, &row.id, &name, row.version, now)?
                && grant::replace(c, &row, &sealed, now)?;
            if is_saved {
                store::authorizers::update_ending(c, &row.id, &ending)?;
                line.write(c)?;
            }
            Ok::<_, store::StoreError>(is_saved)
        })
        .await;
    match saved {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Stale),
        Err(store::StoreError::Taken { .. }) => {
            Err(Problems::field("name", Complaint::Taken).into())
        }
        Err(other) => Err(other.into()),
    }
}

fn edited_line(ctx: &Ctx, actor: &Actor, row: &Authorizer, note: String) -> activity::Line {
    activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "edited",
            subject_kind: SubjectKind::Authorizer,
            subject_id: row.id.to_string(),
            subject_name: row.name.clone(),
            note,
        },
    )
}
