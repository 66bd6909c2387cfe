//! Each list ends where it should, with one row more than it shows; and what lasts, lasts as long.
use std::collections::BTreeMap;
use std::time::Duration;

use authorizers::domain::account::{Client, sign_in};
use authorizers::domain::authorizers::{find, forecast, list};
use authorizers::domain::drafts::DraftForm;
use authorizers::domain::notices::{settings, test_mail};
use authorizers::domain::swaps;
use authorizers::domain::{Actor, Ctx, activity, calendar, drafts, flows, requests, webhooks};
use authorizers::model::authorizer::Filter;
use authorizers::model::credentials::Secret;
use authorizers::model::draft::DraftKind;
use authorizers::model::flow::{FlowFilter, FlowKind};
use authorizers::model::ids::AuthorizerId;
use authorizers::model::page::{Cursor, Page};
use authorizers::model::time::{DAY, Moment};

use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::database::Kind;
use crate::support::house;
use crate::support::scripted::until;

const SECOND: Duration = Duration::from_secs(1);

/// `INSERT INTO table (columns) SELECT values …`, with `{i}` from 1 to `rows`.
fn fill(app: &TestApp, rows: usize, table: &str, columns: &str, values: &str, from: &str) {
    let values = values.replace("{i}", "printf('%05d', n.i)");
    app.database.execute(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO {table} ({columns}) SELECT {values} FROM n{from}"
    ));
}

/// A second account like the one that is there, and so on.
fn accounts(app: &TestApp, rows: usize) {
    let columns = "service, auth, lifecycle, health, attention, cause_fields, identity_key, \
                   identity_label, granted_scopes, missing_scopes, end_kind, last_checked_at, \
                   failure_count, credential_version, version, created_at, updated_at";
    let own = "id, name, name_folded, search_text, ends_at";
    let values = format!(
        "'a-' || {{i}}, 'Name ' || {{i}}, 'name ' || {{i}}, 'name', {} + n.i, {columns}",
        app.ctx.clock.now().micros()
    );
    let from = ", (SELECT * FROM authorizers LIMIT 1) AS one";
    fill(app, rows, "authorizers", &format!("{own}, {columns}"), &values, from);
}

async fn pages<T, F>(read: impl Fn(Cursor) -> F) -> Vec<usize>
where
    F: Future<Output = Page<T>>,
{
    let (mut sizes, mut cursor) = (Vec::new(), Cursor(None));
    loop {
        let page = read(cursor).await;
        sizes.push(page.rows.len());
        match page.next {
            Some(next) => cursor = Cursor(Some(next)),
            None => return sizes,
        }
    }
}

