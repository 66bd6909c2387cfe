//! Methods that need no OAuth app come first while there is none, for everybody.
use authorizers::catalog::Service;
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;

/// The method that the guide explains first.
async fn first_in_guide(client: &Client) -> String {
    client.get("/guides/github").await.expect(200).text("#way-1")
}

async fn chosen_in_panel(client: &Client) -> String {
    client.get("/sources/new/github").await.expect(200);
    let page = client.submit("form#flow", &[("action", "add_account")]).await.expect(200);
    page.text("select[name=account_way] option[selected]")
}

async fn enter_app(client: &Client) {
    client.get("/oauth-apps/new/github").await.expect(200);
    let typed = [("client_id", "a-client"), ("client_secret", "hush")];
    client.submit("form#app", &typed).await.expect(200);
}

with_app! {
    async fn a_token_is_offered_before_a_sign_in_that_nobody_has_set_up(app: TestApp) {
        let owner = app.set_up().await;
        let editor = app.person(Role::Authorizer).await;
        for client in [&owner, &editor] {
            let page = client.get("/authorizers/new/github").await.expect(200);
            assert_eq!(page.path(), "/authorizers/new/github");
            assert!(page.has("input[name=personal_token]"), "{}", page.shown());
            // The other method is a link, and leads to its set-up.
            assert!(page.has("a[href='/authorizers/new/github?way=oauth']"), "{}", page.shown());
            assert_eq!(first_in_guide(client).await, "Personal access token");
        }
        assert_eq!(chosen_in_panel(&owner).await, "Personal access token");

        enter_app(&owner).await;
        for client in [&owner, &editor] {
            let page = client.get("/authorizers/new/github").await.expect(200);
            assert!(!page.has("input[name=personal_token]"), "{}", page.shown());
            assert_eq!(first_in_guide(client).await, "Sign in with GitHub");
        }
        assert_eq!(chosen_in_panel(&owner).await, "Sign in with GitHub");
    }

    async fn where_there_is_one_method_nothing_is_to_be_chosen(app: TestApp) {
        let owner = app.set_up().await;
        let by_key = |service: &&Service| service.auths.len() == 1 && service.auths[0].oauth2.is_none();
        let service = app.ctx.catalog.all().iter().find(by_key).expect("a service with one method");
        let page = owner.get(&format!("/authorizers/new/{}", service.id())).await.expect(200);
        assert!(page.has("form#authorizer") && !page.has("#ways"), "{}", page.shown());
        assert!(owner.get("/authorizers/new/github").await.expect(200).has("#ways"));
    }
}
