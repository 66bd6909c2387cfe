//! One authorizer: status with cause and cure, identity, permissions, used by, how long it lasts, tests, history.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::catalog::Service;
use crate::domain::Ctx;
use crate::domain::authorizers::find::{self, Dependent, Details};
use crate::domain::authorizers::needs::{is_probed, missing};
use crate::model::activity::SubjectKind;
use crate::model::authorizer::{Authorizer, Badge};
use crate::model::flow::FlowKind;
use crate::model::ids::AuthorizerId;
use crate::model::need::Needs;
use crate::model::page::Cursor;
use crate::model::revocation::Revocation;
use crate::model::role::Permission;
use crate::model::test_run::{TestRun, TestState};
use crate::model::time::Moment;
use crate::web::layout::{Layout, Section};
use crate::web::needs::{self, NeedGroup};
use crate::web::page::{self, PageResult};
use crate::web::report;
use crate::web::swaps::choose::may_replace;
use crate::web::swaps::note::{self, SwapNote};
use crate::web::ui::{Crumbs, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

use super::queue::{self, Next};
use super::timeline::{self, Timeline};

#[derive(Template)]
#[template(path = "authorizers/show.html")]
struct ShowPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    lead: String,
    status: Status,
    /// Where the whole of its revocation is told.
    receipt: Option<String>,
    /// Another one that waits for this person.
    next: Option<Next>,
    swap: Option<SwapNote>,
    reauthorize_label: String,
    detail: Option<String>,
    used_by: Vec<FlowView>,
    used_by_text: String,
    is_stopped: bool,
    may_replace: bool,
    groups: Vec<NeedGroup>,
    missing: usize,
    /// When the rights were looked at, where that takes a test.
    looked_at: Option<When>,
    /// A test finds more out than the scopes say.
    is_probed: bool,
    /// Granted, and needed by nothing that we know.
    extra: String,
    ends: Option<String>,
    end_kind: Option<&'static str>,
    lifetime_note: Option<String>,
    access_ends: Option<String>,
    tests: Vec<TestView>,
    facts: Vec<(String, String)>,
    timeline: Timeline,
    all_activity: String,
    revoke_text: String,
    may_edit: bool,
    may_test: bool,
    may_revoke: bool,
    may_delete: bool,
}

struct Status {
    kind: &'static str,
    icon: &'static str,
    badge: Badge,
    title: String,
    text: String,
    cure: Option<String>,
    is_urgent: bool,
}

/// A source or destination, as a link.
pub struct FlowView {
    pub is_source: bool,
    pub kind: &'static str,
    pub name: String,
    pub path: String,
}

struct TestView {
    is_ok: bool,
    path: String,
    verdict: String,
    by: String,
    time: When,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Where the history goes on.
    after: Option<String>,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    query: web::Query<Query>,
) -> PageResult {
    let cursor = Cursor(query.after.clone());
    let details =
        find::details(&ctx, &visitor.actor, &AuthorizerId::from(id.as_str()), cursor).await?;
    let swap = note::note(&ctx, &visitor, &session, &details.authorizer).await?;
    let mut page = page_of(&ctx, &visitor, details, query.after.is_some());
    page.swap = swap;
    if page.status.badge == Badge::Connected {
        page.next = queue::next(&ctx, &visitor).await?;
    }
    page::ok(&page)
}

