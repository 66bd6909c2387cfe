//! *Revoke Token*: what will stop, then the receipt.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::authorizers::find::{self, Dependent};
use crate::domain::authorizers::revoke::{self, BlastRadius};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::flow::FlowKind;
use crate::model::ids::AuthorizerId;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, wording};

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
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    let id = AuthorizerId::from(id.as_str());
    match revoke::revoke(&ctx, &visitor.actor, &id).await {
        Ok(()) => {}
        // A double click: the first one has done it, the receipt is there.
        Err(crate::domain::Error::WrongState(_)) => {
            flash::failure(&session, "It was revoked already.")
        }
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
    page::ok(&receipt_of(&ctx, &visitor, &row, &used_by)?)
}

fn receipt_of(
    ctx: &Ctx,
    visitor: &Visitor,
    row: &Authorizer,
    used_by: &[Dependent],
) -> Result<ReceiptPage, PageError> {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let outcome = row.revocation.clone().unwrap_or_default();
    let (code, detail) = outcome
        .split_once(": ")
        .map_or((outcome.as_str(), None), |(code, words)| (code, Some(words.to_owned())));
    let (kind, text, answer) = words(code, &service_name);
    let up = paths::authorizer(&row.id);
    if row.lifecycle == Lifecycle::Revoking {
        return Ok(under_way(ctx, visitor, row, service_name));
    }
    let mut facts = vec![("Answer", answer), ("Stored token", "Wiped".to_owned())];
    if let Some(at) = row.revoked_at {
        facts.insert(0, ("Revoked", wording::full(at)));
    }
    facts.push(("Stopped", super::show::used_by_text(used_by)));
    Ok(ReceiptPage {
        layout: Layout::new(visitor, Section::Authorizers, "Token revoked"),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers()), (&row.name, &up)], "Receipt"),
        id: row.id.to_string(),
        title: "Token revoked",
        kind,
        text,
        facts,
        provider_page: service.and_then(|service| service.lifetime.provider_page.clone()),
        detail: detail.filter(|_| visitor.actor.may(Permission::Administer)),
        may_edit: visitor.actor.may(Permission::EditAuthorizers) && service.is_some(),
        service_name,
    })
}

/// The service has not answered yet.
fn under_way(ctx: &Ctx, visitor: &Visitor, row: &Authorizer, service_name: String) -> ReceiptPage {
    let service = ctx.catalog.get(row.service_id.as_str());
    let up = paths::authorizer(&row.id);
    let mut facts = vec![
        (
            "Answer",
            if row.failure_count == 0 {
                "It is being asked.".to_owned()
            } else {
                "None yet.".to_owned()
            },
        ),
        ("Tries", format!("{} of {}", row.failure_count, revoke::TRIES)),
        (
            "Stored token",
            "Kept to withdraw it, and used for nothing else. Wiped after the last try in any case."
                .to_owned(),
        ),
    ];
    if let Some(at) = row.next_try_at.filter(|_| row.failure_count > 0) {
        facts.insert(2, ("Next try", wording::full(at)));
    }
    ReceiptPage {
        layout: Layout::new(visitor, Section::Authorizers, "Token is being revoked"),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers()), (&row.name, &up)], "Receipt"),
        id: row.id.to_string(),
        title: "Token is being revoked",
        kind: "warn",
        text: format!(
            "Nothing here uses it any more. {service_name} has not withdrawn the access yet, and is asked again by itself."
        ),
        facts,
        provider_page: service.and_then(|service| service.lifetime.provider_page.clone()),
        detail: row
            .revocation
            .clone()
            .and_then(|said| said.split_once(": ").map(|(_, words)| words.to_owned()))
            .filter(|_| visitor.actor.may(Permission::Administer)),
        may_edit: false,
        service_name,
    }
}

fn words(code: &str, service: &str) -> (&'static str, String, String) {
    match code {
        "confirmed" => (
            "ok",
            format!("{service} withdrew the access, and the old token no longer works."),
            "Withdrawn. Then the old token was used once, and refused.".to_owned(),
        ),
        "accepted" => (
            "ok",
            format!(
                "{service} said that it withdrew the access. It could not be proved by a call."
            ),
            "Withdrawn, as it says.".to_owned(),
        ),
        "no_endpoint" => (
            "warn",
            format!(
                "What we had stored is wiped. {service} cannot be asked from here: to be sure, remove the access or change the secret there."
            ),
            "Not asked: it offers no way.".to_owned(),
        ),
        "failed" => (
            "warn",
            format!(
                "What we had stored is wiped, but {service} did not withdraw the access. Remove it there."
            ),
            "It did not do it.".to_owned(),
        ),
        _ => (
            "warn",
            format!("What we had stored is wiped. {service} was not asked."),
            "Not asked: the token could not be read.".to_owned(),
        ),
    }
}

/// Under the button on the authorizer's page.
pub fn what_it_does(service: &str, has_endpoint: bool) -> String {
    if has_endpoint {
        format!(
            "Withdraws the access at {service} and wipes the stored token. The entry stays and can be reauthorized."
        )
    } else {
        "Wipes the stored secrets. The entry stays and can be reauthorized.".to_owned()
    }
}
