//! New and edit: the form as it is opened; `actions` answers its buttons.
use actix_session::Session;
use actix_web::web;
use serde::Deserialize;

use super::Kind;
use super::actions::pressed;
use super::form::{self, Place, Shown};
use super::notice::Notice;
use super::state::State;
use crate::domain::Ctx;
use crate::domain::authorizers::complete;
use crate::domain::flows::{self, find};
use crate::model::attempt::Attempt;
use crate::model::ids::{AttemptId, ServiceId};
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

/// How the browser comes back from a trip.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    draft: String,
    authorizer: String,
    attempt: String,
}

pub async fn get_new(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    Kind(kind): Kind,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    let (service, flow) = flows::spec(&ctx, kind, &ServiceId::from(id.as_str()))?;
    let place = Place { kind, service, flow, target: None };
    let kept = State::of_draft(&ctx, &visitor.actor, place, &query.draft).await?;
    back(&ctx, &visitor, place, (kept, State::default()), &query).await
}

pub async fn get_edit(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    Kind(kind): Kind,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    let stored = find::one(&ctx, &visitor.actor, kind, &id).await?;
    let (service, flow) = flows::spec_of(&ctx, &stored)?;
    let place = Place { kind, service, flow, target: Some((&id, stored.version)) };
    let kept = State::of_draft(&ctx, &visitor.actor, place, &query.draft).await?;
    let fresh = State::of_stored(&stored.name, &stored.authorizer_id, &stored.settings);
    back(&ctx, &visitor, place, (kept, fresh), &query).await
}

/// A fresh form, or one whose owner comes back with an account or with the reason why there is none.
async fn back(
    ctx: &Ctx,
    visitor: &Visitor,
    place: Place<'_>,
    (kept, fresh): (Option<State>, State),
    query: &Query,
) -> PageResult {
    let mut shown = Shown::default();
    if kept.is_none() && !query.draft.is_empty() {
        shown.notice = Some(Notice {
            kind: "warn",
            title: "What was kept is no longer there".to_owned(),
            text: "An unfinished form is kept for a day, for whoever began it. This one was finished, discarded or is too old."
                .to_owned(),
            link: None,
        });
    }
    let mut state = kept.unwrap_or(fresh);
    if !query.authorizer.is_empty() {
        state.drop_account();
        state.set("authorizer", &query.authorizer);
        shown.is_loading = true;
    }
    if !query.attempt.is_empty() {
        shown.is_panel_open = true;
        let said = attempt(ctx, visitor, &query.attempt, &place.service.head.name).await?;
        shown.notice = said.or(shown.notice);
    }
    page::ok(&form::draw(ctx, visitor, place, &state, shown).await?)
}

async fn attempt(
    ctx: &Ctx,
    visitor: &Visitor,
    id: &str,
    service: &str,
) -> Result<Option<Notice>, PageError> {
    let Ok(attempt) = complete::find(ctx, &visitor.actor, &AttemptId::from(id)).await else {
        return Ok(None);
    };
    if attempt.cause.is_none() {
        return Ok(None);
    }
    let words = wording::attempt(&attempt, service, ctx.clock.now());
    let missing = attempt.missing_scopes.join(", ");
    let missing = if missing.is_empty() { String::new() } else { format!(" Missing: {missing}.") };
    Ok(Some(Notice {
        kind: "warn",
        title: words.title,
        text: format!("{} {}{missing} Everything you typed is still here.", words.text, words.cure),
        link: link_to(&attempt, visitor),
    }))
}

/// A sign-in that is kept is finished on the attempt's page; an admin reads there what the service said.
fn link_to(attempt: &Attempt, visitor: &Visitor) -> Option<(String, String)> {
    let label = if attempt.grant_until.is_some() {
        "Try again"
    } else if attempt.detail.is_some() && visitor.actor.may(Permission::Administer) {
        "What the service answered"
    } else {
        return None;
    };
    Some((paths::attempt(&attempt.id), label.to_owned()))
}

pub async fn post_new(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (Kind(kind), id): (Kind, web::Path<String>),
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    let (service, flow) = flows::spec(&ctx, kind, &ServiceId::from(id.as_str()))?;
    pressed(&ctx, &visitor, &session, Place { kind, service, flow, target: None }, &raw).await
}

pub async fn post_edit(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (Kind(kind), id): (Kind, web::Path<String>),
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    let stored = find::one(&ctx, &visitor.actor, kind, &id).await?;
    let (service, flow) = flows::spec_of(&ctx, &stored)?;
    let version = raw.text("version").parse().map_err(|_| PageError::BadForm)?;
    pressed(
        &ctx,
        &visitor,
        &session,
        Place { kind, service, flow, target: Some((&id, version)) },
        &raw,
    )
    .await
}
