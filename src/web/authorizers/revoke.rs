//! *Revoke Token*: what will stop, then the receipt.
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::authorizers::find::{self, Dependent};
use crate::domain::authorizers::revoke::{self, BlastRadius};
use crate::domain::withdrawals::TRIES;
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::flow::FlowKind;
use crate::model::ids::AuthorizerId;
use crate::model::revocation::Revocation;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Template)]
#[template(path = "authorizers/revoke.html")]
struct RevokePage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    lead: String,
    service_name: String,
    stops: Vec<Stop>,
    /// Path and name.
    siblings: Vec<(String, String)>,
    has_endpoint: bool,
    provider_page: Option<String>,
}

struct Stop {
    is_source: bool,
    count: String,
    names: String,
}

#[derive(Template)]
#[template(path = "authorizers/receipt.html")]
struct ReceiptPage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    service_name: String,
    title: &'static str,
    kind: &'static str,
    text: String,
    facts: Vec<(&'static str, String)>,
    provider_page: Option<String>,
    detail: Option<String>,
    may_edit: bool,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let radius =
        revoke::blast_radius(&ctx, &visitor.actor, &AuthorizerId::from(id.as_str())).await?;
    if radius.authorizer.lifecycle != Lifecycle::Active {
        return page::see_other(&paths::receipt(&radius.authorizer.id));
    }
    page::ok(&page_of(&ctx, &visitor, radius))
}

fn page_of(ctx: &Ctx, visitor: &Visitor, radius: BlastRadius) -> RevokePage {
    let row = radius.authorizer;
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let up = paths::authorizer(&row.id);
    RevokePage {
        layout: Layout::new(
            visitor,
            Section::Authorizers,
            &format!("Revoke the token of {}?", row.name),
        ),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), (&row.name, &up)],
            "Revoke Token",
        ),
        tile: Tile::of(service, &row.service_id),
        lead: super::lead(&service_name, &row.identity.label),
        stops: stops(&radius.used_by),
        siblings: radius
            .siblings
            .into_iter()
            .map(|other| (paths::authorizer(&other.id), other.name))
            .collect(),
        has_endpoint: radius.has_endpoint,
        provider_page: service.and_then(|service| service.lifetime.provider_page.clone()),
        id: row.id.to_string(),
        name: row.name,
        service_name,
    }
}

fn stops(used_by: &[Dependent]) -> Vec<Stop> {
    let of = |wanted: FlowKind, one: &str| {
        let names: Vec<&str> = used_by
            .iter()
            .filter(|(kind, ..)| *kind == wanted)
            .map(|(_, _, name)| name.as_str())
            .collect();
        (!names.is_empty()).then(|| Stop {
            is_source: wanted == FlowKind::Source,
            count: wording::count(names.len(), one),
            names: names.join(", "),
        })
    };
    [of(FlowKind::Source, "source"), of(FlowKind::Destination, "destination")]
        .into_iter()
        .flatten()
        .collect()
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    _: Protected<RawForm>,
) -> PageResult {
    let id = AuthorizerId::from(id.as_str());
    match revoke::revoke(&ctx, &visitor.actor, &id).await {
        Ok(()) => {}
        // A double click: the first one has done it, the receipt tells how it went.
        Err(crate::domain::Error::WrongState(_)) => {}
        Err(other) => return Err(other.into()),
    }
    page::see_other(&paths::receipt(&id))
}

pub async fn receipt(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    visitor.must(Permission::SeeAuthorizers)?;
    let id = AuthorizerId::from(id.as_str());
    let row = find::authorizer(&ctx, &id).await?;
    if row.lifecycle == Lifecycle::Active {
        return page::see_other(&paths::authorizer(&id));
    }
    let used_by = find::used_by(&ctx, &id).await?;
    let revocation = revoke::find_revocation(&ctx, &row).await?;
    let is_pending = revocation.pending.is_some();
    let mut response = page::ok(&receipt_of(&ctx, &visitor, row, (revocation, &used_by)))?;
    if is_pending
        && let Ok(refresh) =
            HeaderValue::from_str(&format!("{FOLLOW_EVERY}; url={}", paths::receipt(&id)))
    {
        response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    }
    Ok(response)
}

/// How often a receipt that waits for the service asks for itself again, in seconds.
const FOLLOW_EVERY: u32 = 15;

fn receipt_of(
    ctx: &Ctx,
    visitor: &Visitor,
    row: Authorizer,
    (revocation, used_by): (Revocation, &[Dependent]),
) -> ReceiptPage {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let words = wording::revocation(&revocation, &service_name);
    let up = paths::authorizer(&row.id);
    let mut facts = Vec::new();
    if let Some(at) = row.revoked_at {
        facts.push(("Revoked", wording::full(at)));
    }
    facts.push(("Answer", words.answer));
    match revocation.pending {
        Some(pending) => {
            facts.push(("Tries", format!("{} of {TRIES}", pending.tries)));
            facts.extend(pending.next_try_at.map(|at| ("Next try", wording::full(at))));
            facts.push(("Stored token", KEPT.to_owned()));
        }
        None => facts.push(("Stored token", "Wiped".to_owned())),
    }
    facts.push(("Stopped", super::show::used_by_text(used_by)));
    ReceiptPage {
        layout: Layout::new(visitor, Section::Authorizers, words.title),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers()), (&row.name, &up)], "Receipt"),
        id: row.id.to_string(),
        title: words.title,
        kind: words.kind,
        text: words.text,
        facts,
        provider_page: service.and_then(|service| service.lifetime.provider_page.clone()),
        detail: revocation.detail.filter(|_| visitor.actor.may(Permission::Administer)),
        may_edit: visitor.actor.may(Permission::EditAuthorizers) && service.is_some(),
        service_name,
    }
}

/// While the service has not confirmed the revocation.
const KEPT: &str = "Kept only to revoke the access. Wiped after the last try in any case.";

/// Under the button on the authorizer's page.
pub fn what_it_does(service: &str, has_endpoint: bool) -> String {
    if has_endpoint {
        format!(
            "Asks {service} to revoke the access and deletes the stored token. The authorizer stays \
             and can be reauthorized."
        )
    } else {
        format!(
            "Deletes the stored secrets. {service} cannot be asked from here. The authorizer stays \
             and can be reauthorized."
        )
    }
}
