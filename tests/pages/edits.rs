//! Editing an account by credentials: what opens another account is never swapped in unasked, and who does not want a
//! test is not made to wait for one.

use authorizers::domain::authorizers::enter_credentials::{Entered, NewCredentials, enter};
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;

use crate::services::html;
use crate::support::app::{TestApp, with_app};
use crate::support::house;
use crate::support::postgres::shared;
use crate::support::server::unused;

const FORM: &str = "form#authorizer";

/// An account that was tested: the path of its page, and the names of its database and of another one.
async fn tested(app: &TestApp) -> (String, [String; 2]) {
    let names = [unused("edits"), unused("edits")];
    shared().run("postgres", &format!("CREATE ROLE {} LOGIN", names[0])).await;
    for name in &names {
        shared().run("postgres", &format!("CREATE DATABASE {name}")).await;
    }
    let id = house::real_postgres(app, "Shop", shared().port(), (&names[0], &names[0], "x")).await;
    (format!("/authorizers/{id}"), names)
}

with_app! {
    async fn a_new_password_is_saved_without_a_test_and_the_account_stays_the_same(app: TestApp) {
        let owner = app.set_up().await;
        let (path, [database, _]) = tested(&app).await;
        owner.get(&format!("{path}/edit")).await.expect(200);
        let page = owner.submit(FORM, &[("password", "another"), ("action", "save")]).await.expect(200);
        page.shows(&["Not tested", &format!("{database}@127.0.0.1:{}/{database}", shared().port())]);
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[("action", "test")]).await.expect(200).shows(&["Tested and saved.", "Connected"]);
    }

    async fn another_account_that_cannot_be_reached_yet_is_switched_to_or_kept_without_a_test(app: TestApp) {
        let owner = app.set_up().await;
        let (path, [database, _]) = tested(&app).await;
        let gone = [("host", "db.invalid"), ("password", "x")];
        owner.get(&format!("{path}/edit")).await.expect(200);
        let page = owner.submit(FORM, &[gone[0], gone[1], ("action", "test")]).await.expect(422);
        page.shows(&["db.invalid"]);
        let page = owner.submit(FORM, &[("action", "save")]).await.expect(409);
        page.shows(&["This may be another account", &format!("{database}@db.invalid"), "Switch to this account, without testing"]);
        let pressed_by_enter = page.attr("form#authorizer button, button[form='authorizer']", "value");
        assert_eq!(pressed_by_enter.as_deref(), Some("test"));
        assert_eq!(html::faults([(&"another account".to_owned(), page.body.as_str())].into_iter()), Vec::<String>::new());
        assert_eq!(page.texts("form#authorizer .form-actions button"), ["Test and save", "Save without testing"]);
        owner.tab().get(&path).await.shows(&["Connected"]);
        let page = owner.submit(FORM, &[("action", "keep_both_untested")]).await.expect(200);
        page.shows(&["Saved, not tested,", "as a new authorizer", "db.invalid"]);
        owner.get(&path).await.shows(&["Connected", "127.0.0.1"]);

        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit(FORM, &[gone[0], gone[1], ("action", "save")]).await.expect(409);
        let page = owner.submit(FORM, &[("action", "switch_untested")]).await.expect(200);
        page.shows(&["Not tested", &format!("{database}@db.invalid")]);
        assert_eq!(app.database.count("authorizers"), 2);
        let used = app.database.value("SELECT note AS value FROM activity WHERE verb = 'switched' ORDER BY id DESC LIMIT 1");
        assert!(used.contains("Host: was 127.0.0.1, now db.invalid"), "{used}");
    }

    async fn a_new_key_does_not_say_whose_it_is_and_only_who_may_switch_saves_it_untested(app: TestApp) {
        let owner = app.set_up().await;
        let new = NewCredentials {
            service_id: "stripe".into(),
            auth_id: "key".to_owned(),
            name: "Payments".to_owned(),
            values: [("api_key".to_owned(), Secret::new("sk_test_1"))].into(),
            is_tested: false,
        };
        assert!(matches!(enter(&app.ctx, &house::owner(&app), new).await, Ok(Entered::Saved { .. })));
        app.database.execute("UPDATE authorizers SET identity_key = 'acct_1', identity_label = 'Harbour', health = 'ok'");
        let path = format!("/authorizers/{}", app.database.value("SELECT id AS value FROM authorizers"));
        let anna = app.person(Role::Authorizer).await;
        for (client, buttons) in [(&anna, 1), (&owner, 2)] {
            client.get(&format!("{path}/edit")).await.expect(200);
            let page = client.submit(FORM, &[("api_key", "sk_test_2"), ("action", "save")]).await.expect(409);
            page.shows(&["This may be another account", "Harbour", "not known without a test"]);
            assert_eq!(page.texts(".callout button").len(), buttons);
        }
        let token = anna.get("/authorizers").await.attr("form#act input[name=csrf]", "value").expect("a token");
        let body = format!("csrf={token}&version=1&name=Payments&api_key=sk_test_2&action=switch_untested");
        anna.post(&format!("{path}/edit"), "application/x-www-form-urlencoded", &body).await.expect(403);
        assert_eq!(app.database.value("SELECT identity_key AS value FROM authorizers"), "acct_1");
        owner.submit(FORM, &[("action", "switch_untested")]).await.expect(200).shows(&["Not tested"]);
        assert_eq!(app.database.value("SELECT identity_key AS value FROM authorizers"), "");
    }

    async fn another_account_that_was_tested_is_tested_again_before_it_is_switched_to(app: TestApp) {
        let owner = app.set_up().await;
        let (path, [_, other]) = tested(&app).await;
        app.database.execute(
            "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
             SELECT 'Orders', 'Orders', 'orders', service, id, '{}', 1, created_by_id, created_at, updated_at FROM authorizers",
        );
        owner.get(&format!("{path}/edit")).await.expect(200);
        let page = owner.submit(FORM, &[("database", &other), ("action", "test")]).await.expect(409);
        page.shows(&["This is another account", &format!("/{other}"), "1 source would read or write as the other account"]);
        assert_eq!(page.texts(".callout button"), ["Switch to this account", "Keep both, as a new authorizer"]);
        owner.submit(FORM, &[("action", "switch")]).await.expect(200).shows(&["Tested and saved.", "Connected", &format!("/{other}")]);
    }
}
