//! *Test* and its result: the page is there at once and asks for itself again until the steps are done.
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::authorizers::find::{self, Dependent};
use crate::domain::authorizers::needs::missing;
use crate::domain::authorizers::test;
use crate::model::authorizer::{Authorizer, Health, Lifecycle};
use crate::model::ids::{AuthorizerId, TestId};
use crate::model::role::Permission;
use crate::model::test_run::{TestRun, TestState};
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::{Layout, Section};
use crate::web::needs::{self, NeedGroup};
use crate::web::page::{self, PageResult};
use crate::web::report::{self, ReportView};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Template)]
#[template(path = "tests/show.html")]
struct TestPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    name: String,
    lead: String,
    authorizer_id: String,
    here: String,
    kind: &'static str,
    icon: &'static str,
    verdict: String,
    text: String,
    is_running: bool,
    cure_label: Option<&'static str>,
    may_test: bool,
    report: ReportView,
    groups: Vec<NeedGroup>,
    missing: usize,
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    _: Protected<RawForm>,
) -> PageResult {
    let test = test::start(&ctx, &visitor.actor, &AuthorizerId::from(id.as_str())).await?;
    page::see_other(&paths::test(test))
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let (run, authorizer) = test::show(&ctx, &visitor.actor, &TestId::from(id.as_str())).await?;
    let used_by = find::used_by(&ctx, &authorizer.id).await?;
    let is_running = run.state == TestState::Running;
    let here = paths::test(&run.id);
    let mut response = page::ok(&page_of(&ctx, &visitor, (run, authorizer), &used_by))?;
    if is_running && let Ok(refresh) = HeaderValue::from_str(&format!("1; url={here}")) {
        response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    }
    Ok(response)
}

fn page_of(
    ctx: &Ctx,
    visitor: &Visitor,
    (run, authorizer): (TestRun, Authorizer),
    used_by: &[Dependent],
) -> TestPage {
    let service = ctx.catalog.get(authorizer.service_id.as_str());
    let service_name = service
        .map_or_else(|| authorizer.service_id.to_string(), |service| service.head.name.clone());
    let (kind, icon, verdict, text) = verdict(&run, &service_name);
    let up = paths::authorizer(&authorizer.id);
    let is_broken = matches!(
        authorizer.health,
        Health::NeedsReauthorization | Health::Misconfigured | Health::Locked
    );
    let may_cure = is_broken
        && visitor.actor.may(Permission::EditAuthorizers)
        && run.state == TestState::Failed;
    TestPage {
        layout: Layout::new(
            visitor,
            Section::Authorizers,
            &format!("{verdict} – test of {}", authorizer.name),
        ),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), (&authorizer.name, &up)],
            "Test",
        ),
        tile: Tile::of(service, &authorizer.service_id),
        lead: super::lead(&service_name, &authorizer.identity.label),
        here: paths::test(&run.id),
        kind,
        icon,
        verdict,
        text,
        is_running: run.state == TestState::Running,
        cure_label: may_cure.then_some("Reauthorize"),
        may_test: visitor.actor.may(Permission::TestAuthorizers)
            && authorizer.lifecycle == Lifecycle::Active,
        groups: needs::groups(&run.needs, used_by, &service_name),
        missing: missing(&run.needs),
        report: ReportView::new(&run.steps, &service_name, &visitor.actor),
        authorizer_id: authorizer.id.to_string(),
        name: authorizer.name,
    }
}

/// An error of our own ended it: it says nothing of the account.
fn cut_off() -> (&'static str, &'static str, String, String) {
    (
        "warn",
        "alert-triangle",
        "The test was cut off".to_owned(),
        "An error on our side ended it. It says nothing about the account. Test again.".to_owned(),
    )
}

fn verdict(run: &TestRun, service: &str) -> (&'static str, &'static str, String, String) {
    match run.state {
        TestState::Running => (
            "info",
            "refresh",
            "Testing".to_owned(),
            "The steps appear here as they finish, within 15 seconds. If the token must be \
             renewed first, it can take longer."
                .to_owned(),
        ),
        TestState::Passed if missing(&run.needs) > 0 => (
            "warn",
            "alert-triangle",
            format!("{service} accepts this account"),
            "Not everything that uses it is allowed to: see below what is missing, and what to copy to whoever may grant it."
                .to_owned(),
        ),
        TestState::Passed => ("ok", "circle-check", "Everything works".to_owned(), format!("{service} accepts this account.")),
        TestState::Failed => {
            let Some(cause) = run.steps.iter().find_map(|step| step.cause) else {
                return cut_off();
            };
            let title = report::failed_at(&run.steps).unwrap_or_else(|| "Failed".to_owned());
            let words = wording::cause(cause, service);
            ("bad", "alert-octagon", title, format!("{}. {}", words.title, words.text))
        }
    }
}
