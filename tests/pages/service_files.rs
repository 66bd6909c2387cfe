//! A service file that is gone, broken or changed: its authorizers say so at once and in true words, and their secrets stay
//! where they were typed for.
use std::time::{Duration, Instant};

use authorizers::domain::authorizers::{account, upkeep};
use authorizers::model::ids::AuthorizerId;
use authorizers::model::role::Role;
use serde_json::json;

use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};
use crate::support::page::Page;

const FORM: &str = "form#authorizer";

/// A service with a key, all of whose calls go to `host`.
fn file(fake: &Fake) -> String {
    let text = r#"
schema = 1

[service]
id = "keyed"
name = "Keyed"
category = "development"
summary = "Opens with a key."
driver = "http"
docs = "https://example.com/docs"
permission = "None."

[[auth]]
id = "key"
label = "API key"

[[auth.field]]
key = "api_key"
label = "API key"
kind = "secret"
secret = true

[auth.apply]
headers = { X-Key = "{api_key}" }

[http]
base = "@BASE@"

[[test]]
step = "identity"
path = "/me"
has = "/id"
identity_id = "/id"
identity_label = "/id"

[source]
field_sets = ["request"]

[[source.dataset]]
id = "me"
label = "Oneself"
path = "/me"
rows = ""

[lifetime]
note = "As long as the key."

[guide]
steps = ["Enter the key."]
"#;
    text.replace("@BASE@", &fake.url(""))
}

fn write(app: &TestApp, text: &str) {
    std::fs::write(app.services().join("keyed.toml"), text).expect("a service file");
}

async fn host() -> Fake {
    let fake = Fake::start().await;
    fake.answers_otherwise(Reply::json(200, &json!({ "id": "ann" })));
    fake
}

/// An authorizer of the keyed service, used by a source: the path of its page.
async fn keyed(app: &TestApp, owner: &Client) -> String {
    owner.get("/authorizers/new/keyed").await.expect(200);
    let path =
        owner.submit(FORM, &[("name", "Mine"), ("api_key", "st0red-key")]).await.expect(200).path();
    owner.get(&path).await.shows(&["Connected"]);
    app.database.execute(
        "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
         SELECT 's', 'Rows', 'rows', service, id, '{\"dataset\":\"me\"}', 1, 1, 1 FROM authorizers",
    );
    path
}

/// Presses *Test* and follows the page until it has a verdict, which does not take the time of a call.
async fn test(client: &Client, path: &str) -> Page {
    client.get(path).await.expect(200);
    let began = Instant::now();
    let mut page = client.submit("form[action$='/test']", &[]).await.expect(200);
    while page.refresh().is_some() {
        assert!(began.elapsed() < Duration::from_secs(20), "it tests on and on: {}", page.shown());
        tokio::time::sleep(Duration::from_millis(50)).await;
        page = client.get(&page.path()).await.expect(200);
    }
    page
}

/// What every page says of the authorizer while its file does not fit.
async fn says(app: &TestApp, owner: &Client, path: &str, words: &str, seen: &Fake) {
    let calls = seen.seen().len();
    owner.get("/authorizers").await.shows(&["Mine", "Broken", words]);
    owner.get(path).await.expect(200).shows(&[words]);
    let tested = test(owner, path).await;
    tested.shows(&["Service file", words]);
    for blame in ["does not accept", "no answer in time", "withdrawn"] {
        assert!(!tested.shown().contains(blame), "{}", tested.shown());
    }
    owner.get("/sources/s").await.expect(200).shows(&[words]);
    if ["Service file missing", "Service file has errors"].contains(&words) {
        owner.get("/sources/s/edit").await.expect(409).shows(&[words]);
    }
    let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
    assert!(account::open(&app.ctx, &id).await.is_err(), "it opens");
    upkeep::run(&app.ctx, &|| false).await.expect("the worker goes on");
    assert_eq!(seen.seen().len(), calls, "somebody was called");
}

