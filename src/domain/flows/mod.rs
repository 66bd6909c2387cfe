//! Sources and destinations: one set of verbs for both; the kind is data.
pub mod change;
pub mod create;
pub mod delete;
pub mod find;
pub mod read;

use std::collections::BTreeMap;

use crate::catalog::Service;
use crate::catalog::field::FieldSpec;
use crate::catalog::service::FlowSpec;
use crate::domain::authorizers::service_file;
use crate::domain::fields::{self, Asked};
use crate::domain::{Ctx, Error};
use crate::model::activity::SubjectKind;
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::flow::{Flow, FlowKind};
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::values::Values;
use crate::store;

/// What a form of a source or destination sends.
#[derive(Clone, Debug)]
pub struct FlowForm {
    pub kind: FlowKind,
    pub service_id: ServiceId,
    pub name: String,
    pub authorizer_id: Option<AuthorizerId>,
    /// By the settings' own keys.
    pub settings: Values,
}

/// A form without a fault.
struct Checked {
    name: Name,
    authorizer_id: AuthorizerId,
    settings: Values,
}

/// The service's file and its part for this kind.
pub fn spec<'a>(
    ctx: &'a Ctx,
    kind: FlowKind,
    id: &ServiceId,
) -> Result<(&'a Service, &'a FlowSpec), Error> {
    let service = ctx.catalog.get(id.as_str()).ok_or(Error::NotFound)?;
    Ok((service, service.flow(kind).ok_or(Error::NotFound)?))
}

/// The same for one that is stored: what became of the file is told.
pub fn spec_of<'a>(ctx: &'a Ctx, flow: &Flow) -> Result<(&'a Service, &'a FlowSpec), Error> {
    let service = service_file::service(ctx, &flow.service_id)
        .map_err(|problem| Error::Fault(service_file::fault(&problem)))?;
    let spec = service.flow(flow.kind);
    Ok((service, spec.ok_or(Error::WrongState("its service file has no such part any more"))?))
}

/// All complaints at once: name, account, settings.
/// An edit may keep the account that it has, whatever became of that: renaming does not wait for a cure.
async fn check(ctx: &Ctx, form: &FlowForm, kept: Option<&AuthorizerId>) -> Result<Checked, Error> {
    let (_, flow) = spec(ctx, form.kind, &form.service_id)?;
    let mut problems = Problems::new();
    let name = Name::parse(&form.name).map_err(|complaint| problems.add("name", complaint)).ok();
    let authorizer = account(ctx, form, kept, &mut problems).await?;
    let settings = fields::check(&flow.settings, &form.settings, &ctx.asked());
    let settings = settings.map_err(|found| problems.extend(found)).unwrap_or_default();
    match (name, authorizer) {
        (Some(name), Some(authorizer)) if problems.is_empty() => {
            Ok(Checked { name, authorizer_id: authorizer.id, settings })
        }
        _ => Err(problems.into()),
    }
}

/// The chosen account: of this service, and not revoked.
async fn account(
    ctx: &Ctx,
    form: &FlowForm,
    kept: Option<&AuthorizerId>,
    problems: &mut Problems,
) -> Result<Option<Authorizer>, Error> {
    let Some(id) = form.authorizer_id.clone() else {
        problems.add("authorizer", Complaint::Required);
        return Ok(None);
    };
    let found = ctx.db.read(move |c| store::authorizers::find(c, &id)).await?;
    let fits = |authorizer: &Authorizer| {
        let is_open = authorizer.lifecycle == Lifecycle::Active || kept == Some(&authorizer.id);
        authorizer.service_id == form.service_id && is_open
    };
    let found = found.filter(fits);
    if found.is_none() {
        problems.add("authorizer", Complaint::NotAChoice);
    }
    Ok(found)
}

/// Settings of an unfinished form: what is there is checked, what is missing is not.
pub fn partial(ctx: &Ctx, specs: &[FieldSpec], settings: &Values) -> Values {
    let asked = Asked { is_partial: true, ..ctx.asked() };
    fields::check(specs, settings, &asked).unwrap_or_else(|_| settings.clone())
}

pub(super) fn subject(kind: FlowKind) -> SubjectKind {
    match kind {
        FlowKind::Source => SubjectKind::Source,
        FlowKind::Destination => SubjectKind::Destination,
    }
}

/// How an authorizer's history calls it: `source Orders`.
fn title(flow: &Flow) -> String {
    let kind = match flow.kind {
        FlowKind::Source => "source",
        FlowKind::Destination => "destination",
    };
    format!("{kind} {}", flow.name)
}

/// Loaded choices by key of setting.
pub type Loaded = BTreeMap<String, Vec<crate::model::table::LoadedChoice>>;
