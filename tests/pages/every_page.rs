//! Rules that no page may break: found by walking every link, for every role.
use std::collections::BTreeSet;

use authorizers::model::role::Role;
use scraper::Html;

use super::crawl::Crawl;
use crate::support::app::{TestApp, with_app};
use crate::support::database::Kind;
use crate::support::house;
use crate::support::page::{Page, selector};

/// What is wrong with a drawn page.
fn faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    for (css, said) in [
        ("script, link[rel=preload][as=script], link[rel=modulepreload]", "a script"),
        ("[style], style", "an inline style"),
        ("a[href^='javascript:'], form[action^='javascript:']", "a script in an address"),
        ("meta[http-equiv=refresh]", "a refresh in the page: it belongs into a header"),
    ] {
        if page.has(css) {
            faults.push(format!("has {said}"));
        }
    }
    let headings = page.count("h1");
    if headings != 1 {
        faults.push(format!("has {headings} h1"));
    }
    for css in ["title", "h1", "main"] {
        if page.texts(css).iter().all(String::is_empty) {
            faults.push(format!("has no text in {css}"));
        }
    }
    let handlers = Html::parse_document(&page.body);
    for element in handlers.select(&selector("*")) {
        faults.extend(
            element
                .value()
                .attrs()
                .filter(|(name, _)| name.starts_with("on"))
                .map(|(name, _)| format!("has {name}=")),
        );
    }
    if page.count("form[method=post]")
        != page.count("form[method=post] input[type=hidden][name=csrf]")
    {
        faults.push("has a form without its token".to_owned());
    }
    faults.extend(header_faults(page));
    faults
}

fn header_faults(page: &Page) -> Vec<String> {
    let mut faults = Vec::new();
    let policy = page.header("content-security-policy").unwrap_or_default();
    for part in
        ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        if !policy.contains(part) {
            faults.push(format!("has no {part} in its policy"));
        }
    }
    if ["script-src", "unsafe", "*", "http:"].iter().any(|word| policy.contains(word)) {
        faults.push(format!("opens too much: {policy}"));
    }
    for (name, value) in [("x-content-type-options", "nosniff"), ("cache-control", "no-store")] {
        if !page.header(name).is_some_and(|set| set.contains(value)) {
            faults.push(format!("has no {name}: {value}"));
        }
    }
    if page.header("referrer-policy").is_none() {
        faults.push("has no referrer-policy".to_owned());
    }
    faults
}

/// All forms of the walked pages that change something: where each stands and where it goes, once for each address.
fn posts(crawl: &Crawl) -> BTreeSet<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut forms = BTreeSet::new();
    for (path, page) in crawl.drawn() {
        let actions = page.attrs("form[method=post]", "action");
        let buttons = page.attrs("button[formaction]", "formaction");
        for action in actions.into_iter().chain(buttons) {
            let url = page.url.join(&action).expect("an address");
            if seen.insert(url.path().to_owned()) {
                forms.insert((path.clone(), url.path().to_owned()));
            }
        }
    }
    forms
}

with_app! {
    async fn every_link_leads_somewhere_and_every_page_keeps_the_rules(app: TestApp) {
        house::furnish(&app).await;
        let mut wrong = Vec::new();
        for role in Role::ALL {
            let crawl = Crawl::from(&app.person(role).await, &["/"]).await;
            assert!(crawl.pages.len() > 5, "{role:?} sees {:?}", crawl.pages.keys());
            for (path, page) in &crawl.pages {
                if page.status != 200 {
                    wrong.push(format!("{role:?}: {path} (linked from {}) answers {}", crawl.origin(path), page.status));
                }
            }
            for (path, page) in crawl.drawn() {
                wrong.extend(faults(page).into_iter().map(|fault| format!("{role:?}: {path} {fault}")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn looking_changes_nothing(app: TestApp) {
        house::furnish(&app).await;
        let owner = app.person(Role::Owner).await;
        let before = app.contents();
        Crawl::from(&owner, &["/"]).await;
        assert_eq!(before, app.contents());
    }

    async fn a_post_without_its_token_is_refused(app: TestApp) {
        house::furnish(&app).await;
        let owner = app.person(Role::Owner).await;
        let crawl = Crawl::from(&owner, &["/"]).await;
        let before = app.contents();
        let kind = "application/x-www-form-urlencoded";
        for (_, action) in posts(&crawl) {
            for body in ["", "csrf=", "csrf=bm90IGl0&name=x"] {
                let status = owner.post(&action, kind, body).await.status;
                assert_eq!(status, 403, "POST {action} with {body:?}");
            }
        }
        assert_eq!(before, app.contents());
    }

    async fn whoever_is_not_signed_in_is_sent_to_sign_in_and_back(app: TestApp) {
        house::furnish(&app).await;
        let crawl = Crawl::from(&app.person(Role::Owner).await, &["/"]).await;
        let stranger = app.anonymous();
        for path in crawl.pages.keys() {
            let page = stranger.get(path).await;
            assert!(page.path().starts_with("/sign-in"), "{path} led to {}", page.path());
        }
        for (_, action) in posts(&crawl) {
            let page = stranger.post(&action, "application/x-www-form-urlencoded", "csrf=x").await;
            assert!(matches!(page.status, 303 | 401 | 403), "POST {action} answers {}", page.status);
        }
    }
}

#[test]
fn a_page_that_breaks_the_rules_is_noticed() {
    let bad = Page {
        status: 200,
        url: "http://127.0.0.1/x".parse().unwrap(),
        hops: vec![],
        headers: Default::default(),
        body: "<title>t</title><main><h1>a</h1><h1>b</h1><p onclick=x style='a:b'><form method=post></form><script></script>"
            .to_owned(),
    };
    let found = faults(&bad).join("\n");
    for fault in [
        "a script",
        "an inline style",
        "2 h1",
        "onclick",
        "without its token",
        "default-src",
        "nosniff",
        "referrer-policy",
    ] {
        assert!(found.contains(fault), "{fault} is not in:\n{found}");
    }
    let _ = Kind::Sqlite;
}
