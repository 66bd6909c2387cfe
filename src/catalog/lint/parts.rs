//! The parts of a file: what must be there, and what must be there together.
use serde::de::DeserializeOwned;

use super::Linter;
use super::fields::flows;
use crate::catalog::auth::{AuthSpec, OAuth2Spec, TokenBody};
use crate::catalog::chosen::{self, Chosen};
use crate::catalog::field::FieldSpec;
use crate::catalog::http::{ErrorRule, Method, TestSpec};
use crate::catalog::service::{Driver, FlowSpec, Service};
use crate::catalog::template;

pub fn check(lint: &mut Linter, service: &Service, id: &str) {
    if service.schema != 1 {
        lint.say_at(
            "schema",
            format!(
                "version {} of the vocabulary is not known here; this is version 1",
                service.schema
            ),
        );
    }
    check_head(lint, service, id);
    if service.auths.is_empty() {
        lint.say("there is no [[auth]]: how is it authorized?");
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, auth) in service.auths.iter().enumerate() {
        if seen.contains(&auth.id.as_str()) {
            lint.each("auth", &service.auths, |lint, other| {
                if std::ptr::eq(other, service.auths.get(index).unwrap_or(other)) {
                    lint.say_at("id", format!("the id `{}` is there twice", auth.id));
                }
            });
        }
        seen.push(&auth.id);
    }
    lint.each("auth", &service.auths, check_auth);
    check_tests(lint, service);
    check_flows(lint, service);
    if service.guide.steps.is_empty() {
        lint.say_at(
            "guide",
            "the guide has no `steps`: what does whoever authorizes need to know?",
        );
    }
    let has_shared_app =
        service.auths.iter().any(|auth| auth.oauth2.as_ref().is_some_and(|oauth| !oauth.own_app));
    if has_shared_app && service.guide.app_steps.is_empty() && !service.head.demo {
        lint.say_at("guide", "the guide has no `app_steps`: how is the OAuth app registered?");
    }
    if service.lifetime.note.is_none() {
        lint.say_at("lifetime", "say in `note` how long the authorization lives");
    }
}

fn check_head(lint: &mut Linter, service: &Service, id: &str) {
    let head = &service.head;
    lint.within("service", |lint| {
        let is_slug = !head.id.as_str().is_empty()
            && head
                .id
                .as_str()
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_slug {
            lint.say_at("id", "an id has a-z, 0-9 and - only");
        }
        if head.id.as_str() != id {
            lint.say_at(
                "id",
                format!(
                    "the file is called {id}.toml, the service `{}`: they must be the same",
                    head.id
                ),
            );
        }
        for (key, text) in
            [("name", &head.name), ("summary", &head.summary), ("permission", &head.permission)]
        {
            if text.trim().is_empty() {
                lint.say_at(key, format!("`{key}` is empty"));
            }
        }
        if !head.docs.starts_with("https://") {
            lint.say_at(
                "docs",
                "the service's own documentation: an address that begins with https://",
            );
        }
    });
}

fn check_auth(lint: &mut Linter, auth: &AuthSpec) {
    if !template::is_name(&auth.id) {
        lint.say_at("id", "an id of a way to authorize has a-z, 0-9 and _ only");
    }
    if auth.oauth2.is_none() && auth.fields.is_empty() && auth.field_sets.is_empty() {
        lint.say("nothing is asked and nobody signs in: add [[auth.field]] or [auth.oauth2]");
    }
    if let Some(oauth) = &auth.oauth2 {
        lint.within("oauth2", |lint| {
            check_oauth(lint, oauth);
            check_chosen(lint, "client_auth", &oauth.client_auth, auth);
            check_chosen(lint, "pkce", &oauth.pkce, auth);
            check_chosen(lint, "scope_join", &oauth.scope_join, auth);
        });
        let apply = &auth.apply;
        if apply.bearer.is_none()
            && apply.basic.is_none()
            && apply.headers.is_empty()
            && apply.query.is_empty()
        {
            lint.say_at("oauth2", "[auth.apply] is missing: how do requests carry the token? Usually bearer = \"{access_token}\"");
        }
    }
    if let Some(revoke) = &auth.revoke {
        let has_body = revoke.body.is_some();
        lint.within("revoke", |lint| check_body(lint, Some(revoke.method), has_body));
    }
}

/// A body that would never arrive is a mistake of the file.
fn check_body(lint: &mut Linter, method: Option<Method>, has_body: bool) {
    if has_body && method.is_some_and(|method| !method.takes_body()) {
        lint.say_at("method", "GET and HEAD carry no body: use POST, or remove `body`");
    }
}

