//! One source or destination.
use actix_web::web;
use askama::Template;

use super::notice::{self, Notice};
use super::{Kind, words};
use crate::catalog::service::FlowSpec;
use crate::domain::authorizers;
use crate::domain::flows::read::{self, Tested};
use crate::domain::flows::{self, FlowForm, find};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Badge};
use crate::model::flow::{Flow, FlowKind};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::model::table::Table;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::layout::Layout;
use crate::web::needs::{self, NeedGroup};
use crate::web::page::{self, PageResult};
use crate::web::report::ReportView;
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
    test_path: String,
    may_edit: bool,
    may_test: bool,
    may_cure: bool,
    table: Option<Table>,
    report: Option<ReportView>,
    groups: Vec<NeedGroup>,
    notice: Option<Notice>,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    Kind(kind): Kind,
    id: web::Path<String>,
) -> PageResult {
    page::ok(&draw(&ctx, &visitor, (kind, &id), (Tested::default(), None)).await?)
}

/// *Test data*, *Test write*: with the settings as they are stored. Nothing is changed.
pub async fn test(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (Kind(kind), id): (Kind, web::Path<String>),
    _: Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::UseAuthorizers)?;
    let flow = find::one(&ctx, &visitor.actor, kind, &id).await?;
    let (service, spec) = flows::spec_of(&ctx, &flow)?;
    let form = FlowForm {
        kind,
        service_id: flow.service_id.clone(),
        name: flow.name,
        authorizer_id: Some(flow.authorizer_id),
        settings: flow.settings,
    };
    let account = form.authorizer_id.as_ref();
    let (tested, said) = match Box::pin(read::test(&ctx, &visitor.actor, &form)).await {
        Ok(tested) => {
            let said = tested.fault.as_ref().map(|fault| notice::fault(fault, service, account));
            (tested, said)
        }
        Err(Error::Problems(problems)) => (Tested::default(), Some(unfit(&problems, spec))),
        Err(other) => (Tested::default(), Some(notice::of(other, service, account)?)),
    };
    let is_refused = said.is_some();
    let page = draw(&ctx, &visitor, (kind, &id), (tested, said)).await?;
    if is_refused { page::unprocessable(&page) } else { page::ok(&page) }
}

/// The service's file asks for more than was asked when it was saved.
fn unfit(problems: &Problems, spec: &FlowSpec) -> Notice {
    let label = |key: &String| {
        spec.settings
            .iter()
            .find(|field| field.key == *key)
            .map_or(key.clone(), |field| field.label.clone())
    };
    let fields: Vec<String> = problems.fields().iter().map(|(key, _)| label(key)).collect();
    Notice {
        kind: "warn",
        title: "Its settings are no longer complete".to_owned(),
        text: format!("Press Edit and correct: {}.", fields.join(", ")),
        link: None,
    }
}

async fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    (kind, id): (FlowKind, &str),
    (tested, notice): (Tested, Option<Notice>),
) -> Result<ShowPage, PageError> {
    let flow = find::one(ctx, &visitor.actor, kind, id).await?;
    let account = authorizers::find::authorizer(ctx, &flow.authorizer_id).await?;
    let now = ctx.clock.now();
    let history = find::history(ctx, kind, id).await?.into_iter().take(20);
    let words = words(kind);
    let service = ctx.catalog.get(flow.service_id.as_str());
    let service_name =
        service.map_or_else(|| flow.service_id.to_string(), |service| service.head.name.clone());
    let badge = account.badge(now);
    let stopped = stopped(&account, badge, &service_name);
    let is_stopped = stopped.is_some();
    Ok(ShowPage {
        layout: Layout::new(visitor, words.section, &flow.name),
        crumbs: Crumbs::new(&[(words.many, words.list)], &flow.name),
        tile: Tile::of(service, &flow.service_id),
        lead: format!("{} · {service_name}", words.one),
        account_path: paths::authorizer(&account.id),
        stopped,
        identity: account.identity.label.clone(),
        badge,
        settings: settings(ctx, &flow),
        history: history
            .map(|line| (said(&line.verb, &line.actor_name, &line.note), When::ago(line.at, now)))
            .collect(),
        edit_path: paths::edit_flow(kind, &flow.id),
        test_path: paths::test_flow(kind, &flow.id),
        may_test: visitor.actor.may(Permission::UseAuthorizers) && service.is_some() && !is_stopped,
        delete_path: paths::delete_flow(kind, &flow.id),
        may_edit: visitor.actor.may(Permission::EditFlows),
        may_cure: visitor.actor.may(Permission::EditAuthorizers),
        account: account.name,
        name: flow.name,
        words,
        table: tested.table,
        groups: needs::of_form(&tested.needs),
        report: tested
            .report
            .map(|report| ReportView::new(&report.steps, &service_name, &visitor.actor)),
        // The account's own state says the same, with the way to the cure.
        notice: notice.filter(|_| !is_stopped),
    })
}

fn stopped(account: &Authorizer, badge: Badge, service: &str) -> Option<(String, String, String)> {
    let link = paths::reauthorize(&account.id);
    match badge {
        Badge::Revoking | Badge::Revoked | Badge::Disconnected => Some((
            format!("The token of its account {}", wording::token_state(badge)),
            "Reauthorize the account, or choose another one.".to_owned(),
            link,
        )),
        Badge::Broken | Badge::Locked => {
            let words = wording::cause(
                account.cause.unwrap_or(crate::model::cause::Cause::PeriodEnded),
                service,
            );
            Some((format!("Its account is broken: {}", words.title), words.cure, link))
        }
        _ => None,
    }
}

fn settings(ctx: &Ctx, flow: &Flow) -> Vec<(String, String)> {
    let spec =
        ctx.catalog.get(flow.service_id.as_str()).and_then(|service| service.flow(flow.kind));
    let Some(spec) = spec else {
        return flow.settings.clone().into_iter().collect();
    };
    let shown = |field: &crate::catalog::field::FieldSpec| {
        let value = flow.settings.get(&field.key).filter(|value| !value.is_empty())?;
        let label = field
            .options
            .iter()
            .find(|choice| choice.value == *value)
            .map_or(value, |choice| &choice.label);
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
    if note.is_empty() {
        format!("{verb} by {actor}")
    } else {
        format!("{verb} by {actor}: {note}")
    }
}
