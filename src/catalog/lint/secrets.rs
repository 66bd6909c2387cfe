//! Secrets: never in a place that people can see, and a shared one never to an address that a person types.
use super::Linter;
use super::fields::flows;
use crate::catalog::auth::{AuthSpec, ClientAuth, OAuth2Spec};
use crate::catalog::chosen::Chosen;
use crate::catalog::http::TestSpec;
use crate::catalog::revoke::RevokeAuth;
use crate::catalog::service::Service;
use crate::catalog::template;

/// What every way by OAuth 2.0 holds beside its fields.
const HELD: [&str; 4] = ["access_token", "refresh_token", "token", "client_secret"];
/// Members of an answer that are secrets whatever the service means by them.
const SECRET_MEMBERS: [&str; 11] = [
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "secret",
    "client_secret",
    "password",
    "api_key",
    "apikey",
    "private_key",
    "signing_secret",
];

pub fn check(lint: &mut Linter, service: &Service) {
    lint.each("auth", &service.auths, |lint, auth| {
        if let Some(oauth) = &auth.oauth2 {
            lint.within("oauth2", |lint| {
                check_shown(lint, auth, oauth);
                check_shared_app(lint, oauth);
            });
        }
    });
    // Each way to authorize is tested by the same tests.
    let secrets: Vec<String> = service.auths.iter().flat_map(secret_names).collect();
    lint.each("test", &service.tests, |lint, test| check_test(lint, test, &secrets));
    for (key, flow) in flows(service) {
        if let Some(test) = &flow.write_check {
            lint.within(key, |lint| {
                lint.within("write_check", |lint| check_test(lint, test, &secrets))
            });
        }
    }
}

/// Placeholders of a way to authorize that hold a secret.
fn secret_names(auth: &AuthSpec) -> Vec<String> {
    let typed = auth.fields.iter().filter(|field| field.secret).map(|field| field.key.clone());
    let held = HELD.iter().map(|name| (*name).to_owned());
    let oauth = auth.oauth2.as_ref();
    let kept = oauth.into_iter().flat_map(|oauth| &oauth.keep);
    let kept = kept.filter(|keep| is_secret_member(&keep.from)).map(|keep| keep.to.clone());
    let called = oauth.into_iter().flat_map(|oauth| &oauth.calls).flat_map(|call| &call.keep);
    let called = called.filter(|(at, _)| is_secret_member(at)).map(|(_, to)| to.clone());
    typed.chain(held).chain(kept).chain(called).collect()
}

/// `/data/access_token`, `token:/id_token`, `callback:api_key`.
fn is_secret_member(pointer: &str) -> bool {
    let last = pointer.rsplit(['/', ':']).next().unwrap_or_default();
    SECRET_MEMBERS.contains(&last.to_lowercase().as_str())
}

/// The browser's address bar, lists of accounts, the activity log.
fn check_shown(lint: &mut Linter, auth: &AuthSpec, oauth: &OAuth2Spec) {
    let secrets = secret_names(auth);
    for (key, texts) in [
        ("authorize", vec![&oauth.authorize]),
        ("authorize_extra", oauth.authorize_extra.values().collect()),
        ("scopes", oauth.scopes.iter().collect()),
        ("optional_scopes", oauth.optional_scopes.iter().collect()),
        ("issuer", oauth.issuer.iter().collect()),
    ] {
        for text in texts {
            refuse(lint, key, text, &secrets, "goes into the address bar of the browser");
        }
    }
    lint.within("identity", |lint| {
        for (key, text) in [("id", &oauth.identity.id), ("label", &oauth.identity.label)] {
            check_identity(lint, key, text, &secrets);
        }
    });
}

fn check_test(lint: &mut Linter, test: &TestSpec, secrets: &[String]) {
    for (key, text) in
        [("identity_id", &test.identity_id), ("identity_label", &test.identity_label)]
    {
        if let Some(text) = text {
            check_identity(lint, key, text, secrets);
        }
    }
}

/// Who the service says we are is stored in the clear, searched for and shown in lists.
fn check_identity(lint: &mut Linter, key: &str, text: &str, secrets: &[String]) {
    refuse(lint, key, text, secrets, "is stored in the clear and shown in lists");
    if text.starts_with('/') && is_secret_member(text) {
        lint.say_at(
            key,
            format!(
                "`{text}` sounds like a secret, and what it names is stored in the clear and shown \
                 in lists: choose an id or a name from the answer"
            ),
        );
    }
}

fn refuse(lint: &mut Linter, key: &str, text: &str, secrets: &[String], why: &str) {
    for name in template::names(text).unwrap_or_default() {
        if secrets.iter().any(|secret| secret == name) {
            lint.say_at(
                key,
                format!("`{{{name}}}` is a secret, and this {why}: use a value that is no secret"),
            );
        }
    }
}

/// `hosts = ["*"]` lets the person choose who is called. The client secret of a shared app is not theirs to give away.
fn check_shared_app(lint: &mut Linter, oauth: &OAuth2Spec) {
    if oauth.own_app || !oauth.hosts.iter().any(|host| host == "*") || !sends_secret(oauth) {
        return;
    }
    lint.say_at(
        "hosts",
        "`*` would send the client secret of the shared OAuth app to any address that a person \
         types: write `own_app = true` and ask for `client_id` and `client_secret`, or name the \
         hosts, or use no client secret (`client_auth = \"none\"`)",
    );
}

/// Whether any call carries the client secret of the OAuth app.
fn sends_secret(oauth: &OAuth2Spec) -> bool {
    let is_public = oauth.client_auth == Chosen::Fixed(ClientAuth::None);
    if !is_public || oauth.refresh_client_auth.is_some_and(|auth| auth != ClientAuth::None) {
        return true;
    }
    let revoke = oauth.revoke.as_ref();
    if revoke.is_some_and(|revoke| revoke.auth == RevokeAuth::Basic) {
        return true;
    }
    let exchange = oauth.exchange.iter().flat_map(|exchange| exchange.query.values());
    let calls = oauth.calls.iter().flat_map(|call| call.headers.values());
    let revoke = revoke.into_iter().flat_map(|revoke| {
        std::iter::once(&revoke.url).chain(revoke.params.values()).chain(revoke.headers.values())
    });
    oauth
        .token_extra
        .values()
        .chain(oauth.refresh_extra.values())
        .chain(oauth.token_headers.values())
        .chain(oauth.identity.headers.values())
        .chain(exchange)
        .chain(calls)
        .chain(revoke)
        .any(|text| template::names(text).unwrap_or_default().contains(&"client_secret"))
}
