//! Authorizes by credentials: the form is checked, tested against the service, and saved as an authorizer.
use std::collections::BTreeMap;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::crypto::token;
use crate::domain::fields;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Health, Identity};
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::report::Report;
use crate::model::role::Permission;
use crate::outbound::{Account, OnStep};
use crate::store;

use super::ending::{self, Since};
use super::{blank, naming, schedule, sealed, service_file};

/// What was typed. Empty `name`: one is proposed.
pub struct NewCredentials {
    pub service_id: ServiceId,
    pub auth_id: String,
    pub name: String,
    pub values: BTreeMap<String, Secret>,
    /// *Save without testing* is false.
    pub is_tested: bool,
}

pub enum Entered {
    Saved {
        id: AuthorizerId,
        report: Option<Report>,
    },
    /// Nothing was stored.
    TestFailed {
        report: Report,
    },
}

/// *Test and save*, or *Save without testing*. Problems carry the fields' keys, and `name`.
pub async fn enter(ctx: &Ctx, actor: &Actor, new: NewCredentials) -> Result<Entered, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let service = ctx.catalog.get(new.service_id.as_str()).ok_or(Error::NotFound)?;
    let auth =
        service.auth(&new.auth_id).filter(|auth| auth.oauth2.is_none()).ok_or(Error::NotFound)?;
    let (name, credentials) = check(ctx, auth, &new)?;
    if let Some(name) = &name {
        naming::must_be_free(ctx, name, None).await?;
    }
    let report = if new.is_tested {
        let report = test(ctx, service, auth, &credentials, &mut |_| ()).await;
        if !report.is_ok() {
            return Ok(Entered::TestFailed { report });
        }
        Some(report)
    } else {
        None
    };
    let new = NewAuthorizer { service, auth, name, credentials, report: report.as_ref() };
    let id = save(ctx, actor, new).await?;
    Ok(Entered::Saved { id, report })
}

/// Tests credentials that are not stored yet.
pub async fn test(
    ctx: &Ctx,
    service: &Service,
    auth: &AuthSpec,
    credentials: &Credentials,
    on_step: OnStep<'_>,
) -> Report {
    ctx.outbound.test(&Account { service, auth, credentials, app: None }, on_step).await
}

/// All complaints at once.
fn check(
    ctx: &Ctx,
    auth: &AuthSpec,
    new: &NewCredentials,
) -> Result<(Option<Name>, Credentials), Problems> {
    let mut problems = Problems::new();
    let name = parse_name(&new.name, &mut problems);
    let credentials = match fields::check(&auth.fields, &new.values, &ctx.asked()) {
        Ok(values) => Credentials { values, ..Credentials::default() },
        Err(found) => {
            problems.extend(found);
            Credentials::default()
        }
    };
    problems.or((name, credentials))
}

/// `None` for an empty one: a name is proposed from the identity.
pub(super) fn parse_name(text: &str, problems: &mut Problems) -> Option<Name> {
    if text.trim().is_empty() {
        return None;
    }
    Name::parse(text).map_err(|complaint| problems.add("name", complaint)).ok()
}

/// What is to be stored.
struct NewAuthorizer<'a> {
    service: &'a Service,
    auth: &'a AuthSpec,
    /// `None`: one is proposed.
    name: Option<Name>,
    credentials: Credentials,
    report: Option<&'a Report>,
}

async fn save(ctx: &Ctx, actor: &Actor, new: NewAuthorizer<'_>) -> Result<AuthorizerId, Error> {
    let NewAuthorizer { service, auth, name, credentials, report } = new;
    let now = ctx.clock.now();
    let id = AuthorizerId::new(now, token::ten());
    let identity = report
        .and_then(|report| report.identity.clone())
        .unwrap_or_else(|| declared_identity(&credentials));
    let sealed = sealed::seal_credentials(ctx, &id, &credentials)?;
    let mut row = blank::authorizer(ctx, actor, (id.clone(), service, auth));
    row.identity = identity;
    if report.is_some() {
        row.health = Health::Ok;
        (row.last_checked_at, row.last_ok_at) = (Some(now), Some(now));
        row.next_try_at = schedule::retest(&row, ctx.site.retest_every, now);
    }
    let ending = ending::of(service, auth, &credentials, Since::Consent(now));
    let binding = service_file::binding_of(service, auth, &credentials.values);
    for _ in 0..naming::NAME_TRIES {
        let given = match &name {
            Some(name) => name.clone(),
            None => naming::propose(ctx, service, &row.identity).await?,
        };
        given.as_str().clone_into(&mut row.name);
        let line = authorized_line(ctx, actor, &row, report.is_some());
        let (row, sealed, binding) = (row.clone(), sealed.clone(), binding.clone());
        let stored = ctx
            .db
            .write(move |c| {
                store::authorizers::insert(c, &row, Some(&sealed))?;
                store::bindings::update(c, &row.id, &binding)?;
                store::authorizers::update_ending(c, &row.id, &ending)?;
                line.write(c)
            })
            .await;
        match stored {
            // Somebody was given the same name at the same moment: the next number is free.
            Err(store::StoreError::Taken { .. }) if name.is_none() => {}
            Err(store::StoreError::Taken { .. }) => break,
            other => return other.map(|()| id).map_err(Error::from),
        }
    }
    Err(Problems::field("name", Complaint::Taken).into())
}

fn authorized_line(ctx: &Ctx, actor: &Actor, row: &Authorizer, is_tested: bool) -> activity::Line {
    activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "authorized",
            subject_kind: SubjectKind::Authorizer,
            subject_id: row.id.to_string(),
            subject_name: row.name.clone(),
            note: if is_tested { String::new() } else { "without a test".to_owned() },
        },
    )
}

/// Until a test proves it: what the form says. Never compared with a proven one (`key` is empty).
pub(super) fn declared_identity(credentials: &Credentials) -> Identity {
    let host = ["host", "endpoint", "base_url"].into_iter().find_map(|key| credentials.get(key));
    let place = match (host, credentials.get("port")) {
        (Some(host), Some(port)) => Some(format!("{host}:{port}")),
        (host, _) => host.map(str::to_owned),
    };
    let account = [declared_user(credentials).map(str::to_owned), place];
    let mut label = account.into_iter().flatten().collect::<Vec<_>>().join("@");
    if let Some(database) = credentials.get("database") {
        label = format!("{label}/{database}");
    }
    Identity { key: String::new(), label }
}

/// Typed, and not part of a secret: a new secret does not change whose account it is.
pub(super) fn declared_user(credentials: &Credentials) -> Option<&str> {
    credentials.get("user").or_else(|| credentials.get("access_key_id"))
}