/// A setting that is chosen in a field: the field offers what the vocabulary knows, and nothing else.
fn check_chosen<T: DeserializeOwned + Copy + Default>(
    lint: &mut Linter,
    key: &str,
    setting: &Chosen<T>,
    auth: &AuthSpec,
) {
    let Some(name) = setting.field() else { return };
    let Some(field) = auth.fields.iter().find(|field| field.key == name) else {
        lint.say_at(key, format!("`{name}` is not a field of this way to authorize"));
        return;
    };
    if field.options.is_empty() || (field.default.is_none() && !field.required) {
        lint.say_at(key, format!("`{name}` must be a select with `options` and a `default`"));
    }
    for option in &field.options {
        if chosen::parse::<T>(&option.value).is_none() {
            lint.say_at(key, format!("`{}` of `{name}` is no value of `{key}`", option.value));
        }
    }
}

fn check_oauth(lint: &mut Linter, oauth: &OAuth2Spec) {
    if oauth.hosts.is_empty() {
        lint.say_at("hosts", "`hosts` is empty: which hosts may be called with its secrets?");
    }
    lint.within("identity", |lint| {
        for (key, text) in [("id", &oauth.identity.id), ("label", &oauth.identity.label)] {
            if text.is_empty() {
                lint.say_at(
                    key,
                    "who the service says we are must be known: a JSON pointer or a {placeholder}",
                );
            }
            pointer(lint, key, text);
        }
        if oauth.identity.get.is_none() && oauth.identity.id.starts_with('/') {
            lint.say_at("id", "a pointer needs a call: say `get`");
        }
        check_body(lint, oauth.identity.method, oauth.identity.body.is_some());
    });
    if let Some(revoke) = &oauth.revoke {
        let has_body = revoke.body != TokenBody::Query && !revoke.params.is_empty();
        lint.within("revoke", |lint| check_body(lint, Some(revoke.method), has_body));
    }
    if oauth.iss_required && oauth.issuer.is_none() {
        lint.say_at("iss_required", "say in `issuer` what `iss` must be");
    }
    pointer(lint, "answer_at", &oauth.answer_at);
    for keep in &oauth.keep {
        let (from, what) = keep.from.split_once(':').unwrap_or((&keep.from, ""));
        if !matches!(from, "callback" | "token") || what.is_empty() {
            lint.say_at(
                "keep",
                format!("`{}` is neither `callback:name` nor `token:/pointer`", keep.from),
            );
        }
        if !template::is_name(&keep.to) {
            lint.say_at("keep", format!("`{}` is not a placeholder's name", keep.to));
        }
    }
    lint.each("error", &oauth.errors, check_rule);
}

fn check_tests(lint: &mut Linter, service: &Service) {
    let is_free = service.http.as_ref().is_some_and(|http| http.any_host);
    let signed_in: Vec<&str> = service
        .auths
        .iter()
        .filter_map(|auth| auth.oauth2.as_ref())
        .map(|oauth| oauth.identity.id.as_str())
        .collect();
    lint.each("test", &service.tests, |lint, test| {
        check_test(lint, test, !is_free);
        if let Some(told) = &test.identity_id
            && signed_in.iter().any(|id| id != told)
        {
            lint.say_at(
                "identity_id",
                format!(
                    "signing in tells the account by `{}`: a test must tell the same",
                    signed_in.join(", ")
                ),
            );
        }
    });
    if let Some(http) = &service.http {
        lint.within("http", |lint| lint.each("error", &http.errors, check_rule));
        if service.tests.is_empty() {
            lint.say_at("http", "there is no [[test]]: an authorizer must be provable");
        }
        let proves = |test: &TestSpec| test.identity_id.is_some() && test.identity_label.is_some();
        if service.auths.iter().any(|auth| auth.oauth2.is_none())
            && !service.tests.iter().any(proves)
        {
            lint.say_at(
                "test",
                "a way without OAuth needs a test with `identity_id` and `identity_label`",
            );
        }
    }
}

fn check_test(lint: &mut Linter, test: &TestSpec, must_prove: bool) {
    if must_prove && test.method != Method::Head && test.has.as_ref().is_none_or(String::is_empty) {
        lint.say("a test needs `has`: a 2xx alone proves nothing");
    }
    for (key, text) in [
        ("has", &test.has),
        ("identity_id", &test.identity_id),
        ("identity_label", &test.identity_label),
    ] {
        if let Some(text) = text {
            pointer(lint, key, text);
        }
    }
    check_body(lint, Some(test.method), test.body.is_some());
    lint.each("error", &test.errors, check_rule);
}

