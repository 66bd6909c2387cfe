//! Placeholders: every `{name}` must be filled by something.
use super::Linter;
use super::fields::flows;
use crate::catalog::auth::{Apply, AuthSpec, OAuth2Spec};
use crate::catalog::field::FieldSpec;
use crate::catalog::http::TestSpec;
use crate::catalog::service::{FlowSpec, Service};
use crate::catalog::template;

/// What a registered OAuth app fills in.
const APP: [&str; 3] = ["client_id", "client_secret", "redirect_uri"];
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "token"];

pub fn check(lint: &mut Linter, service: &Service) {
    lint.each("auth", &service.auths, |lint, auth| {
        let account = account_names(auth);
        if let Some(oauth) = &auth.oauth2 {
            lint.within("oauth2", |lint| check_oauth(lint, auth, oauth));
        }
        lint.within("apply", |lint| check_apply(lint, &auth.apply, auth, &account));
        if let Some(revoke) = &auth.revoke {
            lint.within("revoke", |lint| {
                address(lint, "path", Some(&revoke.path), &[&account]);
                known(lint, "query", values(&revoke.query), &[&account]);
                body(lint, revoke.body.as_ref(), &[&account]);
                if auth.oauth2.is_some() {
                    lint.say_at("path", "a way by OAuth 2.0 says it in [auth.oauth2.revoke]");
                }
            });
        }
    });
    for auth in &service.auths {
        check_calls(lint, service, auth);
    }
}

/// Names that an account of this way fills in.
fn account_names(auth: &AuthSpec) -> Vec<&str> {
    let mut names = own_names(auth);
    if auth.oauth2.is_some() {
        names.extend(["access_token", "client_id"]);
    }
    names
}

fn own_names(auth: &AuthSpec) -> Vec<&str> {
    let keep = auth.oauth2.iter().flat_map(|oauth| &oauth.keep).map(|keep| keep.to.as_str());
    let called = auth
        .oauth2
        .iter()
        .flat_map(|oauth| &oauth.calls)
        .flat_map(|call| call.keep.values().map(String::as_str));
    auth.fields.iter().map(|field| field.key.as_str()).chain(keep).chain(called).collect()
}

fn check_oauth(lint: &mut Linter, auth: &AuthSpec, oauth: &OAuth2Spec) {
    let typed: Vec<&str> = auth.fields.iter().map(|field| field.key.as_str()).collect();
    address(lint, "authorize", Some(&oauth.authorize), &[&typed, &APP]);
    known(lint, "authorize_extra", values(&oauth.authorize_extra), &[&typed, &APP]);
    known(lint, "scopes", oauth.scopes.iter().map(String::as_str), &[&typed]);
    let own = own_names(auth);
    // A code is redeemed before there is an answer, and before any call is made.
    let brought: Vec<&str> = oauth
        .keep
        .iter()
        .filter(|keep| keep.from.starts_with("callback:"))
        .map(|keep| keep.to.as_str())
        .collect();
    address(lint, "token", Some(&oauth.token), &[&typed, &brought, &APP]);
    address(lint, "refresh", oauth.refresh.as_deref(), &[&own, &APP]);
    // The callback cannot say by itself who sent it.
    known(lint, "issuer", oauth.issuer.as_deref(), &[&typed]);
    known(lint, "token_extra", values(&oauth.token_extra), &[&typed, &brought, &APP]);
    known(lint, "refresh_extra", values(&oauth.refresh_extra), &[&own, &APP, &TOKENS]);
    known(lint, "token_headers", values(&oauth.token_headers), &[&own, &APP]);
    if let Some(exchange) = &oauth.exchange {
        lint.within("exchange", |lint| {
            address(lint, "url", Some(&exchange.url), &[&own]);
            known(lint, "query", values(&exchange.query), &[&own, &APP, &TOKENS]);
        });
    }
    lint.each("call", &oauth.calls, |lint, call| {
        address(lint, "get", Some(&call.get), &[&own, &APP, &TOKENS]);
        known(lint, "headers", values(&call.headers), &[&own, &APP, &TOKENS]);
    });
    lint.within("identity", |lint| {
        address(lint, "get", oauth.identity.get.as_deref(), &[&own, &TOKENS]);
        known(lint, "headers", values(&oauth.identity.headers), &[&own, &APP, &TOKENS]);
        body(lint, oauth.identity.body.as_ref(), &[&own, &TOKENS]);
        known(lint, "id", [oauth.identity.id.as_str()], &[&own, &APP]);
        known(lint, "label", [oauth.identity.label.as_str()], &[&own, &APP]);
    });
    if let Some(revoke) = &oauth.revoke {
        lint.within("revoke", |lint| {
            address(lint, "url", Some(&revoke.url), &[&own, &APP, &TOKENS]);
            known(lint, "params", values(&revoke.params), &[&own, &APP, &TOKENS]);
            known(lint, "headers", values(&revoke.headers), &[&own, &APP, &TOKENS]);
        });
    }
}

fn check_apply(lint: &mut Linter, apply: &Apply, auth: &AuthSpec, account: &[&str]) {
    known(lint, "headers", values(&apply.headers), &[account]);
    known(lint, "query", values(&apply.query), &[account]);
    known(lint, "bearer", apply.bearer.as_deref(), &[account]);
    let basic = apply.basic.iter().flat_map(|(user, password)| [user.as_str(), password.as_str()]);
    known(lint, "basic", basic, &[account]);
    let signed = apply
        .oauth1
        .iter()
        .flat_map(|by| [&by.consumer_key, &by.consumer_secret, &by.token, &by.token_secret]);
    known(lint, "oauth1", signed.map(String::as_str), &[account]);
    if let Some(choose) = &apply.choose {
        let field = auth.fields.iter().find(|field| field.key == choose.field);
        match field {
            None => lint.say_at(
                "choose",
                format!("`{}` is not a field of this way to authorize", choose.field),
            ),
            Some(field) => {
                for option in
                    field.options.iter().filter(|option| !choose.by.contains_key(&option.value))
                {
                    lint.say_at(
                        "choose",
                        format!("nothing is said for the choice `{}`", option.value),
                    );
                }
            }
        }
        for inner in choose.by.values() {
            lint.within("choose", |lint| check_apply(lint, inner, auth, account));
        }
    }
}

