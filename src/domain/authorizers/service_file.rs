//! Holds an authorizer against the file of its service: is it there, does it still fit, does it still name the hosts
//! that the secrets were typed for?
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::destinations::unknown_places;
use crate::catalog::field::{FieldKind, FieldSpec};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, AuthorizerRow, Badge, Health};
use crate::model::credentials::{Credentials, Secret};
use crate::model::file_problem::FileProblem;
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::report::Fault;
use crate::model::secret_binding::SecretBinding;
use crate::store::bindings::Bound;
use crate::store::{self, StoreError};

use super::account;

/// Returns what secrets are bound to that are typed now.
pub fn binding_of(
    service: &Service,
    auth: &AuthSpec,
    values: &BTreeMap<String, Secret>,
) -> SecretBinding {
    let filled = values.iter().filter(|(_, value)| !value.is_empty());
    SecretBinding {
        destinations: service.destinations(auth),
        fields: filled.map(|(key, _)| key.clone()).collect(),
    }
}

/// A fault instead of a call.
pub fn fault(problem: &FileProblem) -> Fault {
    Fault { fields: problem.fields(), detail: problem.detail(), ..Fault::new(problem.cause()) }
}

/// Finds the file's service.
pub fn service<'a>(ctx: &'a Ctx, id: &ServiceId) -> Result<&'a Service, FileProblem> {
    ctx.catalog.get(id.as_str()).ok_or_else(|| {
        let is_broken = ctx.catalog.is_broken(id.as_str());
        if is_broken { FileProblem::Broken } else { FileProblem::Missing }
    })
}

/// Finds the file's service and way to authorize.
pub fn find<'a>(
    ctx: &'a Ctx,
    service_id: &ServiceId,
    auth_id: &str,
) -> Result<(&'a Service, &'a AuthSpec), FileProblem> {
    let service = service(ctx, service_id)?;
    match service.auth(auth_id) {
        Some(auth) => Ok((service, auth)),
        None => Err(FileProblem::MethodGone(auth_id.to_owned())),
    }
}

/// Decides before a call: every field that is asked for has a value, and no secret goes where it was not typed for.
pub fn check(
    service: &Service,
    auth: &AuthSpec,
    credentials: &Credentials,
    binding: Option<&SecretBinding>,
) -> Result<(), FileProblem> {
    let value = |key: &str| {
        let typed = credentials.get(key);
        let spec = auth.fields.iter().find(|spec| spec.key == key);
        typed.or_else(|| spec.and_then(|spec| spec.default.as_deref()))
    };
    let is_missing = |spec: &&FieldSpec| {
        is_mandatory(spec) && spec.is_asked_by(value) && value(&spec.key).is_none()
    };
    let missing: Vec<String> =
        auth.fields.iter().filter(is_missing).map(|spec| spec.key.clone()).collect();
    if !missing.is_empty() {
        return Err(FileProblem::FieldsMissing(missing));
    }
    check_destinations(service, auth, binding)
}

fn check_destinations(
    service: &Service,
    auth: &AuthSpec,
    binding: Option<&SecretBinding>,
) -> Result<(), FileProblem> {
    let Some(binding) = binding else { return Ok(()) };
    check_places(service, auth, &binding.destinations, |field| binding.fields.contains(field))
}

/// Decides whether the file sends secrets only to places that it named when they were typed. `has_value` tells which
/// fields were filled in.
pub fn check_places(
    service: &Service,
    auth: &AuthSpec,
    known: &BTreeSet<String>,
    has_value: impl Fn(&str) -> bool,
) -> Result<(), FileProblem> {
    let has_value = |field: &str| {
        // What is kept of a grant is no field: its address counts as one that has a value.
        let is_field = auth.fields.iter().any(|spec| spec.key == field);
        !is_field || has_value(field)
    };
    let unknown = unknown_places(&service.destinations(auth), known, has_value);
    if unknown.is_empty() { Ok(()) } else { Err(FileProblem::DestinationsChanged(unknown)) }
}

fn is_mandatory(spec: &FieldSpec) -> bool {
    spec.required
        && spec.default.is_none()
        && !matches!(spec.kind, FieldKind::Boolean | FieldKind::Note)
}

/// The same without opening anything, for lists: fields that are asked for in some cases only are not looked at.
fn check_bound(ctx: &Ctx, service_id: &ServiceId, bound: &Bound) -> Result<(), FileProblem> {
    let (service, auth) = find(ctx, service_id, &bound.auth_id)?;
    let Some(binding) = &bound.binding else { return Ok(()) };
    let is_missing = |spec: &&FieldSpec| {
        is_mandatory(spec) && spec.when.is_none() && !binding.fields.contains(&spec.key)
    };
    let missing: Vec<String> =
        auth.fields.iter().filter(is_missing).map(|spec| spec.key.clone()).collect();
    if !missing.is_empty() {
        return Err(FileProblem::FieldsMissing(missing));
    }
    check_destinations(service, auth, Some(binding))
}

/// Lets an authorizer that its file does not fit be what it is for everybody: broken, with its cause.
pub fn derive(ctx: &Ctx, row: &mut Authorizer, bound: Option<&Bound>) {
    let Some(Err(problem)) = bound.map(|bound| check_bound(ctx, &row.service_id, bound)) else {
        return;
    };
    row.health = Health::Misconfigured;
    row.cause = Some(problem.cause());
    row.cause_fields = problem.fields();
    row.detail = problem.detail();
}

/// The same for a row of a list.
pub fn derive_row(ctx: &Ctx, row: &mut AuthorizerRow, bound: Option<&Bound>) {
    let Some(Err(problem)) = bound.map(|bound| check_bound(ctx, &row.service_id, bound)) else {
        return;
    };
    if !row.badge.is_revoked() {
        row.badge = Badge::Broken;
        row.cause = Some(problem.cause());
    }
}

/// So many rows are recorded in one transaction.
const BINDINGS_AT_ONCE: i64 = 200;

/// Records what secrets are bound to that were stored before there was such a record: what their files say now. Those
/// whose file is gone, or whose key is, are left for another start. The number of those that were recorded.
pub async fn record_bindings(ctx: &Ctx) -> Result<usize, Error> {
    record_app_bindings(ctx).await?;
    let (mut after, mut recorded) = (AuthorizerId::from(""), 0);
    loop {
        let from = after.clone();
        let ids =
            ctx.db.read(move |c| store::bindings::list_unbound(c, &from, BINDINGS_AT_ONCE)).await?;
        let Some(last) = ids.last() else { return Ok(recorded) };
        after = last.clone();
        let mut bound = Vec::new();
        for id in ids {
            let Ok(open) = account::open_for_editing(ctx, &id).await else { continue };
            if open.credentials != Credentials::default() {
                let values = &open.credentials.values;
                bound.push((id, binding_of(&open.service, &open.auth, values)));
            }
        }
        recorded += bound.len();
        ctx.db
            .write(move |c| {
                for (id, binding) in &bound {
                    store::bindings::fill_in(c, id, binding)?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
    }
}

async fn record_app_bindings(ctx: &Ctx) -> Result<(), Error> {
    let services = ctx.db.read(store::bindings::list_unbound_apps).await?;
    for id in services {
        let Some(service) = ctx.catalog.get(id.as_str()) else { continue };
        let places = service.app_destinations();
        ctx.db.write(move |c| store::bindings::fill_in_app(c, &id, &places)).await?;
    }
    Ok(())
}