fn check_rule(lint: &mut Linter, rule: &ErrorRule) {
    if rule.status.is_none() && rule.error.is_none() && rule.contains.is_none() {
        lint.say("a rule without `status`, `error` or `contains` would hold for every answer");
    }
}

fn check_flows(lint: &mut Linter, service: &Service) {
    if service.source.is_none() && service.destination.is_none() {
        lint.say_at("service", "it has no role: add [source] or [destination]");
    }
    for (key, flow) in flows(service) {
        lint.within(key, |lint| {
            lint.each("dataset", &flow.datasets, |lint, dataset| {
                if !template::is_name(&dataset.id) || dataset.id == "custom" {
                    lint.say_at(
                        "id",
                        "an id of a data set has a-z, 0-9 and _ only, and is not `custom`",
                    );
                }
                pointer(lint, "rows", &dataset.rows);
                check_body(lint, dataset.method, dataset.body.is_some());
                for text in dataset.columns.iter().chain(&dataset.cells) {
                    pointer(lint, "columns", text);
                }
                if dataset.columns.len() != dataset.cells.len() {
                    lint.say_at("columns", "`columns` and `cells` belong together, one for one");
                }
                for scope in dataset.scopes.iter().filter(|scope| !is_asked_for(service, scope)) {
                    lint.say_at(
                        "scopes",
                        format!("no way to authorize asks for the scope `{scope}`"),
                    );
                }
            });
            let doubled =
                |at: usize, id: &str| flow.datasets.iter().take(at).any(|other| other.id == id);
            for (_, dataset) in
                flow.datasets.iter().enumerate().filter(|(at, dataset)| doubled(*at, &dataset.id))
            {
                lint.say_at("dataset", format!("the id `{}` is there twice", dataset.id));
            }
            if let Some(test) = &flow.write_check {
                lint.within("write_check", |lint| check_test(lint, test, false));
            }
        });
    }
}

fn is_asked_for(service: &Service, scope: &String) -> bool {
    let ways = service.auths.iter().filter_map(|auth| auth.oauth2.as_ref());
    ways.into_iter()
        .any(|oauth2| oauth2.scopes.contains(scope) || oauth2.optional_scopes.contains(scope))
}

/// What a driver needs to be there, field sets put in.
pub fn check_driver(lint: &mut Linter, service: &Service) {
    let driver = service.head.driver;
    let needed: &[&str] = match driver {
        Driver::Http => &[],
        Driver::Postgresql | Driver::Mysql => {
            &["host", "port", "database", "user", "password", "tls"]
        }
        Driver::S3 => &["access_key_id", "secret_access_key", "region"],
        Driver::Sftp => &["host", "port", "user", "method", "password", "private_key"],
    };
    lint.each("auth", &service.auths, |lint, auth| lacking(lint, &auth.fields, needed));
    if (driver == Driver::Http) != service.http.is_some() {
        lint.say_at("service", "[http] is there if, and only if, the driver is `http`");
    }
    if driver != Driver::Http && !service.tests.is_empty() {
        lint.say_at("test", "this driver brings its own tests");
    }
    let settings = |flow: Option<&FlowSpec>| {
        flow.map(|flow| flow.settings.as_slice()).unwrap_or_default().to_vec()
    };
    let (source, destination): (&[&str], &[&str]) = match driver {
        Driver::Http => (&["dataset"], &[]),
        Driver::Postgresql | Driver::Mysql => {
            (&["mode", "schema", "table", "query"], &["schema", "table"])
        }
        Driver::S3 => (&["bucket", "path", "format"], &["bucket", "folder"]),
        Driver::Sftp => (&["path", "format"], &["folder"]),
    };
    if service.source.is_some() {
        lint.within("source", |lint| lacking(lint, &settings(service.source.as_ref()), source));
    }
    if let Some(flow) = &service.destination {
        lint.within("destination", |lint| {
            lacking(lint, &settings(Some(flow)), destination);
            if driver == Driver::Http && flow.write_check.is_none() {
                lint.say("a destination of an HTTP service needs [destination.write_check]");
            }
        });
    }
}

fn lacking(lint: &mut Linter, fields: &[FieldSpec], needed: &[&str]) {
    for key in needed.iter().filter(|key| !fields.iter().any(|field| field.key == **key)) {
        lint.say(format!("the driver needs a field `{key}`"));
    }
}

/// A JSON pointer is empty or begins with `/`; a template has a placeholder.
fn pointer(lint: &mut Linter, key: &str, text: &str) {
    if !text.is_empty() && !text.starts_with('/') && !text.contains('{') {
        lint.say_at(key, format!("`{text}` is not a JSON pointer: it begins with /"));
    }
}
