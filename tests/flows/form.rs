//! *Create*, *Save*, *Delete*: what is stored, what is refused, what is recorded.
use authorizers::model::role::Role;

use super::{FORM, count, create, fill, value, with_account};
use crate::support::app::{TestApp, with_app};
use crate::support::house;

with_app! {
    async fn a_source_is_created_shown_edited_and_deleted_and_each_is_recorded(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        let other = house::postgres(&app, &house::owner(&app), "Shop 2").await.to_string();
        let path = create(&owner, "Orders", &account).await;
        owner.page().shows(&["Source created.", "Orders", "SELECT 1", "Shop", "Created by Olga Owner"]);

        owner.get(&format!("{path}/edit")).await.expect(200);
        let page = owner.submit(FORM, &[("name", "All orders"), ("authorizer", &other), ("action", "save")]).await.expect(200);
        assert_eq!(page.path(), path);
        page.shows(&["Source saved.", "All orders", "Shop 2", "Edited by Olga Owner: name, account"]);

        owner.get(&format!("{path}/delete")).await.expect(200).shows(&["Delete All orders?"]);
        owner.submit("form#delete", &[]).await.expect(200).shows(&["Source deleted."]);
        assert_eq!(count(&app, "sources"), 0);
        assert_eq!(owner.get(&path).await.status, 404);
        let verbs = "SELECT COUNT(*) || '' AS value FROM activity WHERE subject_kind = 'source'";
        assert_eq!(app.database.value(verbs), "3");
    }

    async fn a_taken_name_is_marked_and_nothing_typed_is_lost(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        create(&owner, "Orders", &account).await;
        fill(&owner, "ORDERS", &account).await;
        let page = owner.submit(FORM, &[("action", "create")]).await.expect(422);
        assert!(page.has(".field-error #name"), "{}", page.shown());
        assert_eq!((value(&page, "name"), value(&page, "s.query"), value(&page, "authorizer")), ("ORDERS".into(), "SELECT 1".into(), account));
        owner.submit(FORM, &[("name", "Orders 2"), ("action", "create")]).await.expect(200);
        assert_eq!(count(&app, "sources"), 2);
    }

    async fn a_source_and_a_destination_may_have_the_same_name(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        create(&owner, "Orders", &account).await;
        owner.get("/destinations/new/postgresql").await.expect(200);
        owner.submit(FORM, &[("name", "Orders"), ("authorizer", &account)]).await;
        let fields = [("s.schema", "public"), ("s.table", "orders"), ("action", "create")];
        owner.submit(FORM, &fields).await.expect(200).shows(&["Destination created."]);
    }

    async fn all_complaints_come_at_once(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        owner.get("/sources/new/postgresql").await;
        owner.submit(FORM, &[("name", ""), ("authorizer", &account)]).await;
        let page = owner.submit(FORM, &[("s.mode", "query"), ("s.query", ""), ("action", "create")]).await.expect(422);
        assert_eq!(page.count("a[href='#name'], a[href='#s-query']"), 2, "{}", page.shown());
        assert_eq!(count(&app, "sources"), 0);
    }

    async fn a_stale_edit_is_refused_and_shows_both_versions(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        let path = create(&owner, "Orders", &account).await;
        let edit = format!("{path}/edit");
        owner.get(&edit).await.expect(200);
        let tab = owner.tab();
        tab.submit(FORM, &[("name", "Theirs"), ("s.query", "SELECT 2"), ("action", "save")]).await.expect(200);
        let page = owner.submit(FORM, &[("name", "Mine"), ("s.query", "SELECT 3"), ("action", "save")]).await.expect(409);
        page.shows(&["Somebody else saved this in between", "Theirs", "Mine", "SELECT 2", "SELECT 3"]);
        assert_eq!((value(&page, "name"), value(&page, "s.query")), ("Mine".into(), "SELECT 3".into()));
        tab.get(&path).await.shows(&["Theirs", "SELECT 2"]);
        owner.submit(FORM, &[("action", "save")]).await.expect(200).shows(&["Mine", "SELECT 3"]);
    }

    async fn a_choice_that_cannot_be_loaded_is_said_and_can_be_typed(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        owner.get("/sources/new/postgresql").await;
        let page = owner.submit(FORM, &[("name", "Orders"), ("authorizer", &account), ("action", "load")]).await.expect(200);
        assert!(page.has(".callout #notice"), "{}", page.shown());
        assert!(page.has("input[name='s.schema'][type=text]"), "{}", page.body);
        owner.submit(FORM, &[("s.schema", "public"), ("s.table", "orders"), ("action", "create")]).await.expect(200);
        assert_eq!(count(&app, "sources"), 1);
    }

    async fn what_is_gone_from_under_the_form_is_no_crash(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        let path = create(&owner, "Orders", &account).await;
        owner.get(&format!("{path}/edit")).await.expect(200);
        app.database.execute("DELETE FROM sources");
        assert_eq!(owner.submit(FORM, &[("action", "save")]).await.status, 404);
        fill(&owner, "Orders", &account).await;
        app.database.execute("DELETE FROM authorizers");
        let page = owner.submit(FORM, &[("action", "create")]).await.expect(422);
        assert_eq!(value(&page, "s.query"), "SELECT 1");
    }

    async fn an_authorizer_cannot_be_deleted_while_a_source_uses_it(app: TestApp) {
        let (owner, account) = with_account(&app, "Shop").await;
        create(&owner, "Orders", &account).await;
        let refused = app.ctx.db.write({
            let id = account.as_str().into();
            move |c| authorizers::store::authorizers::delete(c, &id).map(|_| ())
        }).await;
        assert!(matches!(refused, Err(authorizers::store::StoreError::InUse)), "{refused:?}");
        assert_eq!(app.person(Role::Owner).await.get(&format!("/authorizers/{account}")).await.status, 200);
    }
}
