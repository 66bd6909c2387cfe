//! Reauthorized as somebody else: forget it, keep both, or switch.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::Ctx;
use crate::domain::authorizers::other_account::{self, Choice};
use crate::model::ids::AttemptId;
use crate::model::revocation::RevocationOutcome;
use crate::model::role::Permission;
use crate::web::csrf::Protected;
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::needs::{self, NeedGroup};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

use super::show::{FlowView, flow_views, used_by_text};

#[derive(Template)]
#[template(path = "authorizers/other_account.html")]
struct OtherAccountPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    service_name: String,
    before: String,
    now: String,
    used_by: Vec<FlowView>,
    used_by_text: String,
    groups: Vec<NeedGroup>,
    lost_scopes: String,
    may_switch: bool,
}

#[derive(Deserialize)]
pub struct ChoiceForm {
    #[serde(rename = "do")]
    what: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let found = other_account::show(&ctx, &visitor.actor, &AttemptId::from(id.as_str())).await?;
    let service = ctx.catalog.get(found.before.service_id.as_str());
    let service_name = service
        .map_or_else(|| found.before.service_id.to_string(), |service| service.head.name.clone());
    let up = paths::authorizer(&found.before.id);
    let title = format!("This is another {service_name} account");
    page::ok(&OtherAccountPage {
        layout: Layout::new(&visitor, Section::Authorizers, &title),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), (&found.before.name, &up)],
            "Reauthorize",
        ),
        tile: Tile::of(service, &found.before.service_id),
        id: found.attempt.id.to_string(),
        before: found.before.identity.label,
        now: found.now_label,
        groups: needs::groups(&found.lost, &found.used_by, &service_name),
        lost_scopes: found.lost_scopes.join(", "),
        used_by_text: used_by_text(&found.used_by),
        used_by: flow_views(&found.used_by),
        name: found.before.name,
        service_name,
        may_switch: visitor.actor.may(Permission::SwitchAccounts),
    })
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(form): Protected<ChoiceForm>,
) -> PageResult {
    let choice = match form.what.as_str() {
        "cancel" => Choice::Cancel,
        "keep_both" => Choice::KeepBoth,
        "switch" => Choice::Switch,
        _ => return Err(PageError::BadForm),
    };
    let id = AttemptId::from(id.as_str());
    let chosen = other_account::choose(&ctx, &visitor.actor, &id, choice).await?;
    let text = match choice {
        Choice::Cancel => declined(chosen.withdrawn),
        Choice::KeepBoth => "Connected as a new authorizer. The other one is unchanged.",
        Choice::Switch => "Switched to the other account.",
    };
    flash::success(&session, text);
    page::see_other(&paths::authorizer(chosen.authorizer_id))
}

/// What became of the access that the other account gave.
fn declined(withdrawn: Option<RevocationOutcome>) -> &'static str {
    match withdrawn {
        Some(outcome) if outcome.is_ended() => {
            "The sign-in is forgotten and its access revoked. Nothing else was changed."
        }
        None => {
            "The sign-in is forgotten. Its access is still being revoked; Activity will tell the              result. Nothing else was changed."
        }
        Some(_) => {
            "The sign-in is forgotten. Its access may still be active at the service; see              Activity. Nothing else was changed."
        }
    }
}
