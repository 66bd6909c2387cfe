//! One source or destination.
use actix_web::web;
use askama::Template;

use super::{Kind, words};
use crate::domain::Ctx;
use crate::domain::authorizers;
use crate::domain::flows::find;
use crate::model::authorizer::{Authorizer, Badge};
use crate::model::flow::Flow;
use crate::model::role::Permission;
use crate::web::layout::Layout;
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Template)]
#[template(path = "flows/show.html")]
struct ShowPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    words: super::Words,
    name: String,
    lead: String,
    account_path: String,
    account: String,
    identity: String,
    badge: Badge,
    /// What is wrong with its account, what to do, and where.
    stopped: Option<(String, String, String)>,
    settings: Vec<(String, String)>,
    history: Vec<(String, When)>,
    edit_path: String,
    delete_path: String,
    may_edit: bool,
    may_cure: bool,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, Kind(kind): Kind, id: web::Path<String>) -> PageResult {
    let flow = find::one(&ctx, &visitor.actor, kind, &id).await?;
    let account = authorizers::find::authorizer(&ctx, &flow.authorizer_id).await?;
    let now = ctx.clock.now();
    let history = find::history(&ctx, kind, &id).await?.into_iter().take(20);
    let words = words(kind);
    let service = ctx.catalog.get(flow.service_id.as_str());
    let service_name = service.map_or_else(|| flow.service_id.to_string(), |service| service.head.name.clone());
    let badge = account.badge(now);
    page::ok(&ShowPage {
        layout: Layout::new(&visitor, words.section, &flow.name),
        crumbs: Crumbs::new(&[(words.many, words.list)], &flow.name),
        tile: Tile::of(service, &flow.service_id),
        lead: format!("{} · {service_name}", words.one),
        account_path: paths::authorizer(&account.id),
        stopped: stopped(&account, badge, &service_name),
        identity: account.identity.label.clone(),
        badge,
        settings: settings(&ctx, &flow),
        history: history.map(|line| (said(&line.verb, &line.actor_name, &line.note), When::ago(line.at, now))).collect(),
        edit_path: paths::edit_flow(kind, &flow.id),
        delete_path: paths::delete_flow(kind, &flow.id),
        may_edit: visitor.actor.may(Permission::EditFlows) && service.is_some(),
        may_cure: visitor.actor.may(Permission::EditAuthorizers),
        account: account.name,
        name: flow.name,
        words,
    })
}

fn stopped(account: &Authorizer, badge: Badge, service: &str) -> Option<(String, String, String)> {
    let link = paths::reauthorize(&account.id);
    match badge {
        Badge::Revoked => Some((
            "The token of its account was revoked".to_owned(),
            "Reauthorize the account, or choose another one.".to_owned(),
            link,
        )),
        Badge::Broken | Badge::Locked => {
            let words = wording::cause(account.cause.unwrap_or(crate::model::cause::Cause::TokenExpired), service);
            Some((format!("Its account is broken: {}", words.title), words.cure, link))
        }
        _ => None,
    }
}

fn settings(ctx: &Ctx, flow: &Flow) -> Vec<(String, String)> {
    let spec = ctx.catalog.get(flow.service_id.as_str()).and_then(|service| service.flow(flow.kind));
    let Some(spec) = spec else { return flow.settings.clone().into_iter().collect() };
    let shown = |field: &crate::catalog::field::FieldSpec| {
        let value = flow.settings.get(&field.key).filter(|value| !value.is_empty())?;
        let label = field.options.iter().find(|choice| choice.value == *value).map_or(value, |choice| &choice.label);
        Some((field.label.clone(), label.clone()))
    };
    spec.settings.iter().filter_map(shown).collect()
}

fn said(verb: &str, actor: &str, note: &str) -> String {
    let verb = match verb {
        "created" => "Created",
        "edited" => "Edited",
        other => other,
    };
    if note.is_empty() { format!("{verb} by {actor}") } else { format!("{verb} by {actor}: {note}") }
}
