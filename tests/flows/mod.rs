//! Sources and destinations: one form, nothing typed is lost, nothing is done that may not be done.
mod form;
mod lists;
mod panel;
mod previews;
mod refusals;
mod trip;

use authorizers::model::role::Role;

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::house;
use crate::support::page::Page;

const FORM: &str = "form#flow";

/// The owner, and one account of PostgreSQL that nobody has tried.
async fn with_account(app: &TestApp, name: &str) -> (Client, String) {
    let owner = app.person(Role::Owner).await;
    let id = house::postgres(app, &house::owner(app), name).await;
    (owner, id.to_string())
}

/// A query needs nothing that is loaded.
fn query<'a>(name: &'a str, account: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("name", name), ("authorizer", account)]
}

/// A new source with a query, created through its pages; the path of its page.
async fn create(client: &Client, name: &str, account: &str) -> String {
    let page = fill(client, name, account).await;
    assert_eq!(value(&page, "s.query"), "SELECT 1");
    client.submit(FORM, &[("action", "create")]).await.expect(200).path()
}

/// The form with everything filled in and sent once; nothing is created.
async fn fill(client: &Client, name: &str, account: &str) -> Page {
    client.get("/sources/new/postgresql").await.expect(200);
    client.submit(FORM, &query(name, account)).await;
    client.submit(FORM, &[("s.mode", "query"), ("s.query", "SELECT 1"), ("action", "load")]).await
}

/// What a field of the form holds now.
#[track_caller]
fn value(page: &Page, name: &str) -> String {
    let css = |tag: &str| format!("{FORM} {tag}[name='{name}']");
    if page.has(&css("select")) {
        return page
            .attr(&format!("{} option[selected]", css("select")), "value")
            .unwrap_or_default();
    }
    if page.has(&css("textarea")) {
        return page.text(&css("textarea"));
    }
    if page.has(&css("input[type=radio]")) {
        return page.attr(&format!("{}[checked]", css("input")), "value").unwrap_or_default();
    }
    page.attr(&css("input"), "value")
        .unwrap_or_else(|| panic!("{} draws no {name}:\n{}", page.url, page.shown()))
}

fn count(app: &TestApp, table: &str) -> usize {
    app.database.count(table)
}