fn page_of(ctx: &Ctx, visitor: &Visitor, details: Details, is_later: bool) -> ShowPage {
    let now = ctx.clock.now();
    let row = &details.authorizer;
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let may = |permission| visitor.actor.may(permission);
    let badge = row.badge(now);
    let is_active = !badge.is_revoked();
    let is_renewed = matches!(badge, Badge::Connected | Badge::DueSoon | Badge::NotTested);
    let auth = service.and_then(|s| s.auth(&row.auth_id));
    let has_value = |field: &str| {
        // What is kept of a grant is no field, and always there.
        let is_field = auth.is_some_and(|auth| auth.fields.iter().any(|spec| spec.key == field));
        !is_field || details.fields.as_ref().is_some_and(|fields| fields.contains_key(field))
    };
    let has_endpoint = auth.is_some_and(|auth| auth.is_revocable(has_value));
    let is_oauth = auth.is_some_and(|auth| auth.oauth2.is_some());
    ShowPage {
        layout: Layout::new(visitor, Section::Authorizers, &row.name),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers())], &row.name),
        tile: Tile::of(service, &row.service_id),
        id: row.id.to_string(),
        lead: super::lead(&service_name, &row.identity.label),
        status: status(row, details.revocation.as_ref(), &service_name, now),
        receipt: (!is_active).then(|| paths::receipt(&row.id)),
        next: None,
        swap: None,
        reauthorize_label: if is_oauth {
            format!("Reauthorize with {service_name}")
        } else {
            "Reauthorize".to_owned()
        },
        detail: row.detail.clone().filter(|_| may(Permission::Administer)),
        used_by_text: used_by_text(&details.used_by),
        used_by: flow_views(&details.used_by),
        is_stopped: matches!(badge, Badge::Broken | Badge::Locked) || !is_active,
        may_replace: may_replace(visitor).is_ok() && !details.used_by.is_empty(),
        groups: needs::groups(&details.needs.0, &details.used_by, &service_name),
        missing: missing(&details.needs.0),
        looked_at: details.needs.1.map(|at| When::ago(at, now)),
        is_probed: is_active && service.is_some_and(is_probed),
        extra: extra(row, &details.needs.0),
        ends: is_active.then(|| wording::end_of((&details.ending, is_renewed), &service_name, now)),
        end_kind: details.ending.at.map(|_| wording::end_kind(details.ending.kind)),
        lifetime_note: service.and_then(|service| service.lifetime.note.clone()),
        access_ends: row
            .access_expires_at
            .filter(|_| is_oauth && is_active)
            .map(|at| access_ends(at, now)),
        tests: details.tests.into_iter().take(5).map(|run| test_view(run, now)).collect(),
        facts: facts(row, service, details.fields.as_ref()),
        timeline: timeline::timeline(
            ctx,
            (row.id.as_str(), &service_name),
            details.activity,
            is_later,
        ),
        all_activity: paths::activity_of(SubjectKind::Authorizer.code(), &row.id),
        revoke_text: super::revoke::what_it_does(&service_name, has_endpoint),
        may_edit: may(Permission::EditAuthorizers) && service.is_some(),
        may_test: may(Permission::TestAuthorizers) && is_active,
        may_revoke: may(Permission::RevokeAuthorizers) && is_active,
        may_delete: may(Permission::DeleteAuthorizers),
        name: details.authorizer.name,
    }
}

fn status(row: &Authorizer, revocation: Option<&Revocation>, service: &str, now: Moment) -> Status {
    let badge = row.badge(now);
    let plain = |kind, icon, title: &str, text: String| Status {
        kind,
        icon,
        badge,
        title: title.to_owned(),
        text,
        cure: None,
        is_urgent: false,
    };
    match badge {
        Badge::Connected => {
            plain("ok", "circle-check", "Works", format!("{service} accepts this account."))
        }
        Badge::DueSoon => {
            let text = row.ends_at.map(|end| {
                format!("The access ends on {}, {}.", wording::day(end), wording::in_days(end, now))
            });
            Status {
                cure: Some("Reauthorize it before then. Nothing has to be set up anew.".to_owned()),
                is_urgent: true,
                ..plain("warn", "clock-exclamation", "Ends soon", text.unwrap_or_default())
            }
        }
        Badge::NotTested => plain(
            "info",
            "circle-dashed",
            "Nobody knows yet",
            "It was saved without a test. Test it to be sure that it works.".to_owned(),
        ),
        Badge::Revoking | Badge::Revoked | Badge::Disconnected => {
            let unknown = Revocation { outcome: row.revocation, detail: None, pending: None };
            let words = wording::revocation(revocation.unwrap_or(&unknown), service);
            let kind = if words.kind == "ok" { "info" } else { words.kind };
            let text = format!("{} Reauthorize it to use it again.", words.text);
            plain(kind, "ban", words.title, text)
        }
        Badge::Retrying | Badge::Broken | Badge::Locked => failing(row, badge, service, now),
    }
}