with_app! {
    async fn a_file_that_is_gone_or_broken_is_told_at_once_and_all_works_when_it_is_back(app: TestApp) {
        let mut app = app;
        let fake = host().await;
        write(&app, &file(&fake));
        app.restart();
        let owner = app.set_up().await;
        let path = keyed(&app, &owner).await;

        std::fs::remove_file(app.services().join("keyed.toml")).unwrap();
        app.restart();
        says(&app, &owner, &path, "Service file missing", &fake).await;
        owner.get("/services").await.shows(&["Service files are missing", "keyed.toml: 1 authorizer"]);
        assert_eq!(app.database.value("SELECT health AS value FROM authorizers"), "ok", "another process may have the file");

        write(&app, &file(&fake).replace("[lifetime]", "[liftime]"));
        app.restart();
        says(&app, &owner, &path, "Service file has errors", &fake).await;

        write(&app, &file(&fake));
        app.restart();
        owner.get("/authorizers").await.shows(&["Mine", "Connected"]);
        test(&owner, &path).await.shows(&["Everything works"]);
    }

    async fn a_renamed_field_or_way_is_not_blamed_on_the_key(app: TestApp) {
        let mut app = app;
        let fake = host().await;
        write(&app, &file(&fake));
        app.restart();
        let owner = app.set_up().await;
        let path = keyed(&app, &owner).await;

        write(&app, &file(&fake).replace("id = \"key\"", "id = \"token\""));
        app.restart();
        says(&app, &owner, &path, "Service file no longer has this method", &fake).await;
        assert_eq!(owner.get(&format!("{path}/edit")).await.status, 409, "{}", owner.page().shown());
        owner.page().shows(&["no longer has this method"]);

        write(&app, &file(&fake).replace("\"api_key\"", "\"secret_key\"").replace("{api_key}", "{secret_key}"));
        app.restart();
        says(&app, &owner, &path, "Service file asks for more", &fake).await;
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        owner.submit(FORM, &[("secret_key", "typed-anew")]).await.expect(200).shows(&["Connected"]);
        assert_eq!(fake.last().header("x-key"), "typed-anew");
    }

    async fn a_file_that_names_another_host_gets_no_stored_secret_until_an_admin_confirms(app: TestApp) {
        let mut app = app;
        let (fake, other) = (host().await, host().await);
        write(&app, &file(&fake));
        app.restart();
        let owner = app.set_up().await;
        let path = keyed(&app, &owner).await;

        write(&app, &file(&other));
        app.restart();
        says(&app, &owner, &path, "Service file names other hosts", &other).await;
        let editor = app.person(Role::Editor).await;
        editor.get("/sources/s").await.expect(200).shows(&["Service file names other hosts"]);
        owner.get("/services").await.expect(200).shows(&["The file of Keyed names new hosts", &other.address.to_string(), "1 authorizer"]);
        // Only who may administer confirms, and only what was shown.
        let form = |client: &Client, hosts: &str| {
            let token = client.page().attr("input[name=csrf]", "value").expect("a token");
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("csrf", token.as_str()), ("hosts", hosts)]).finish()
        };
        let named = format!("http://{}", other.address);
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(editor.post("/services/keyed/hosts", kind, &form(&editor, &named)).await.status, 403);
        assert_eq!(owner.post("/services/keyed/hosts", kind, &form(&owner, "elsewhere.example")).await.status, 409);
        assert!(other.seen().is_empty(), "{:?}", other.seen());

        owner.get("/services").await.expect(200);
        owner.submit("form#confirm-keyed", &[]).await.expect(200).shows(&["Confirmed."]);
        owner.get("/activity").await.shows(&["Confirmed the hosts of a service", "Keyed", &named]);
        test(&owner, &path).await.shows(&["Everything works"]);
        assert_eq!(other.last().header("x-key"), "st0red-key");
    }

    async fn a_secret_that_is_typed_again_goes_to_the_new_host(app: TestApp) {
        let mut app = app;
        let (fake, other) = (host().await, host().await);
        write(&app, &file(&fake));
        app.restart();
        let owner = app.set_up().await;
        let path = keyed(&app, &owner).await;
        write(&app, &file(&other));
        app.restart();
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[]).await.expect(422).shows(&["Enter the API key again. It was entered for another address."]);
        assert!(other.seen().is_empty(), "{:?}", other.seen());
        owner.submit(FORM, &[("api_key", "typed-anew")]).await.expect(200).shows(&["Connected"]);
        assert_eq!(other.last().header("x-key"), "typed-anew");
    }

    async fn what_was_stored_before_bindings_were_recorded_is_bound_at_the_start(app: TestApp) {
        let mut app = app;
        let (fake, other) = (host().await, host().await);
        write(&app, &file(&fake));
        app.restart();
        let owner = app.set_up().await;
        let path = keyed(&app, &owner).await;
        acme::enter_app(&app, &owner).await;
        app.database.execute("UPDATE authorizers SET bound_destinations = NULL, bound_fields = NULL");
        app.database.execute("UPDATE oauth_apps SET bound_destinations = NULL");
        app.restart();
        let began = Instant::now();
        let missing = "SELECT COUNT(*) || '' AS value FROM authorizers WHERE bound_destinations IS NULL OR bound_fields IS NULL";
        let missing_app = "SELECT COUNT(*) || '' AS value FROM oauth_apps WHERE bound_destinations IS NULL";
        while app.database.value(missing) != "0" || app.database.value(missing_app) != "0" {
            assert!(began.elapsed() < Duration::from_secs(30), "nothing was recorded");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        owner.get(&path).await.shows(&["Connected"]);
        write(&app, &file(&other));
        app.restart();
        says(&app, &owner, &path, "Service file names other hosts", &other).await;
    }

    async fn the_client_secret_of_a_shared_app_is_not_sent_to_another_token_address(app: TestApp) {
        let mut app = app;
        let other = Fake::start().await;
        let owner = app.set_up().await;
        let registered = acme::enter_app(&app, &owner).await;
        let page = acme::authorize(&app, &owner, "Ads", "moved@example.com", crate::services::oauth::Answer::Allow).await.expect(200);
        let path = page.path();
        let text = app.acme().service_file();
        let moved = text
            .replace(&format!("token = \"{}/token\"", app.acme().base()), &format!("token = \"{}\"", other.url("/token")))
            .replace("hosts = [\"127.0.0.2\"]", "hosts = [\"127.0.0.1\", \"127.0.0.2\"]");
        assert_ne!(moved, text);
        std::fs::write(app.services().join("acme-reports.toml"), moved).unwrap();
        app.restart();
        owner.get(&path).await.shows(&["Service file names other hosts"]);
        for form in ["/authorizers/new/acme-reports".to_owned(), format!("{path}/reauthorize")] {
            owner.get(&form).await.expect(200);
            let page = owner.submit(FORM, &[]).await.expect(422);
            page.shows(&["Service file names other hosts"]);
        }
        let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
        assert!(account::open(&app.ctx, &id).await.is_err());
        assert!(other.seen().is_empty(), "{:?}", other.seen());
        owner.get("/services").await.shows(&["The file of Acme Reports names new hosts", "its OAuth app"]);
        // The secret is typed again: the app goes there, the tokens of the account do not.
        owner.get("/oauth-apps").await.expect(200);
        let app_path = owner.page().attr("a[href^='/oauth-apps/']", "href").expect("the app");
        owner.get(&app_path).await.expect(200);
        owner.submit("form#app", &[("client_secret", &registered.client_secret)]).await.expect(200);
        assert!(account::open(&app.ctx, &id).await.is_err());
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        owner.submit(FORM, &[]).await.expect(200);
        assert!(other.seen().is_empty(), "{:?}", other.seen());
    }
}
