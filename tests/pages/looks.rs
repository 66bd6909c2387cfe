//! Valid HTML, no barriers, no sideways scrolling: every page by html-validate, two pages of each shape by axe-core, at two
//! widths, in light and dark.
use std::collections::BTreeMap;

use authorizers::model::role::Role;

use super::crawl::Crawl;
use crate::services::axe::VIEWS;
use crate::services::browser::{Browser, Scripts};
use crate::services::html;
use crate::support::app::{PASSWORD, TestApp};
use crate::support::database::Kind;
use crate::support::house;
use crate::support::page::Page;

/// Pages that no link leads to, by who opens them.
async fn pages_without_links(app: &TestApp) -> BTreeMap<String, Page> {
    let stranger = app.anonymous();
    let owner = app.person(Role::Owner).await;
    let mut pages = BTreeMap::new();
    pages.insert("/sign-in".to_owned(), stranger.get("/sign-in").await);
    stranger.get("/sign-in").await;
    let refused = stranger
        .submit("form#sign-in", &[("email", "nobody@example.com"), ("password", "wrong")])
        .await;
    pages.insert("a refused sign-in".to_owned(), refused);
    pages.insert("404".to_owned(), owner.get("/nowhere").await);
    pages.insert("404 of a stranger".to_owned(), stranger.get("/nowhere").await);
    let wrong = owner
        .post("/authorizers/new/postgresql", "application/x-www-form-urlencoded", "csrf=x")
        .await;
    pages.insert("403".to_owned(), wrong);
    owner.get("/authorizers/new/postgresql").await;
    let problems = owner.submit("form#authorizer", &[("name", "x"), ("port", "many")]).await;
    pages.insert("a form with problems".to_owned(), problems);
    // The same swap before it was done.
    app.database.execute("UPDATE swaps SET state = 'checked', started_at = started_at + 3500000000, replaced_at = NULL");
    pages.insert("a checked swap".to_owned(), owner.get("/swaps/swap-1").await.expect(200));
    app.database.execute("UPDATE swaps SET state = 'replaced', replaced_at = started_at");
    owner.get("/members/new").await;
    let made = owner
        .submit("form#member", &[("email", "nina@example.com"), ("role", "viewer")])
        .await
        .expect(200);
    let link = made.attr("input#link", "value").expect("a link");
    pages.insert("an invitation".to_owned(), stranger.get(&link).await.expect(200));
    pages.insert(
        "an invitation that nobody made".to_owned(),
        stranger.get("/invitations/nobody-made-this").await.expect(404),
    );
    pages.insert("a fresh link".to_owned(), made);
    owner.get("/forecast").await;
    pages.insert("a fresh calendar".to_owned(), owner.submit("form#make-calendar", &[]).await);
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_valid_html() {
    let app = TestApp::start(Kind::Sqlite).await;
    let set_up = app.anonymous().get("/set-up").await;
    house::furnish(&app).await;
    let mut pages = pages_without_links(&app).await;
    pages.insert("/set-up".to_owned(), set_up);
    for role in [Role::Owner, Role::Viewer] {
        let crawl = Crawl::from(&app.person(role).await, &["/"]).await;
        pages.extend(crawl.drawn().map(|(path, page)| (format!("{role:?} {path}"), page.clone())));
    }
    let faults = html::faults(pages.iter().map(|(name, page)| (name, page.body.as_str())));
    assert!(
        faults.is_empty(),
        "{} faults on {} pages:\n{}",
        faults.len(),
        pages.len(),
        faults.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_has_a_barrier_or_scrolls_sideways() {
    let app = TestApp::start(Kind::Sqlite).await;
    house::furnish(&app).await;
    let samples = Crawl::from(&app.person(Role::Owner).await, &["/"]).await.samples();
    let browser = Browser::open(&app.base, Scripts::On).await;
    let mut faults = Vec::new();
    let mut paths: Vec<String> = vec!["/sign-in".to_owned()];
    paths.extend(samples);
    for (number, path) in paths.iter().enumerate() {
        browser.go(path).await;
        for view in VIEWS {
            faults.extend(
                browser
                    .faults(view)
                    .await
                    .into_iter()
                    .map(|fault| format!("{path} {view:?}: {fault}")),
            );
        }
        if number == 0 {
            browser.fill("email", "owner@example.com").await;
            browser.fill("password", PASSWORD).await;
            browser.press("Sign in").await;
            browser.sees("The accounts your sources").await;
        }
    }
    browser.close().await;
    assert!(
        faults.is_empty(),
        "{} faults on {} pages:\n{}",
        faults.len(),
        paths.len(),
        faults.join("\n")
    );
}
