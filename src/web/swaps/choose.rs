//! The account that takes over: one of the same service, or a new one.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::authorizers::{find, list};
use crate::domain::swaps::check;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{AuthorizerRow, Badge};
use crate::model::ids::AuthorizerId;
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::authorizers::lead;
use crate::web::authorizers::show::{FlowView, flow_views, used_by_text};
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{paths, session, wording};

#[derive(Template)]
#[template(path = "swaps/choose.html")]
struct ChoosePage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    lead: String,
    service_name: String,
    used_by: Vec<FlowView>,
    used_by_text: String,
    form: FormState,
    has_choice: bool,
    may_add: bool,
    may_ask: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    with: String,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> PageResult {
    draw(&ctx, &visitor, &AuthorizerId::from(id.as_str()), (&query.with, &Problems::new())).await
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    cookie: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let id = AuthorizerId::from(id.as_str());
    if form.text("action") == "add" {
        visitor.must(Permission::EditAuthorizers)?;
        let old = find::authorizer(&ctx, &id).await?;
        session::keep_replacing(&cookie, &old.id);
        return page::see_other(&paths::set_up_authorizer(&old.service_id));
    }
    let with = form.text("with");
    let chosen = Some(with).filter(|with| !with.is_empty()).map(AuthorizerId::from);
    match check::start(&ctx, &visitor.actor, &id, chosen).await {
        Ok(swap) => {
            session::end_replacing(&cookie);
            page::see_other(&paths::swap(swap))
        }
        Err(Error::Problems(problems)) => draw(&ctx, &visitor, &id, (with, &problems)).await,
        Err(other) => Err(other.into()),
    }
}

async fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    id: &AuthorizerId,
    (with, problems): (&str, &Problems),
) -> PageResult {
    may_replace(visitor)?;
    let row = find::authorizer(ctx, id).await?;
    let used_by = find::used_by(ctx, id).await?;
    let mut others = list::choices_for(ctx, &visitor.actor, &row.service_id).await?;
    others.retain(|other| other.id != row.id);
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let labels: Vec<(String, String)> =
        others.iter().map(|other| (other.id.to_string(), label(other))).collect();
    let select = FieldState::new(InputKind::Select, "with", "Account that takes over")
        .hint("Every source and destination is tested with it first. Nothing is changed until you have seen the results.")
        .choices(labels.iter().map(|(id, label)| (id.as_str(), label.as_str())))
        .value(with)
        .problems(problems);
    let form = FormState::new(vec![select]).problems(problems);
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let up = paths::authorizer(id);
    let page = ChoosePage {
        layout: Layout::new(
            visitor,
            Section::Authorizers,
            &format!("{}Replace {}", form.title_prefix(), row.name),
        ),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), (&row.name, &up)],
            "Replace everywhere",
        ),
        tile: Tile::of(service, &row.service_id),
        id: row.id.to_string(),
        lead: lead(&service_name, &row.identity.label),
        used_by_text: used_by_text(&used_by),
        used_by: flow_views(&used_by),
        has_choice: !others.is_empty(),
        may_add: visitor.actor.may(Permission::EditAuthorizers) && service.is_some(),
        may_ask: visitor.actor.may(Permission::RequestAccounts),
        name: row.name,
        service_name,
        form,
    };
    page::html(status, &page)
}

/// It edits sources and destinations.
pub fn may_replace(visitor: &Visitor) -> Result<(), PageError> {
    visitor.must(Permission::EditFlows)?;
    visitor.must(Permission::UseAuthorizers)
}

/// `Shop EU – etl@eu.example.com (Broken)`
fn label(row: &AuthorizerRow) -> String {
    let account = if row.identity_label.is_empty() {
        String::new()
    } else {
        format!(" – {}", row.identity_label)
    };
    let state = if row.badge == Badge::Connected {
        String::new()
    } else {
        format!(" ({})", wording::badge(row.badge))
    };
    format!("{}{account}{state}", row.name)
}
