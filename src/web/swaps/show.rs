//! A swap: the tests as they finish, their results, *Replace everywhere*, and the way back.
use actix_session::Session;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web;
use askama::Template;

use super::choose::may_replace;
use super::words::{self, Hero};
use crate::domain::swaps::find::{self, Details};
use crate::domain::swaps::replace::{self, Outcome, Scope};
use crate::domain::swaps::undo;
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::Lifecycle;
use crate::model::ids::SwapId;
use crate::model::role::Permission;
use crate::model::swap::{FlowState, Side, SwapFlow, SwapState};
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::report::ReportView;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, wording};

#[derive(Template)]
#[template(path = "swaps/show.html")]
struct SwapPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    lead: String,
    from: SideView,
    to: SideView,
    hero: Hero,
    is_running: bool,
    /// What can be done now.
    may: May,
    flows: Vec<FlowView>,
}

/// Which buttons are drawn.
#[derive(Default)]
struct May {
    replace_passed: bool,
    replace_all: bool,
    /// Some failed: replacing them too wants a second thought.
    is_risky: bool,
    check_again: bool,
    undo: bool,
    /// The old account is no longer used, and may be deleted.
    delete: bool,
}

struct SideView {
    name: String,
    /// `None` if it is deleted.
    path: Option<String>,
    id: String,
}

struct FlowView {
    kind: &'static str,
    icon: &'static str,
    title: String,
    path: String,
    verdict: String,
    say: String,
    cure: Option<String>,
    copy: Option<String>,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let details = find::details(&ctx, &visitor.actor, &SwapId::from(id.as_str())).await?;
    let is_running = details.swap.state == SwapState::Checking && !details.is_lost;
    let here = paths::swap(&details.swap.id);
    let mut response = page::ok(&page_of(&ctx, &visitor, details))?;
    if is_running && let Ok(refresh) = HeaderValue::from_str(&format!("1; url={here}")) {
        response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    }
    Ok(response)
}

/// *Replace everywhere*. A second click finds it done, and says so.
pub async fn replace(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let id = SwapId::from(id.as_str());
    let scope = match form.text("scope") {
        "all" => Scope::All,
        "passed" => Scope::Passed,
        _ => return Err(PageError::BadForm),
    };
    match replace::replace(&ctx, &visitor.actor, &id, scope).await {
        Ok(Outcome::Replaced(number)) => flash::success(&session, words::replaced(number)),
        Ok(refused) => flash::failure(&session, words::refused(&refused)),
        Err(Error::Stale | Error::WrongState(_)) => {}
        Err(other) => return Err(other.into()),
    }
    page::see_other(&paths::swap(id))
}

pub async fn undo(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    let id = SwapId::from(id.as_str());
    match undo::undo(&ctx, &visitor.actor, &id).await {
        Ok(undone) => flash::success(&session, words::undone(&undone)),
        Err(Error::WrongState(why)) => {
            flash::failure(&session, format!("It was not undone: {why}."))
        }
        Err(Error::Stale) => {}
        Err(other) => return Err(other.into()),
    }
    page::see_other(&paths::swap(id))
}

fn page_of(ctx: &Ctx, visitor: &Visitor, details: Details) -> SwapPage {
    let swap = &details.swap;
    let service = ctx.catalog.get(swap.service_id.as_str());
    let service_name =
        service.map_or_else(|| swap.service_id.to_string(), |service| service.head.name.clone());
    let (from, to) = (side(&swap.from), side(&swap.to));
    let above = from.path.clone().unwrap_or_else(|| paths::authorizers().to_owned());
    let title = format!("{} in the place of {}", to.name, from.name);
    SwapPage {
        layout: Layout::new(visitor, Section::Authorizers, &title),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), (&from.name, &above)],
            "Replace everywhere",
        ),
        tile: Tile::of(service, &swap.service_id),
        id: swap.id.to_string(),
        lead: format!(
            "{service_name} · tested by {}, {}",
            swap.started_by_name,
            wording::full(swap.started_at)
        ),
        hero: words::hero(&details, ctx.clock.now()),
        is_running: swap.state == SwapState::Checking && !details.is_lost,
        may: may(ctx, visitor, &details),
        flows: details
            .flows
            .iter()
            .map(|flow| flow_view(flow, (swap.state, &service_name), &visitor.actor))
            .collect(),
        from,
        to,
    }
}

fn may(ctx: &Ctx, visitor: &Visitor, details: &Details) -> May {
    let (swap, now) = (&details.swap, ctx.clock.now());
    let passed = details.flows.iter().filter(|flow| flow.state == FlowState::Passed).count();
    let is_allowed = may_replace(visitor).is_ok();
    let is_ready = is_allowed
        && swap.state == SwapState::Checked
        && !swap.is_stale(now)
        && details.to.is_some();
    let is_checked = swap.state == SwapState::Checked || details.is_lost;
    let is_free = swap.state == SwapState::Replaced
        && details.flows.iter().all(|flow| flow.replaced_version.is_some());
    May {
        replace_passed: is_ready && passed > 0 && passed < details.flows.len(),
        replace_all: is_ready,
        is_risky: passed < details.flows.len(),
        check_again: is_allowed && is_checked && details.to.is_some() && details.from.is_some(),
        undo: is_allowed
            && swap.way_back(now).is_some()
            && details.from.as_ref().is_some_and(|old| old.lifecycle == Lifecycle::Active),
        delete: is_free
            && details.from.is_some()
            && visitor.actor.may(Permission::DeleteAuthorizers),
    }
}

fn side(side: &Side) -> SideView {
    SideView {
        name: side.name.clone(),
        path: side.id.as_ref().map(paths::authorizer),
        id: side.id.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn flow_view(flow: &SwapFlow, (state, service): (SwapState, &str), actor: &Actor) -> FlowView {
    let report = ReportView::new(&flow.steps, service, actor);
    let failed = report
        .steps
        .into_iter()
        .find(|step| step.kind == "bad")
        .filter(|_| flow.state == FlowState::Failed);
    let (kind, icon) = match flow.state {
        FlowState::Waiting => ("run", "hourglass"),
        FlowState::Passed => ("ok", "check"),
        FlowState::Failed => ("bad", "x"),
    };
    let (say, cure, copy) = match failed {
        Some(step) => (step.say, step.cure, step.copy),
        None => (words::passed(flow), None, None),
    };
    FlowView {
        kind,
        icon,
        title: flow.name.clone(),
        path: paths::flow(flow.kind, &flow.id),
        verdict: words::verdict(flow, state),
        say,
        cure,
        copy,
    }
}
