//! Marked secrets are typed into forms and given by providers; afterwards they are looked for wherever they must not be.
use authorizers::model::role::Role;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::pages::crawl::Crawl;
use crate::services::oauth::Answer;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::database::Kind;
use crate::support::{acme, logs};

/// A secret as it might be written: plain, in base64, percent-encoded, in hex.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let base64 = [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    let mut forms = vec![secret.to_owned(), percent, hex.to_lowercase(), hex];
    forms.extend(base64.into_iter().map(|text| text.trim_end_matches('=').to_owned()));
    forms
}

#[track_caller]
fn must_not_be_in(place: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        for form in forms(secret) {
            if let Some(at) = text.find(&form) {
                let from = text[..at].char_indices().rev().nth(200).map_or(0, |(index, _)| index);
                panic!("{place} holds a secret after: {}", &text[from..at]);
            }
        }
    }
}

with_app! {
    async fn secrets_are_nowhere_in_the_clear(app: TestApp) {
        let owner = app.set_up().await;
        let mut secrets = vec![PASSWORD.to_owned()];
        let acme_app = acme::enter_app(&app, &owner).await;
        secrets.push(acme_app.client_secret);

        // A grant, and a denied one.
        acme::authorize(&app, &owner, "Ads", "secrets@example.com", Answer::Allow).await.expect(200);
        acme::authorize(&app, &owner, "Denied", "secrets@example.com", Answer::Deny).await;
        // One that nobody comes back from: its state alone would complete it.
        owner.get("/authorizers/new/acme-reports").await.expect(200);
        let leaving = owner.submit("form#authorizer", &[("name", "Left")]).await.expect(200);
        let url = leaving.refresh().expect("it leads to Acme");
        let (_, state) = url.query_pairs().find(|(name, _)| name == "state").expect("a state");
        secrets.push(state.into_owned());

        // Typed: refused by the form, failed in the test, saved without it.
        let typed = [("password", "mark-pg-p&ssw0rd/ä"), ("ssh_password", "mark-ssh-p&ssw0rd+x")];
        secrets.extend(typed.iter().map(|(_, secret)| (*secret).to_owned()));
        owner.get("/authorizers/new/postgresql").await.expect(200);
        let fields = [
            ("name", "Warehouse"), ("host", "127.0.0.1"), ("port", "1"), ("database", "shop"), ("user", "etl"),
            ("ssh", "password"), ("ssh_host", "127.0.0.1"), ("ssh_port", "2"), ("ssh_user", "hop"), typed[0], typed[1],
        ];
        let mut wrong = fields;
        wrong[2] = ("port", "many");
        for (changes, button) in [(wrong, "test"), (fields, "test"), (fields, "save")] {
            let mut changes = changes.to_vec();
            changes.push(("action", button));
            let page = owner.submit("form#authorizer", &changes).await;
            must_not_be_in(&format!("the page after {button}"), &page.body, &secrets);
        }

        secrets.extend(tokens(&app).await);
        assert!(secrets.len() >= 7, "some secrets were not made");
        // Reading every page once more refreshes, opens and shows what there is.
        let crawl = Crawl::from(&owner, &["/"]).await;
        for (path, page) in &crawl.pages {
            must_not_be_in(path, &page.body, &secrets);
            must_not_be_in(path, &format!("{:?}", page.headers), &secrets);
        }
        for (table, lines) in app.database.contents() {
            must_not_be_in(&format!("the table {table}"), &lines.join("\n"), &secrets);
        }
        if app.database.kind == Kind::Sqlite {
            let folder = app.database.url.trim_start_matches("sqlite://").to_owned();
            for ending in ["", "-wal"] {
                let bytes = std::fs::read(format!("{folder}{ending}")).unwrap_or_default();
                must_not_be_in("the database's file", &String::from_utf8_lossy(&bytes), &secrets);
            }
        }
        let logs = logs::all();
        assert!(logs.contains("/authorizers/new/postgresql"), "the log says nothing: {} bytes", logs.len());
        must_not_be_in("the log", &logs, &secrets);
        assert!(app.person(Role::Owner).await.get("/authorizers").await.shown().contains("Warehouse"));
    }
}

/// What Acme gave.
async fn tokens(app: &TestApp) -> Vec<String> {
    let id = app.database.value("SELECT id AS value FROM authorizers WHERE name = 'Ads'");
    let open = authorizers::domain::authorizers::account::open(&app.ctx, &id.as_str().into()).await;
    let open = open.unwrap_or_else(|error| panic!("Ads does not open: {error:?}"));
    let tokens = open.account().credentials.tokens.as_ref().expect("tokens");
    let refresh = tokens.refresh.as_ref().expect("a refresh token");
    vec![tokens.access.expose().to_owned(), refresh.expose().to_owned()]
}

#[test]
fn a_planted_secret_is_found_in_each_form() {
    let secret = "mark & secret/ä".to_owned();
    for form in forms(&secret) {
        let found = std::panic::catch_unwind(|| {
            must_not_be_in("here", &format!("before {form} after"), std::slice::from_ref(&secret))
        });
        assert!(found.is_err(), "{form} was overlooked");
    }
}
