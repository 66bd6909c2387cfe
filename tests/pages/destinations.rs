//! A stored or drafted secret goes where it was typed for, and nowhere else: a listener at every other place hears nothing.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authorizers::model::role::Role;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};
use crate::support::page::Page;

const FORM: &str = "form#authorizer";

/// Counts the connections that reach an address, and hangs up on them.
struct Listener {
    port: String,
    count: Arc<AtomicUsize>,
}

impl Listener {
    async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free address");
        let port = listener.local_addr().expect("an address").port().to_string();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                stream.read_u8().await.ok();
            }
        });
        Self { port, count }
    }

    fn heard(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// Saves an account without a test; the path of its page.
async fn saved(client: &Client, service: &str, fields: &[(&str, &str)]) -> String {
    client.get(&format!("/authorizers/new/{service}")).await.expect(200);
    // *Save without testing* is drawn once a test has failed.
    let page = client.submit(FORM, fields).await.expect(422);
    assert!(page.has("button[value=save]"), "{}", page.shown());
    let page = client.submit(FORM, &[("action", "save")]).await.expect(200);
    page.shows(&["Not tested"]);
    page.path()
}

/// Presses both buttons of an edit that leads elsewhere, with the secrets left empty.
async fn refused(client: &Client, path: &str, changes: &[(&str, &str)], marked: &[&str]) -> Page {
    let mut last = None;
    for action in ["test", "save"] {
        client.get(&format!("{path}/edit")).await.expect(200);
        let changes = [changes, &[("action", action)]].concat();
        let page = client.submit(FORM, &changes).await.expect(422);
        for field in marked {
            assert!(
                page.has(&format!(".field-error #{field}")),
                "{changes:?}: {field} is not marked: {}",
                page.shown()
            );
        }
        page.shows(&["again. It was entered for another address."]);
        last = Some(page);
    }
    last.expect("two presses")
}

with_app! {
    async fn a_database_on_another_host_port_or_way_gets_no_stored_password(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other_host, other_port) =
            (Listener::at("127.0.0.1:0").await, Listener::at("127.0.0.6:0").await, Listener::at("127.0.0.1:0").await);
        let here = [
            ("host", "127.0.0.1"), ("port", first.port.as_str()), ("database", "shop"), ("user", "etl"), ("password", "st0red"), ("tls", "disable"),
        ];
        let path = saved(&owner, "postgresql", &here).await;
        let heard = first.heard();
        refused(&owner, &path, &[("host", "127.0.0.6"), ("port", &other_host.port)], &["password"]).await;
        refused(&owner, &path, &[("port", &other_port.port)], &["password"]).await;
        let tunnel = [("ssh", "password"), ("ssh_host", "127.0.0.6"), ("ssh_port", other_host.port.as_str()), ("ssh_user", "u"), ("ssh_password", "typed")];
        refused(&owner, &path, &tunnel, &["password"]).await;
        assert_eq!((other_host.heard(), other_port.heard(), first.heard()), (0, 0, heard), "somebody was called");
        // Typed again, it goes there.
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[("port", other_port.port.as_str()), ("password", "new")]).await.expect(422);
        assert!(other_port.heard() > 0, "the listener hears nothing at all");
        // Left alone, it goes where it went.
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[("user", "other")]).await.expect(422);
        assert!(first.heard() > heard);
    }

    async fn another_ssh_server_gets_neither_the_password_of_the_tunnel_nor_that_behind_it(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other) = (Listener::at("127.0.0.1:0").await, Listener::at("127.0.0.6:0").await);
        let here = [
            ("host", "db.invalid"), ("port", "5432"), ("database", "shop"), ("user", "etl"), ("password", "st0red"), ("tls", "disable"),
            ("ssh", "password"), ("ssh_host", "127.0.0.1"), ("ssh_port", first.port.as_str()), ("ssh_user", "hop"), ("ssh_password", "hop-st0red"),
        ];
        let path = saved(&owner, "postgresql", &here).await;
        for changes in [[("ssh_host", "127.0.0.6"), ("ssh_port", other.port.as_str())], [("ssh_host", "127.0.0.1"), ("ssh_port", other.port.as_str())]] {
            refused(&owner, &path, &changes, &["password", "ssh_password"]).await;
        }
        assert_eq!(other.heard(), 0);
        owner.get(&format!("{path}/edit")).await.expect(200);
        let typed = [("ssh_host", "127.0.0.6"), ("ssh_port", other.port.as_str()), ("password", "a"), ("ssh_password", "b")];
        owner.submit(FORM, &typed).await.expect(422);
        assert!(other.heard() > 0, "the listener hears nothing at all");
    }

    async fn another_endpoint_of_s3_and_another_address_of_an_api_get_no_stored_key(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other) = (Fake::start().await, Fake::start().await);
        let endpoint = [
            ("access_key_id", "AKIA1"), ("secret_access_key", "st0red-secret"), ("region", "eu-central-1"), ("bucket", "bucket"),
            ("endpoint", &*first.url("")), ("path_style", "true"),
        ];
        let s3 = saved(&owner, "s3", &endpoint).await;
        refused(&owner, &s3, &[("endpoint", &other.url(""))], &["secret_access_key"]).await;
        refused(&owner, &s3, &[("region", "us-east-1")], &["secret_access_key"]).await;

        let base = [("base_url", &*first.url("/v1")), ("bearer", "st0red-bearer")];
        let api = saved(&owner, "custom-http", &base).await;
        for elsewhere in [other.url("/v1"), other.url(""), first.url("/v2"), first.url("/v1/")] {
            refused(&owner, &api, &[("base_url", &elsewhere)], &["bearer"]).await;
        }
        assert!(other.seen().is_empty(), "{:?}", other.seen());
        assert!(first.seen().iter().all(|call| call.path != "/v2/"), "another path was asked");
        other.answers_otherwise(Reply::new(200, "application/json", "{}"));
        owner.get(&format!("{api}/edit")).await.expect(200);
        owner.submit(FORM, &[("base_url", &other.url("/v1")), ("bearer", "typed-anew")]).await.expect(200).shows(&["Tested and saved."]);
        assert_eq!(other.last().header("authorization"), "Bearer typed-anew");
    }

    async fn a_drafted_secret_goes_where_it_was_typed_for(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other) = (Fake::start().await, Fake::start().await);
        owner.get("/authorizers/new/custom-http").await.expect(200);
        owner.submit(FORM, &[("base_url", &first.url("")), ("bearer", "drafted")]).await.expect(422);
        assert_eq!(first.last().header("authorization"), "Bearer drafted");
        let page = owner.submit(FORM, &[("base_url", &other.url(""))]).await.expect(422);
        assert!(page.has(".field-error #bearer"), "{}", page.shown());
        assert!(other.seen().is_empty(), "{:?}", other.seen());
        // Another service's form takes nothing of it, either.
        let draft = page.attr("input[name=draft]", "value").expect("a draft");
        let csrf = page.attr("input[name=csrf]", "value").expect("a token");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", csrf.as_str()), ("draft", &draft), ("base_url", &other.url("")), ("method", "bearer")]).finish();
        let crafted = owner.post("/authorizers/new/custom-http", "application/x-www-form-urlencoded", &body).await;
        assert_eq!(crafted.status, 422, "{}", crafted.shown());
        assert!(other.seen().is_empty(), "{:?}", other.seen());

        // Inside the form of a source it is the same.
        owner.get("/sources/new/custom-http").await.expect(200);
        owner.submit("form#flow", &[("name", "Rows"), ("action", "add_account")]).await.expect(200);
        let typed = [("account.base_url", &*first.url("")), ("account.bearer", "panelled"), ("action", "add")];
        owner.submit("form#flow", &typed).await.expect(422);
        assert_eq!(first.last().header("authorization"), "Bearer panelled");
        let page = owner.submit("form#flow", &[("account.base_url", &other.url("")), ("action", "add")]).await.expect(422);
        assert!(page.has(".field-error #account-bearer"), "{}", page.shown());
        assert!(other.seen().is_empty(), "{:?}", other.seen());
        first.answers_otherwise(Reply::new(200, "application/json", "{}"));
        owner.submit("form#flow", &[("account.base_url", &first.url("")), ("account.bearer", "typed-again"), ("action", "add")])
            .await.expect(200).shows(&["The account is added and chosen."]);
    }

    async fn leading_a_proven_account_elsewhere_is_a_switch_whoever_asks(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other) = (Fake::start().await, Fake::start().await);
        for fake in [&first, &other] {
            fake.answers_otherwise(Reply::new(200, "application/json", "{}"));
        }
        owner.get("/authorizers/new/custom-http").await.expect(200);
        let path = owner.submit(FORM, &[("base_url", &first.url("")), ("bearer", "one")]).await.expect(200).path();
        let authorizer = app.person(Role::Authorizer).await;
        for action in ["test", "save"] {
            authorizer.get(&format!("{path}/edit")).await.expect(200);
            let page = authorizer.submit(FORM, &[("base_url", &other.url("")), ("bearer", "two"), ("action", action)]).await.expect(409);
            page.shows(&[&first.url(""), &other.url(""), "Ask an admin"]);
            assert!(!page.has("button[value^=switch]"), "{}", page.shown());
        }
        let page = authorizer.page();
        let (csrf, version) = (page.attr("input[name=csrf]", "value").unwrap(), page.attr("input[name=version]", "value").unwrap());
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([
            ("csrf", csrf.as_str()), ("version", &version), ("name", "n"), ("base_url", &other.url("")), ("method", "bearer"), ("bearer", "two"),
            ("action", "switch"),
        ]).finish();
        let refused = authorizer.post(&format!("{path}/edit"), "application/x-www-form-urlencoded", &body).await;
        assert_eq!(refused.status, 403, "{}", refused.shown());
        owner.get(&path).await.shows(&[&first.url("")]);

        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[("base_url", &other.url("")), ("bearer", "two")]).await.expect(409);
        owner.submit(FORM, &[("action", "switch")]).await.expect(200).shows(&[&other.url("")]);
        owner.get("/activity").await.shows(&["Switched to another account", "Address of the API: was"]);
    }
}
