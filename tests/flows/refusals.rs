//! Who may not do what, and accounts that cannot be used.
use authorizers::model::role::Role;

use super::{FORM, count, create, fill, value, with_account};
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;

/// A body that no page offers, sent with the token of one.
async fn forge(client: &Client, path: &str, fields: &[(&str, &str)]) -> crate::support::page::Page {
    let token =
        client.get("/authorizers").await.attr("input[name=csrf]", "value").expect("a token");
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.append_pair("csrf", &token).extend_pairs(fields);
    client.post(path, "application/x-www-form-urlencoded", &body.finish()).await
}

fn id(app: &TestApp, name: &str) -> String {
    app.database.value(&format!("SELECT id AS value FROM authorizers WHERE name = '{name}'"))
}

with_app! {
    async fn an_account_of_another_service_is_refused(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        for action in ["create", "test", "load"] {
            let fields = [("name", "x"), ("authorizer", account.as_str()), ("s.mode", "query"), ("s.query", "SELECT 1"), ("action", action)];
            let page = forge(&owner, "/sources/new/mysql", &fields).await;
            assert!(matches!(page.status, 200 | 422), "{action}: {}", page.shown());
            assert!(page.has(".field-error #authorizer"), "{action}: {}", page.shown());
            assert!(!page.shown().contains("db.example.com"), "nothing of that account is told");
        }
        assert_eq!(count(&app, "sources"), 0);
    }

    async fn an_account_that_does_not_exist_is_refused(app: TestApp) {
        let owner = app.set_up().await;
        for account in ["nobody", "", "__new", "' OR 1=1 --"] {
            let fields = [("name", "x"), ("authorizer", account), ("s.mode", "query"), ("s.query", "SELECT 1"), ("action", "create")];
            assert_eq!(forge(&owner, "/sources/new/postgresql", &fields).await.status, 422, "{account}");
        }
        assert_eq!(count(&app, "sources"), 0);
    }

    async fn a_service_without_that_role_has_no_form(app: TestApp) {
        let owner = app.set_up().await;
        for path in ["/destinations/new/acme-reports", "/sources/new/nothing"] {
            assert_eq!(owner.get(path).await.status, 404, "{path}");
            assert_eq!(forge(&owner, path, &[("name", "x")]).await.status, 404, "{path}");
        }
    }

    async fn a_broken_account_is_offered_last_and_its_data_is_refused_with_cause_and_cure(app: TestApp) {
        house::furnish(&app).await;
        let owner = app.person(Role::Owner).await;
        let page = owner.get("/sources/new/postgresql").await.expect(200);
        let offered = page.texts("select[name=authorizer] option");
        assert!(!offered.iter().any(|text| text.starts_with("Revoked")), "{offered:?}");
        let at = |word: &str| offered.iter().position(|text| text.starts_with(word)).unwrap_or_else(|| panic!("{offered:?}"));
        assert!(at("Working") < at("Wrong password"), "{offered:?}");
        assert!(offered[at("Wrong password")].contains("Broken"), "{offered:?}");
        assert_eq!(offered.last().unwrap(), "Add new account…");

        let broken = id(&app, "Wrong password");
        fill(&owner, "Orders 2", &broken).await.shows(&["Wrong password is broken"]);
        let before = app.contents();
        let page = owner.submit(FORM, &[("action", "test")]).await.expect(422);
        assert!(page.has(&format!(".callout a[href*='/authorizers/{broken}']")), "the way to the cure: {}", page.body);
        assert_eq!(value(&page, "s.query"), "SELECT 1");
        assert_eq!(app.contents(), before);

        let page = owner.get("/sources/flow-sources-stopped-orders").await.expect(200);
        page.shows(&["Its account is broken", "Reauthorize"]);
        assert!(!page.has("form#test"), "what cannot work is not drawn");
        let page = forge(&owner, "/sources/flow-sources-stopped-orders/test", &[]).await;
        assert_eq!(page.status, 422, "{}", page.shown());
        assert_eq!(page.texts(".callout h2").len(), 1, "said once: {}", page.shown());
    }

    async fn a_revoked_account_is_refused_but_what_has_it_can_be_renamed(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        let path = create(&owner, "Orders", &account).await;
        app.database.execute("UPDATE authorizers SET lifecycle = 'revoked', attention = 4, revocation = 'confirmed', sealed = NULL, sealed_key = NULL");
        let fields = [("name", "x"), ("authorizer", account.as_str()), ("s.mode", "query"), ("s.query", "SELECT 1"), ("action", "create")];
        assert_eq!(forge(&owner, "/sources/new/postgresql", &fields).await.status, 422);
        let page = owner.get(&format!("{path}/edit")).await.expect(200);
        page.shows(&["The token of Shop was revoked"]);
        assert_eq!(value(&page, "authorizer"), account, "another account is not chosen silently");
        let page = owner.submit(FORM, &[("action", "test")]).await.expect(422);
        page.shows(&["revoked"]);
        owner.submit(FORM, &[("name", "Old orders"), ("action", "save")]).await.expect(200).shows(&["Old orders", "Revoked"]);
    }

    async fn an_editor_asks_for_an_account_and_cannot_add_one(app: TestApp) {
        let (_, account) = with_account(&app, "Shop").await;
        let editor = app.person(Role::Editor).await;
        let page = editor.get("/sources/new/postgresql").await.expect(200);
        assert!(page.has("a[href='/requests/new?service=postgresql']"), "{}", page.shown());
        assert!(!page.has("button[value=add_account]") && !page.has("option[value=__new__]"), "{}", page.shown());
        for action in ["add_account", "add", "add_untested", "create"] {
            let fields = [("name", "x"), ("authorizer", "__new__"), ("account.host", "x"), ("action", action)];
            assert_eq!(forge(&editor, "/sources/new/postgresql", &fields).await.status, 403, "{action}");
        }
        assert_eq!(count(&app, "authorizers"), 1);
        create(&editor, "Orders", &account).await;
        assert_eq!(count(&app, "sources"), 1);
    }

    async fn who_only_sees_changes_nothing(app: TestApp) {
        house::furnish(&app).await;
        let (account, source) = (id(&app, "Working"), "/sources/flow-sources-orders");
        for role in [Role::Viewer, Role::Authorizer] {
            let person = app.person(role).await;
            let before = (count(&app, "sources"), count(&app, "drafts"), count(&app, "authorizers"));
            let page = person.get(source).await.expect(200);
            assert!(!page.has("a[href$='/edit']:not([href*='/authorizers/'])") && !page.has("a[href$='/delete']"), "{}", page.shown());
            for path in ["/sources/new/postgresql", "/sources/flow-sources-orders/edit", "/sources/flow-sources-orders/delete"] {
                assert_eq!(person.get(path).await.status, 403, "{role:?} {path}");
                let fields = [("name", "x"), ("authorizer", account.as_str()), ("version", "1"), ("action", "create")];
                assert_eq!(forge(&person, path, &fields).await.status, 403, "{role:?} {path}");
            }
            assert_eq!(before, (count(&app, "sources"), count(&app, "drafts"), count(&app, "authorizers")));
        }
        assert_eq!(forge(&app.person(Role::Viewer).await, &format!("{source}/test"), &[]).await.status, 403);
    }
}
