//! Two people at once on one authorizer.
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;

async fn edit(client: &Client, path: &str, changes: &[(&str, &str)]) -> crate::support::page::Page {
    client.get(&format!("{path}/edit")).await.expect(200);
    client.submit("form#authorizer", changes).await
}

with_app! {
    async fn who_saves_second_sees_both_versions_and_then_decides(app: TestApp) {
        let olga = app.set_up().await;
        let actor = house::owner(&app);
        let path = format!("/authorizers/{}", house::postgres(&app, &actor, "Shop").await);
        let anna = app.person(Role::Admin).await;
        anna.get(&format!("{path}/edit")).await.expect(200);
        edit(&olga, &path, &[("name", "Shop of Berlin"), ("database", "berlin"), ("action", "save")]).await.expect(200);

        let page = anna.submit("form#authorizer", &[("database", "paris"), ("action", "save")]).await.expect(409);
        page.shows(&["Somebody else saved this in between", "Both versions", "Shop of Berlin", "berlin", "paris"]);
        assert!(!page.body.contains("hush"), "a secret came back");
        assert_eq!(app.database.value("SELECT name AS value FROM authorizers"), "Shop of Berlin", "nothing is overwritten unasked");

        let page = anna.submit("form#authorizer", &[("name", "Shop of Paris"), ("action", "save")]).await;
        page.expect(200).shows(&["Shop of Paris"]);
    }
}