/// Calls of the HTTP API: each way to authorize must fill every placeholder.
fn check_calls(lint: &mut Linter, service: &Service, auth: &AuthSpec) {
    let account = account_names(auth);
    if let Some(http) = &service.http {
        lint.within("http", |lint| {
            address(lint, "base", Some(&http.base), &[&account]);
            let settings: Vec<&str> = flows(service)
                .flat_map(|(_, flow)| &flow.settings)
                .map(|field| field.key.as_str())
                .collect();
            known(lint, "headers", values(&http.headers), &[&account, &settings]);
        });
    }
    lint.each("test", &service.tests, |lint, test| check_test(lint, test, &account, &[]));
    for (key, flow) in flows(service) {
        lint.within(key, |lint| check_flow(lint, flow, &account));
    }
}

fn check_flow(lint: &mut Linter, flow: &FlowSpec, account: &[&str]) {
    let settings: Vec<&str> = flow.settings.iter().map(|field| field.key.as_str()).collect();
    lint.each("dataset", &flow.datasets, |lint, dataset| {
        address(lint, "path", Some(&dataset.path), &[account, &settings]);
        known(lint, "query", values(&dataset.query), &[account, &settings]);
        known(lint, "headers", values(&dataset.headers), &[account, &settings]);
        body(lint, dataset.body.as_ref(), &[account, &settings]);
        let texts = std::iter::once(dataset.path.as_str())
            .chain(values(&dataset.query))
            .chain(values(&dataset.headers));
        let in_body =
            dataset.body.iter().flat_map(template::texts).flat_map(template::names_in_body);
        let used = texts.flat_map(|text| template::names(text).unwrap_or_default()).chain(in_body);
        check_asked(lint, &dataset.id, used, &flow.settings);
    });
    lint.each("setting", &flow.settings, |lint, setting| {
        if let Some(load) = &setting.load {
            let needs: Vec<&str> = load.needs.iter().map(String::as_str).collect();
            address(lint, "load", load.get.as_deref(), &[account, &needs]);
            body(lint, load.body.as_ref(), &[account, &needs]);
        }
    });
    if let Some(test) = &flow.write_check {
        lint.within("write_check", |lint| check_test(lint, test, account, &settings));
    }
}

/// A setting that a data set needs must be asked for when that data set is chosen.
fn check_asked<'a>(
    lint: &mut Linter,
    id: &str,
    used: impl Iterator<Item = &'a str>,
    settings: &[FieldSpec],
) {
    for name in used {
        let hidden = |setting: &FieldSpec| {
            setting.when.as_ref().is_some_and(|when| {
                when.field == "dataset" && !when.is.iter().any(|value| value == id)
            })
        };
        if settings.iter().any(|setting| setting.key == name && hidden(setting)) {
            lint.say_at(
                "path",
                format!("`{name}` is not asked for when `{id}` is chosen: see its `when`"),
            );
        }
    }
}

fn check_test(lint: &mut Linter, test: &TestSpec, account: &[&str], settings: &[&str]) {
    address(lint, "path", Some(&test.path), &[account, settings]);
    known(lint, "query", values(&test.query), &[account, settings]);
    known(lint, "headers", values(&test.headers), &[account, settings]);
    body(lint, test.body.as_ref(), &[account, settings]);
    let identity =
        [&test.identity_id, &test.identity_label].into_iter().flatten().map(String::as_str);
    known(lint, "identity_id", identity, &[account]);
}

fn values(map: &std::collections::BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    map.values().map(String::as_str)
}

/// Complains about every placeholder that is in none of the `lists`, and about those that only an address can have.
fn known<'a>(
    lint: &mut Linter,
    key: &str,
    texts: impl IntoIterator<Item = &'a str>,
    lists: &[&[&str]],
) {
    for text in texts {
        address(lint, key, Some(text), lists);
        let found = template::placeholders(text).unwrap_or_default();
        if let Some(wrong) = found.iter().find(|placeholder| placeholder.is_several_segments) {
            lint.say_at(
                key,
                format!(
                    "`{{+{}}}` stands for several segments of a path: only in a path",
                    wrong.name
                ),
            );
        }
    }
}

/// The same for an address.
fn address(lint: &mut Linter, key: &str, text: Option<&str>, lists: &[&[&str]]) {
    match text.map(template::names) {
        None => {}
        Some(Err(problem)) => lint.say_at(key, problem),
        Some(Ok(names)) => {
            for name in names.iter().filter(|name| !lists.iter().any(|list| list.contains(name))) {
                lint.say_at(key, format!("nothing fills the placeholder {{{name}}} here"));
            }
        }
    }
}

/// The same for a JSON body, where other braces may stand.
fn body(lint: &mut Linter, body: Option<&serde_json::Value>, lists: &[&[&str]]) {
    for name in body.into_iter().flat_map(template::texts).flat_map(template::names_in_body) {
        if !lists.iter().any(|list| list.contains(&name)) {
            lint.say_at("body", format!("nothing fills the placeholder {{{name}}} here"));
        }
    }
}
