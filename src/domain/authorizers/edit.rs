//! *Edit* and *Enter a new password*: name, plain fields, replaced secrets; in place, tested first.
//!
//! What decides where secrets are sent cannot be changed while stored secrets are reused: they are typed again. What tells
//! the account is changed by a switch.
use std::collections::BTreeMap;

use crate::catalog::field::FieldSpec;
use crate::domain::fields::known::{self, ValueChange};
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

use super::account::{self, EditableAccount};
use super::ending::{self, Since};
use super::enter_credentials::{declared_identity, declared_user, test};
use super::{find, grant, naming, schedule, sealed, service_file};

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
    /// The new values belong to another account, or to another place: nothing was stored.
    OtherAccount(Switch),
}

/// What would become another one.
pub struct Switch {
    pub before: Identity,
    pub now: Identity,
    /// Values that tell the account, where they differ.
    pub changes: Vec<ValueChange>,
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
    if before.name == name.as_str() && before.version == version {
        return Ok(());
    }
    let line = line(ctx, actor, &before, "edited", format!("name, was {}", before.name));
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
    let account = account::open_for_editing(ctx, &edit.id).await?;
    if account.authorizer.version != edit.version {
        return Err(Error::Stale);
    }
    let Checked { name, credentials, changed } = check(ctx, &account, &edit)?;
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
    let changes = known::account_changes(
        &account.auth.fields,
        &account.credentials.values,
        &credentials.values,
        &ctx.asked(),
    );
    let identity = identity(&account, &credentials, &changes, report.as_ref());
    let switch = Switch { before: account.authorizer.identity.clone(), now: identity, changes };
    let is_switch = is_switch(ctx, &account.authorizer, &switch).await?;
    if is_switch && !edit.may_switch {
        return Ok(Edited::OtherAccount(switch));
    }
    if is_switch {
        actor.must(Permission::SwitchAccounts)?;
    }
    let (verb, note) = if is_switch {
        ("switched", switch_note(&switch.before, &switch.now, &switch.changes))
    } else {
        ("edited", changed.join(", "))
    };
    let line = line(ctx, actor, &account.authorizer, verb, note);
    let saved =
        Saved { name, credentials, identity: switch.now, is_tested: report.is_some(), line };
    save(ctx, account, saved).await?;
    Ok(Edited::Saved { report })
}

/// A form without a fault.
struct Checked {
    name: Name,
    credentials: Credentials,
    /// Labels of the fields that differ from what is stored.
    changed: Vec<String>,
}

fn check(ctx: &Ctx, account: &EditableAccount, edit: &Edit) -> Result<Checked, Problems> {
    let mut problems = Problems::new();
    let name = Name::parse(&edit.name).map_err(|complaint| problems.add("name", complaint)).ok();
    let (specs, stored) = (&account.auth.fields, &account.credentials.values);
    let values = known::merge(specs, &edit.values, stored, account.is_moved, &ctx.asked());
    let values = values.map_err(|found| problems.extend(found)).unwrap_or_default();
    match name {
        Some(name) if problems.is_empty() => {
            let changed = changed_labels(account, &values);
            let credentials = Credentials { values, ..Credentials::default() };
            Ok(Checked { name, credentials, changed })
        }
        _ => Err(problems),
    }
}