fn failing(row: &Authorizer, badge: Badge, service: &str, now: Moment) -> Status {
    let cause = row.cause.unwrap_or(crate::model::cause::Cause::PeriodEnded);
    let words = wording::cause(cause, service);
    let since = row
        .first_failed_at
        .map(|at| format!(" Since {}, {}.", wording::full(at), wording::ago(at, now)));
    let next = row
        .next_try_at
        .filter(|_| badge == Badge::Retrying)
        .map(|at| format!(" Next try at {}.", wording::clock(at)));
    Status {
        kind: if badge == Badge::Retrying { "info" } else { "bad" },
        icon: if badge == Badge::Retrying { "refresh" } else { "alert-octagon" },
        badge,
        title: words.title,
        text: format!("{}{}{}", words.text, since.unwrap_or_default(), next.unwrap_or_default()),
        cure: Some(words.cure),
        is_urgent: badge != Badge::Retrying,
    }
}

/// `3 sources and 1 destination use`
pub fn used_by_text(used_by: &[Dependent]) -> String {
    let count = |wanted: FlowKind| {
        i64::try_from(used_by.iter().filter(|(kind, ..)| *kind == wanted).count()).unwrap_or(0)
    };
    let parts = super::list::used_by(count(FlowKind::Source), count(FlowKind::Destination));
    if parts.is_empty() { "Not used".to_owned() } else { parts.join(" and ") }
}

pub fn flow_views(used_by: &[Dependent]) -> Vec<FlowView> {
    let view = |(kind, id, name): &Dependent| match kind {
        FlowKind::Source => FlowView {
            is_source: true,
            kind: "Source",
            name: name.clone(),
            path: paths::source(id),
        },
        FlowKind::Destination => FlowView {
            is_source: false,
            kind: "Destination",
            name: name.clone(),
            path: paths::destination(id),
        },
    };
    used_by.iter().map(view).collect()
}

/// Scopes that nothing here needs: worth knowing for who wants to grant little.
fn extra(row: &Authorizer, needs: &[Needs]) -> String {
    let is_needed = |scope: &&String| {
        needs.iter().flat_map(|needs| &needs.needs).any(|need| need.what == **scope)
    };
    row.granted_scopes
        .iter()
        .filter(|scope| !is_needed(scope))
        .cloned()
        .collect::<Vec<_>>()
        .join(", ")
}

fn access_ends(at: Moment, now: Moment) -> String {
    if at <= now {
        "The access token has run out; it is renewed when it is needed next.".to_owned()
    } else {
        format!("The access token lasts until {}; it is renewed by itself.", wording::full(at))
    }
}

fn test_view(run: TestRun, now: Moment) -> TestView {
    let verdict = match run.state {
        TestState::Running => "Running".to_owned(),
        TestState::Passed => "Passed".to_owned(),
        TestState::Failed => report::failed_at(&run.steps).unwrap_or_else(|| "Failed".to_owned()),
    };
    TestView {
        is_ok: run.state != TestState::Failed,
        path: paths::test(&run.id),
        verdict,
        by: format!("By {}", run.started_by_name),
        time: When::ago(run.started_at, now),
    }
}

fn facts(
    row: &Authorizer,
    service: Option<&Service>,
    fields: Option<&crate::model::values::Values>,
) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |label: &str, value: String| {
        if !value.is_empty() {
            facts.push((label.to_owned(), value));
        }
    };
    add("Account", row.identity.label.clone());
    if row.identity.key != row.identity.label {
        add("Account ID", row.identity.key.clone());
    }
    let auth = service.and_then(|service| service.auth(&row.auth_id));
    add("Authorized by", auth.map_or_else(|| row.auth_id.clone(), |auth| auth.label.clone()));
    for spec in
        auth.iter().flat_map(|auth| &auth.fields).filter(|spec| !spec.secret && !spec.is_note())
    {
        let value = fields.and_then(|fields| fields.get(&spec.key)).cloned().unwrap_or_default();
        add(
            &spec.label,
            spec.options
                .iter()
                .find(|choice| choice.value == value)
                .map_or(value, |choice| choice.label.clone()),
        );
    }
    add("Created", wording::date(row.created_at));
    add("Last checked", row.last_checked_at.map(wording::full).unwrap_or_default());
    add("Worked last", row.last_ok_at.map(wording::full).unwrap_or_default());
    facts
}