async fn started() -> (TestApp, Actor, AuthorizerId) {
    let start = Moment::from_micros(1_800_000_000_000_000);
    let app = TestApp::start_at(Kind::Sqlite, authorizers::clock::Clock::fixed(start)).await;
    app.set_up().await;
    let owner = house::owner(&app);
    let id = house::postgres(&app, &owner, "Shop").await;
    (app, owner, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_each_list_has_twenty_five_rows_and_the_next_one_the_rest() {
    let (app, owner, id) = started().await;
    let (ctx, owner) = (&app.ctx, &owner);
    accounts(&app, 25);
    for table in ["sources", "destinations"] {
        fill(
            &app,
            26,
            table,
            "id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at",
            &format!("'f-' || {{i}}, {{i}}, {{i}}, 'postgresql', '{id}', '{{}}', 1, 1, 1"),
            "",
        );
    }
    let asked = "id, service, note, state, requested_by_id, answer, created_at";
    let user = &owner.user_id;
    let request = format!("'r-' || {{i}}, 'slack', '', 'open', '{user}', '', n.i");
    fill(&app, 26, "account_requests", asked, &request, "");
    app.database.execute("DELETE FROM activity");
    let columns = "id, at, actor_name, verb, subject_kind, subject, subject_name, note";
    let line = format!("'l-' || {{i}}, n.i, '', 'tested', 'authorizer', '{id}', '', ''");
    fill(&app, 26, "activity", columns, &line, "");

    let whole = [25, 1];
    let found = pages(async |cursor| {
        list::list(ctx, owner, Filter::default(), cursor).await.expect("a page")
    });
    assert_eq!(found.await, whole, "authorizers");
    for kind in [FlowKind::Source, FlowKind::Destination] {
        let found = pages(async |cursor| {
            flows::find::list(ctx, owner, kind, (FlowFilter::default(), cursor)).await.expect("it")
        });
        assert_eq!(found.await, whole, "{kind:?}");
    }
    let found =
        pages(async |cursor| requests::list::list(ctx, owner, true, cursor).await.expect("it"));
    assert_eq!(found.await, whole, "requests");
    let found = pages(async |cursor| {
        activity::list::list(ctx, owner, Default::default(), cursor).await.expect("a page")
    });
    assert_eq!(found.await, whole, "activity");
    let found =
        pages(async |cursor| find::details(ctx, owner, &id, cursor).await.expect("it").activity);
    assert_eq!(found.await, whole, "the history of an authorizer");
    app.database.execute("UPDATE authorizers SET ends_at = 1 WHERE name = 'Shop'");
    let found =
        pages(async |cursor| forecast::forecast(ctx, owner, cursor).await.expect("it").page);
    assert_eq!(found.await, whole, "the forecast");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_without_pages_end_at_their_bound() {
    let (app, owner, id) = started().await;
    let (ctx, owner) = (&app.ctx, &owner);
    let now = ctx.clock.now().micros();
    accounts(&app, 500);
    let offered = list::choices_for(ctx, owner, &"postgresql".into()).await.expect("a list");
    assert_eq!(offered.len(), 500, "accounts of a drop-down");

    let run = "id, authorizer_id, started_by_name, state, steps, started_at, finished_at";
    fill(&app, 21, "tests", run, &format!("'t-' || {{i}}, '{id}', '', 'passed', '[]', n.i, 1"), "");
    let details = find::details(ctx, owner, &id, Cursor(None)).await.expect("details");
    assert_eq!(details.tests.len(), 20, "tests of an authorizer");
    assert_eq!(details.tests[0].id.as_str(), "t-00021", "the newest first");

    let hook = "id, name, url, secret, secret_key, topics, is_active, is_gone, version, created_at, updated_at";
    fill(&app, 101, "webhooks", hook, "'w-' || {i}, {i}, '', x'00', 'k', '[]', 1, 0, 1, 1, 1", "");
    let hooks = webhooks::find::list(ctx, owner).await.expect("a list");
    assert_eq!(hooks.len(), 100, "webhooks");

    let told = "id, kind, dedupe, service, name, created_at, spread_at";
    fill(&app, 51, "notices", told, "'n-' || {i}, 'broken', {i}, 'slack', '', n.i, 1", "");
    let columns =
        "id, notice_id, user_id, webhook_id, state, tries, next_try_at, created_at, tried_at, said";
    let user = &owner.user_id;
    for (kind, to) in [("p", format!("'{user}', NULL")), ("h", "NULL, 'w-00001'".to_owned())] {
        let values =
            format!("'{kind}-' || {{i}}, 'n-' || {{i}}, {to}, 'failed', 1, 1, {now}, {now}, 'no'");
        fill(&app, 51, "deliveries", columns, &values, "");
    }
    let log = webhooks::find::log(ctx, owner, &"w-00001".into()).await.expect("a log");
    assert_eq!(log.len(), 50, "deliveries of a webhook");
    let own = settings::own(ctx, owner).await.expect("own settings");
    assert_eq!(own.recent.len(), 20, "what a person was mailed");
    let troubled = test_mail::troubled(ctx, owner).await.expect("a list");
    assert_eq!(troubled.len(), 10, "mails that were refused");
    let week = DAY.saturating_mul(7);
    app.ctx.clock.advance(week + SECOND);
    assert!(test_mail::troubled(ctx, owner).await.expect("a list").is_empty(), "of last week");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_tells_of_the_five_hundred_next_ends_and_of_those_of_a_month() {
    let (app, owner, _) = started().await;
    let secret = calendar::make(&app.ctx, &owner).await.expect("an address");
    accounts(&app, 501);
    let events = async || calendar::read(&app.ctx, &secret).await.expect("a calendar").len();
    assert_eq!(events().await, 500);
    app.database.execute("DELETE FROM authorizers WHERE name > 'Name 00002'");
    app.database.execute(&format!(
        "UPDATE authorizers SET ends_at = {} WHERE id = 'a-00001'",
        app.ctx.clock.now().micros()
    ));
    assert_eq!(events().await, 2);
    app.ctx.clock.advance(DAY.saturating_mul(30));
    assert_eq!(events().await, 2, "what has ended is told for thirty days");
    app.ctx.clock.advance(Duration::from_micros(1));
    assert_eq!(events().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_form_is_kept_for_a_day_and_ten_of_them_are_listed() {
    let (app, owner, _) = started().await;
    let ctx = &app.ctx;
    let save = async || {
        let service_id = "postgresql".into();
        let of = DraftForm { kind: DraftKind::Source, service_id: &service_id, auth_id: "" };
        let typed = BTreeMap::from([("name".to_owned(), Secret::new("mine"))]);
        drafts::save(ctx, &owner, None, of, &typed).await.expect("kept")
    };
    let first = save().await;
    let found = async || drafts::find(ctx, &owner, &first).await.expect("an answer").is_some();
    ctx.clock.advance(DAY - SECOND);
    assert!(found().await);
    ctx.clock.advance(SECOND);
    assert!(!found().await, "its day is over");
    for _ in 0..11 {
        save().await;
    }
    let listed = drafts::list(ctx, &owner, DraftKind::Source).await.expect("a list");
    assert_eq!(listed.len(), 10);
    let others = drafts::list(ctx, &owner, DraftKind::Destination).await.expect("a list");
    assert!(others.is_empty(), "of its kind alone");
}

async fn undoable(ctx: &Ctx, owner: &Actor, id: &AuthorizerId) -> bool {
    swaps::find::undoable(ctx, owner, id).await.expect("an answer").is_some()
}

with_app! { start_fixed;
    async fn a_replacement_is_undone_for_a_day(app: TestApp) {
        app.set_up().await;
        let owner = house::owner(&app);
        let id = house::postgres(&app, &owner, "Shop").await;
        let now = app.ctx.clock.now().micros();
        app.database.execute(&format!(
            "INSERT INTO swaps (id, service, from_authorizer_id, from_name, to_authorizer_id, to_name, to_version, state,
               started_by_name, started_at, replaced_at)
             VALUES ('s', 'postgresql', '{id}', 'Shop', '{id}', 'Shop', 1, 'replaced', '', {now}, {now})"
        ));
        app.ctx.clock.advance(DAY - SECOND);
        assert!(undoable(&app.ctx, &owner, &id).await);
        app.ctx.clock.advance(SECOND);
        let late = swaps::undo::undo(&app.ctx, &owner, &"s".into()).await;
        assert!(matches!(late, Err(authorizers::domain::Error::WrongState(_))), "{late:?}");
        app.ctx.clock.advance(SECOND);
        assert!(!undoable(&app.ctx, &owner, &id).await);
    }

    async fn last_seen_is_written_once_a_minute(app: TestApp) {
        let owner = app.set_up().await;
        let seen = || app.database.value("SELECT last_seen_at || '' AS value FROM sessions");
        owner.get("/account").await.expect(200);
        let first = seen();
        app.ctx.clock.advance(Duration::from_secs(59));
        owner.get("/account").await.expect(200);
        assert_eq!(seen(), first);
        app.ctx.clock.advance(SECOND);
        owner.get("/account").await.expect(200);
        // No page waits for this write.
        let now = app.ctx.clock.now().micros().to_string();
        until("the time", async || seen() == now).await;
        assert_eq!(app.database.value("SELECT last_seen_at || '' AS value FROM users"), seen());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_name_of_a_browser_the_beginning_is_kept() {
    let (app, _, _) = started().await;
    let client = Client { address: String::new(), user_agent: "ä".repeat(400) };
    let secret = Secret::new(PASSWORD);
    let id = sign_in(&app.ctx, "owner@example.com", &secret, client).await.expect("signed in");
    let kept = app.database.value(&format!(
        "SELECT length(user_agent) || '' AS value FROM sessions WHERE id = '{}'",
        id.as_str()
    ));
    assert_eq!(kept, "300");
}