fn changed_labels(account: &EditableAccount, values: &BTreeMap<String, Secret>) -> Vec<String> {
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
fn identity(
    account: &EditableAccount,
    credentials: &Credentials,
    changes: &[ValueChange],
    report: Option<&Report>,
) -> Identity {
    if let Some(proven) = report.and_then(|report| report.identity.clone()) {
        return proven;
    }
    let (declared, stored) = (declared_identity(credentials), &account.credentials);
    let is_new = |spec: &FieldSpec| {
        spec.secret && stored.values.get(&spec.key) != credentials.values.get(&spec.key)
    };
    // A password is that of a user; a key alone does not say whose it is.
    let is_named = declared_user(credentials).is_some() || !account.auth.fields.iter().any(is_new);
    let is_same = is_named && changes.is_empty() && declared == declared_identity(stored);
    if is_same { account.authorizer.identity.clone() } else { declared }
}

/// Another account than the one that was proven, or one that nobody knows, is a switch; and so is another place, once the
/// account was proven or something uses it.
async fn is_switch(ctx: &Ctx, before: &Authorizer, switch: &Switch) -> Result<bool, Error> {
    let is_known = !before.identity.key.is_empty();
    if is_known && before.identity.key != switch.now.key {
        return Ok(true);
    }
    if switch.changes.is_empty() {
        return Ok(false);
    }
    Ok(is_known || !find::used_by(ctx, &before.id).await?.is_empty())
}

/// What is written with everything else, or not at all.
struct Saved {
    name: Name,
    credentials: Credentials,
    identity: Identity,
    is_tested: bool,
    line: activity::Line,
}

async fn save(ctx: &Ctx, account: EditableAccount, saved: Saved) -> Result<(), Error> {
    let now = ctx.clock.now();
    let Saved { name, credentials, identity, is_tested, line } = saved;
    let mut row = Authorizer { identity, ..account.authorizer };
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
    let binding = service_file::binding_of(&account.service, &account.auth, &credentials.values);
    let saved = ctx
        .db
        .write(move |c| {
            let is_saved = store::authorizers::update_name(c, &row.id, &name, row.version, now)?
                && grant::replace(c, &row, &sealed, now)?;
            if is_saved {
                store::bindings::update(c, &row.id, &binding)?;
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

/// What the activity log says of a switch: `from a@x to b@y; Host: was db1, now db2`.
pub(super) fn switch_note(before: &Identity, now: &Identity, changes: &[ValueChange]) -> String {
    let accounts = (before.label != now.label && !before.label.is_empty())
        .then(|| format!("from {} to {}", before.label, now.label));
    let values = changes.iter().map(|change| {
        let (label, before, now) = (&change.label, cut(&change.before), cut(&change.now));
        match (before.is_empty(), now.is_empty()) {
            (true, _) => format!("{label}: now {now}"),
            (false, true) => format!("{label}: was {before}"),
            (false, false) => format!("{label}: was {before}, now {now}"),
        }
    });
    accounts.into_iter().chain(values).collect::<Vec<_>>().join("; ")
}

fn cut(text: &str) -> String {
    const NOTE_VALUE_CHARS: usize = 120;
    text.chars().take(NOTE_VALUE_CHARS).collect()
}

fn line(
    ctx: &Ctx,
    actor: &Actor,
    row: &Authorizer,
    verb: &'static str,
    note: String,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(label: &str) -> Identity {
        Identity { key: label.to_owned(), label: label.to_owned() }
    }

    fn change(before: &str, now: &str) -> ValueChange {
        ValueChange {
            key: "host".to_owned(),
            label: "Host".to_owned(),
            before: before.to_owned(),
            now: now.to_owned(),
        }
    }

    #[test]
    fn the_note_of_a_switch_names_what_is_known_before_and_after() {
        let note = |before: &str, changes: &[ValueChange]| {
            switch_note(&identity(before), &identity("bob"), changes)
        };
        assert_eq!(note("ann", &[change("a", "b")]), "from ann to bob; Host: was a, now b");
        assert_eq!(note("", &[change("a", "b")]), "Host: was a, now b");
        assert_eq!(note("bob", &[change("", "b"), change("a", "")]), "Host: now b; Host: was a");
    }

    #[test]
    fn the_note_of_a_switch_cuts_values_after_a_hundred_and_twenty_characters() {
        let (kept, long) = ("ä".repeat(120), "ä".repeat(121));
        let note = switch_note(&identity("bob"), &identity("bob"), &[change("", &long)]);
        assert_eq!(note, format!("Host: now {kept}"));
    }
}
