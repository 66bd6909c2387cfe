//! The Activity page: every line, the newest first, by kind, subject, verb, person and days.
use actix_web::web;
use askama::Template;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::activity::list::{self, Filter, Listed};
use crate::domain::{Actor, Ctx};
use crate::model::activity::{Activity, SubjectKind};
use crate::model::ids::UserId;
use crate::model::page::Cursor;
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::{Entry, ManageLink, Pager, When};
use crate::web::visitor::Visitor;
use crate::web::wording_activity as words;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    kind: String,
    /// With a kind: the id of one thing. Links set it, no field does.
    subject: String,
    verb: String,
    person: String,
    from: String,
    to: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "activity/list.html")]
struct ListPage {
    layout: Layout,
    is_filtered: bool,
    /// The one thing that lines are about, if they are about one: its id, and its name as far as lines tell it.
    subject: Option<(String, String)>,
    kinds: Vec<Entry>,
    verbs: Vec<Entry>,
    people: Vec<Entry>,
    from: String,
    to: String,
    rows: Vec<RowView>,
    pager: Pager,
}

struct RowView {
    when: When,
    who: String,
    what: String,
    times: Option<String>,
    kind: &'static str,
    subject: String,
    path: Option<String>,
    note: String,
    manage: Option<ManageLink>,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, query: web::Query<Query>) -> PageResult {
    let kind = SubjectKind::from_code(&query.kind);
    let (from, to) = (day(&query.from), day(&query.to));
    let subject = Some(query.subject.clone()).filter(|id| kind.is_some() && !id.is_empty());
    let filter = Filter {
        kind,
        subject: subject.clone(),
        verb: Some(query.verb.clone()).filter(|verb| !verb.is_empty()),
        actor: Some(query.person.as_str()).filter(|id| !id.is_empty()).map(UserId::from),
        from: from.and_then(midnight),
        // The last day is meant whole.
        until: to.and_then(|day| day.tomorrow().ok()).and_then(midnight),
    };
    let page = list::list(&ctx, &visitor.actor, filter, Cursor(query.after.clone())).await?;
    let people = list::people(&ctx, &visitor.actor).await?;
    let written = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let params = [
        ("kind", query.kind.clone()),
        ("subject", subject.clone().unwrap_or_default()),
        ("verb", query.verb.clone()),
        ("person", query.person.clone()),
        ("from", written(from)),
        ("to", written(to)),
    ];
    let name = || {
        page.rows
            .first()
            .map_or_else(|| "one thing".to_owned(), |row| row.line.subject_name.clone())
    };
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::Activity, "Activity"),
        is_filtered: params.iter().any(|(_, value)| !value.is_empty()) || query.after.is_some(),
        subject: subject.map(|id| (id, name())),
        kinds: SubjectKind::ALL
            .iter()
            .map(|kind| Entry::new(kind.code(), words::kind(*kind), &query.kind))
            .collect(),
        verbs: words::VERBS
            .iter()
            .map(|(verb, text)| Entry::new(verb, text, &query.verb))
            .collect(),
        people: people
            .iter()
            .map(|(id, name)| Entry::new(id.as_str(), name, &query.person))
            .collect(),
        from: written(from),
        to: written(to),
        rows: page.rows.into_iter().map(|row| row_view(&ctx, &visitor.actor, row)).collect(),
        pager: Pager::new(paths::activity(), &params, page.next, query.after.is_some()),
    })
}

/// `2026-11-23`, as date fields send it; anything else is no day.
fn day(text: &str) -> Option<Date> {
    text.trim().parse().ok()
}

/// When a day begins (UTC).
fn midnight(day: Date) -> Option<Moment> {
    let at = TimeZone::UTC.to_timestamp(day.to_datetime(Time::midnight())).ok()?;
    Some(Moment::from_micros(at.as_microsecond()))
}

fn row_view(ctx: &Ctx, actor: &Actor, row: Listed) -> RowView {
    let now = ctx.clock.now();
    let Listed { line, is_there } = row;
    let service = line.service_id.as_ref().and_then(|id| ctx.catalog.get(id.as_str()));
    let service = service.map_or("the service", |service| service.head.name.as_str());
    RowView {
        manage: ManageLink::for_line(ctx, &line),
        times: words::times(&line, now),
        when: When::ago(line.at, now),
        path: is_there.then(|| path(actor, &line)).flatten(),
        who: if line.actor_name.is_empty() { "Authorizers".to_owned() } else { line.actor_name },
        what: words::verb(&line.verb),
        kind: words::kind(line.subject_kind),
        subject: line.subject_name,
        note: words::note(&line.verb, &line.note, service),
    }
}

/// Where a line leads, for those who may go there.
fn path(actor: &Actor, line: &Activity) -> Option<String> {
    let id = &line.subject_id;
    let (permission, path) = match line.subject_kind {
        SubjectKind::Authorizer => (Permission::SeeAuthorizers, paths::authorizer(id)),
        SubjectKind::OAuthApp => (Permission::ManageOAuthApps, paths::oauth_app(id)),
        SubjectKind::Source => (Permission::SeeFlows, paths::source(id)),
        SubjectKind::Destination => (Permission::SeeFlows, paths::destination(id)),
        SubjectKind::Member | SubjectKind::Account => {
            (Permission::ManageMembers, paths::member(id))
        }
        SubjectKind::Request => (Permission::AnswerRequests, paths::request(id)),
        SubjectKind::Webhook => (Permission::ManageWebhooks, paths::webhook(id)),
        SubjectKind::System => return None,
    };
    actor.may(permission).then_some(path)
}
