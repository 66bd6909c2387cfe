//! The Activity page: every line, the newest first, by kind, verb and person.
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::Ctx;
use crate::domain::activity::list::{self, Filter};
use crate::model::activity::{Activity, SubjectKind};
use crate::model::ids::UserId;
use crate::model::page::Cursor;
use crate::model::time::Moment;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::{Entry, Pager, When};
use crate::web::visitor::Visitor;
use crate::web::wording_activity as words;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    kind: String,
    verb: String,
    person: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "activity/list.html")]
struct ListPage {
    layout: Layout,
    is_filtered: bool,
    kinds: Vec<Entry>,
    verbs: Vec<Entry>,
    people: Vec<Entry>,
    rows: Vec<RowView>,
    pager: Pager,
}

struct RowView {
    when: When,
    who: String,
    what: String,
    kind: &'static str,
    subject: String,
    note: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, query: web::Query<Query>) -> PageResult {
    let filter = Filter {
        kind: SubjectKind::from_code(&query.kind),
        verb: Some(query.verb.clone()).filter(|verb| !verb.is_empty()),
        actor: Some(query.person.as_str()).filter(|id| !id.is_empty()).map(UserId::from),
    };
    let page = list::list(&ctx, &visitor.actor, filter, Cursor(query.after.clone())).await?;
    let people = list::people(&ctx, &visitor.actor).await?;
    let params = [("kind", query.kind.clone()), ("verb", query.verb.clone()), ("person", query.person.clone())];
    let now = ctx.clock.now();
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::Activity, "Activity"),
        is_filtered: params.iter().any(|(_, value)| !value.is_empty()) || query.after.is_some(),
        kinds: SubjectKind::ALL.iter().map(|kind| Entry::new(kind.code(), words::kind(*kind), &query.kind)).collect(),
        verbs: words::VERBS.iter().map(|(verb, text)| Entry::new(verb, text, &query.verb)).collect(),
        people: people.iter().map(|(id, name)| Entry::new(id.as_str(), name, &query.person)).collect(),
        rows: page.rows.into_iter().map(|row| row_view(row, now)).collect(),
        pager: Pager::new(paths::activity(), &params, page.next, query.after.is_some()),
    })
}

fn row_view(row: Activity, now: Moment) -> RowView {
    RowView {
        when: When::ago(row.at, now),
        who: if row.actor_name.is_empty() { "Authorizers".to_owned() } else { row.actor_name },
        what: words::verb(&row.verb),
        kind: words::kind(row.subject_kind),
        subject: row.subject_name,
        note: row.note,
    }
}
