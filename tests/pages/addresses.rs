//! Every address of the route table, with the roles that it answers, and each form with what a
//! person sends.
use std::collections::BTreeSet;

use regex::Regex;

use crate::domain::world::Ids;
use crate::support::server::root;

/// Owner, Admin, Editor, Authorizer, Viewer.
const ALL: &str = "OAEZV";

/// An address that is read.
pub struct Read {
    pub pattern: &'static str,
    pub path: String,
    pub roles: &'static str,
}

/// An address that takes a form.
pub struct Form {
    pub pattern: &'static str,
    /// The page that draws the form, and where on it; nothing: only the token is sent.
    pub drawn: Option<Drawn>,
    pub path: String,
    pub roles: &'static str,
}

pub struct Drawn {
    pub path: String,
    pub css: &'static str,
    pub changes: Vec<(&'static str, String)>,
}

/// Without a session.
pub const PUBLIC: &[&str] = &[
    "GET /static/{name}",
    "GET /favicon.ico",
    "GET /robots.txt",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /calendar/{token}.ics",
    "GET /set-up",
    "POST /set-up",
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /invitations/{token}",
    "POST /invitations/{token}",
    "GET /",
];

/// About the visitor's own account: each role may.
pub const OWN: &[&str] = &[
    "POST /account",
    "POST /account/email",
    "POST /account/password",
    "POST /account/sessions",
    "POST /account/notices",
    "POST /forecast/calendar",
    "POST /forecast/calendar/stop",
];

fn read(pattern: &'static str, path: impl Into<String>, roles: &'static str) -> Read {
    Read { pattern, path: path.into(), roles }
}

pub fn read_by_roles(ids: &Ids) -> Vec<Read> {
    let authorizer = |rest: &str| format!("/authorizers/{}{rest}", ids.local);
    let attempt = |rest: &str| format!("/oauth/attempts/{}{rest}", ids.other_account);
    let webhook = |rest: &str| format!("/webhooks/{}{rest}", ids.webhook);
    let member = |rest: &str| format!("/members/{}{rest}", ids.viewer);
    let mut all = vec![
        read("/installation", "/installation", "OA"),
        read("/services", "/services", "OA"),
        read("/guides/{service}", "/guides/postgresql", ALL),
        read("/authorizers/new", "/authorizers/new", "OAZ"),
        read("/sources/new", "/sources/new", "OAE"),
        read("/destinations/new", "/destinations/new", "OAE"),
        read("/authorizers", "/authorizers", ALL),
        read("/authorizers/queue", "/authorizers/queue", "OAZ"),
        read("/authorizers/new/{service}", "/authorizers/new/postgresql", "OAZ"),
        read("/authorizers/{id}", authorizer(""), ALL),
        read("/authorizers/{id}/edit", authorizer("/edit"), "OAZ"),
        read("/authorizers/{id}/reauthorize", authorizer("/reauthorize"), "OAZ"),
        read("/authorizers/{id}/revoke", authorizer("/revoke"), "OAZ"),
        read("/authorizers/{id}/receipt", authorizer("/receipt"), ALL),
        read("/authorizers/{id}/delete", authorizer("/delete"), "OAZ"),
        read("/authorizers/{id}/replace", authorizer("/replace"), "OAE"),
        read("/tests/{id}", format!("/tests/{}", ids.test), ALL),
        read("/forecast", "/forecast", ALL),
        read("/swaps/{id}", format!("/swaps/{}", ids.swap), ALL),
        read("/oauth/callback", "/oauth/callback?state=x", "OAZ"),
        read("/oauth/attempts/{id}", attempt(""), ALL),
        read("/oauth/attempts/{id}/other-account", attempt("/other-account"), "OAZ"),
        read("/oauth-apps", "/oauth-apps", "OA"),
        read("/oauth-apps/new/{service}", "/oauth-apps/new/slack", "OA"),
        read("/oauth-apps/{id}", format!("/oauth-apps/{}", ids.shared_app), "OA"),
        read("/webhooks", "/webhooks", "OA"),
        read("/webhooks/new", "/webhooks/new", "OA"),
        read("/webhooks/{id}", webhook(""), "OA"),
        read("/webhooks/{id}/edit", webhook("/edit"), "OA"),
        read("/webhooks/{id}/delete", webhook("/delete"), "OA"),
        read("/account", "/account", ALL),
        read("/account/notices", "/account/notices", ALL),
        read("/members", "/members", "OA"),
        read("/members/new", "/members/new", "OA"),
        read("/members/{id}", member(""), "OA"),
        read("/members/{id}/deactivate", member("/deactivate"), "OA"),
        read("/requests", "/requests", "OAEZ"),
        read("/requests/new", "/requests/new", "OAE"),
        read("/requests/{id}", format!("/requests/{}", ids.request), "OAEZ"),
        read("/activity", "/activity", ALL),
    ];
    for (list, id) in [("sources", "local-source"), ("destinations", "local-destination")] {
        let named = |rest: &str| -> &'static str { format!("/{list}{rest}").leak() };
        all.extend([
            read(named(""), named(""), ALL),
            read(named("/new/{service}"), named("/new/postgresql"), "OAE"),
            read(named("/{id}"), format!("/{list}/{id}"), ALL),
            read(named("/{id}/edit"), format!("/{list}/{id}/edit"), "OAE"),
            read(named("/{id}/delete"), format!("/{list}/{id}/delete"), "OAE"),
        ]);
    }
    all
}

/// A form as its page draws it, with these changes.
fn drawn(
    pattern: &'static str,
    path: String,
    (page, css): (String, &'static str),
    changes: &[(&'static str, &str)],
    roles: &'static str,
) -> Form {
    let changes = changes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Form { pattern, path, drawn: Some(Drawn { path: page, css, changes }), roles }
}

/// A button: nothing is sent with it but the token.
fn pressed(pattern: &'static str, path: String, roles: &'static str) -> Form {
    Form { pattern, path, drawn: None, roles }
}

/// In an order in which the owner can send them all: what deletes comes last.
pub fn sent_by_roles(ids: &Ids) -> Vec<Form> {
    let mut all = of_people(ids);
    all.extend(of_authorizers(ids));
    all.extend(of_flows());
    all.extend(of_webhooks(ids));
    all
}

fn of_people(ids: &Ids) -> Vec<Form> {
    let member = |rest: &str| format!("/members/{}{rest}", ids.viewer);
    let request = format!("/requests/{}", ids.request);
    let new_member = [("email", "new@example.com"), ("role", "viewer")];
    let new_request = [("service", "postgresql"), ("note", "The other shop")];
    let role = [("role", "editor")];
    let done = [("answer", "It is there now."), ("action", "done")];
    vec![
        drawn(
            "/members/new",
            "/members/new".into(),
            ("/members/new".into(), "#member"),
            &new_member,
            "OA",
        ),
        drawn("/members/{id}/role", member("/role"), (member(""), "#role-form"), &role, "OA"),
        pressed("/members/{id}/link", member("/link"), "OA"),
        pressed("/members/{id}/sign-out", member("/sign-out"), "OA"),
        drawn(
            "/members/{id}/deactivate",
            member("/deactivate"),
            (member("/deactivate"), "#deactivate"),
            &[],
            "OA",
        ),
        pressed("/members/{id}/activate", format!("/members/{}/activate", ids.deactivated), "OA"),
        drawn(
            "/requests/new",
            "/requests/new".into(),
            ("/requests/new".into(), "#request"),
            &new_request,
            "OAE",
        ),
        drawn("/requests/{id}", request.clone(), (request, "#answer-form"), &done, "OAZ"),
        pressed("/installation", "/installation".into(), "OA"),
        pressed("/services/{id}/hosts", "/services/postgresql/hosts".into(), "OA"),
    ]
}

fn of_authorizers(ids: &Ids) -> Vec<Form> {
    let local = |rest: &str| format!("/authorizers/{}{rest}", ids.local);
    let unused = |rest: &str| format!("/authorizers/{}{rest}", ids.unused);
    let granted = format!("/authorizers/{}", ids.granted);
    let app = format!("/oauth-apps/{}", ids.shared_app);
    let new_app = "/oauth-apps/new/slack".to_owned();
    let new = "/authorizers/new/stripe".to_owned();
    let key = [("name", "Payments"), ("api_key", "sk_test_1"), ("action", "save")];
    let client = [("client_id", "another"), ("client_secret", "another secret")];
    vec![
        drawn("/authorizers/new/{service}", new.clone(), (new, "#authorizer"), &key, "OAZ"),
        drawn(
            "/authorizers/{id}/edit",
            local("/edit"),
            (local("/edit"), "#authorizer"),
            &[("name", "Renamed"), ("database", "another"), ("action", "save")],
            "OAZ",
        ),
        drawn(
            "/authorizers/{id}/reauthorize",
            format!("{granted}/reauthorize"),
            (format!("{granted}/reauthorize"), "#authorizer"),
            &[],
            "OAZ",
        ),
        pressed("/authorizers/{id}/test", local("/test"), "OAEZ"),
        drawn(
            "/authorizers/{id}/replace",
            local("/replace"),
            (local("/replace"), "#replace"),
            &[("with", ids.spare.as_str()), ("action", "check")],
            "OAE",
        ),
        drawn(
            "/swaps/{id}",
            format!("/swaps/{}", ids.swap),
            (format!("/swaps/{}", ids.swap), "#replace-all"),
            &[("scope", "all")],
            "OAE",
        ),
        drawn(
            "/swaps/{id}/undo",
            "/swaps/swap-1/undo".into(),
            ("/swaps/swap-1".into(), "#undo"),
            &[],
            "OAE",
        ),
        pressed(
            "/oauth/attempts/{id}/again",
            format!("/oauth/attempts/{}/again", ids.failed_attempt),
            "OAZ",
        ),
        drawn(
            "/oauth/attempts/{id}/other-account",
            format!("/oauth/attempts/{}/other-account", ids.other_account),
            (format!("/oauth/attempts/{}/other-account", ids.other_account), "#other"),
            &[("do", "keep_both")],
            "OAZ",
        ),
        drawn("/oauth-apps/new/{service}", new_app.clone(), (new_app, "#app"), &client, "OA"),
        drawn("/oauth-apps/{id}", app.clone(), (app, "#app"), &client, "OA"),
        pressed("/oauth-apps/{id}/delete", format!("/oauth-apps/{}/delete", ids.unused_app), "OA"),
        drawn(
            "/authorizers/{id}/revoke",
            unused("/revoke"),
            (unused("/revoke"), "#revoke"),
            &[],
            "OAZ",
        ),
        drawn(
            "/authorizers/{id}/delete",
            unused("/delete"),
            (unused("/delete"), "#delete"),
            &[],
            "OAZ",
        ),
    ]
}

fn of_flows() -> Vec<Form> {
    let mut all = Vec::new();
    for (list, id) in [("sources", "local-source"), ("destinations", "local-destination")] {
        let named = |rest: &str| -> &'static str { format!("/{list}{rest}").leak() };
        let at = |rest: &str| format!("/{list}/{id}{rest}");
        all.extend([
            pressed(named("/drafts/{id}/discard"), format!("/{list}/drafts/any/discard"), "OAE"),
            drawn(
                named("/new/{service}"),
                format!("/{list}/new/postgresql"),
                (format!("/{list}/{id}/edit"), "#flow"),
                &[("name", "A copy"), ("action", "save")],
                "OAE",
            ),
            drawn(
                named("/{id}/edit"),
                at("/edit"),
                (at("/edit"), "#flow"),
                &[("name", "Renamed"), ("action", "save")],
                "OAE",
            ),
            pressed(named("/{id}/test"), at("/test"), "OAEZ"),
            drawn(named("/{id}/delete"), at("/delete"), (at("/delete"), "#delete"), &[], "OAE"),
        ]);
    }
    all
}

fn of_webhooks(ids: &Ids) -> Vec<Form> {
    let webhook = |rest: &str| format!("/webhooks/{}{rest}", ids.webhook);
    let again = webhook("/deliveries/01990000-0000-7000-8000-000000000000/again");
    let new = [("name", "Pager"), ("url", "https://127.0.0.1:1/hook"), ("topic_broken", "true")];
    vec![
        pressed("/webhooks/test-mail", "/webhooks/test-mail".into(), "OA"),
        drawn(
            "/webhooks/new",
            "/webhooks/new".into(),
            ("/webhooks/new".into(), "#webhook"),
            &new,
            "OA",
        ),
        drawn("/webhooks/{id}/edit", webhook("/edit"), (webhook("/edit"), "#webhook"), &new, "OA"),
        pressed("/webhooks/{id}/test", webhook("/test"), "OA"),
        pressed("/webhooks/{id}/secret", webhook("/secret"), "OA"),
        pressed("/webhooks/{id}/deliveries/{delivery}/again", again, "OA"),
        drawn(
            "/webhooks/{id}/delete",
            webhook("/delete"),
            (webhook("/delete"), "#delete"),
            &[],
            "OA",
        ),
    ]
}

/// `GET /authorizers`, `POST /sign-out` … as the route table has them. Where a button's address is
/// read, it leads to the page above it.
pub fn routed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("src/web/routes.rs")).expect("the routes");
    let resource = Regex::new(r#"\b(page|form|button|action)\(\s*(&at\()?"([^"]*)""#).expect("it");
    let mut found = BTreeSet::new();
    for route in resource.captures_iter(&text) {
        let lists: &[&str] =
            if route.get(2).is_some() { &["/sources", "/destinations"] } else { &[""] };
        for list in lists {
            let path = format!("{list}{}", &route[3]);
            if matches!(&route[1], "page" | "form") {
                found.insert(format!("GET {path}"));
            }
            if &route[1] != "page" {
                found.insert(format!("POST {path}"));
            }
        }
    }
    assert!(found.len() > 80, "the routes were not found: {found:?}");
    found
}
