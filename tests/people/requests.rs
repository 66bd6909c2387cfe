//! *Ask for it*: asked by who may not add it, answered by who may, once.
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};

with_app! {
    async fn what_an_editor_asks_for_an_authorizer_answers(app: TestApp) {
        app.set_up().await;
        let editor = app.person(Role::Editor).await;
        editor.get("/requests/new?service=linkedin-ads").await.expect(200);
        assert_eq!(editor.page().attr("select#service option[selected]", "value").as_deref(), Some("linkedin-ads"));
        let nothing = editor.submit("form#request", &[]).await.expect(422);
        nothing.shows(&["Say which account you need"]);
        let asked = editor.submit("form#request", &[("note", "The shop in <b>Spain</b>")]).await.expect(200);
        asked.shows(&["LinkedIn Ads", "The shop in <b>Spain</b>", "It waits for an authorizer or an admin."]);

        let authorizer = app.person(Role::Authorizer).await;
        let page = authorizer.get("/requests").await.expect(200);
        page.shows(&["LinkedIn Ads", "Uma editor"]);
        assert_eq!(page.text("nav .count"), "1 open");
        let (mine, late) = (authorizer.tab(), authorizer.tab());
        late.get(&asked.path()).await.expect(200);
        mine.get(&asked.path()).await.expect(200);
        mine.submit("form#answer-form", &[("action", "decline"), ("answer", "")]).await.expect(422).shows(&["Say why"]);
        let done = [("action", "done"), ("answer", "Use “Shop Spain”")];
        mine.submit("form#answer-form", &done).await.expect(200).shows(&["Nothing waits"]);
        late.submit("form#answer-form", &done).await.expect(409);
        editor.get(&asked.path()).await.expect(200).shows(&["Done", "Use “Shop Spain”", "Uma authorizer"]);
        editor.get("/requests?state=answered").await.shows(&["LinkedIn Ads"]);
        editor.get("/activity?kind=request").await.shows(&["Asked for an account", "Answered a request: done"]);
    }

    async fn an_editor_sees_the_own_requests_alone(app: TestApp) {
        let owner = app.set_up().await;
        owner.get("/requests/new?service=slack").await;
        let of_owner = owner.submit("form#request", &[("note", "For me")]).await.expect(200).path();
        let editor = app.person(Role::Editor).await;
        editor.get("/requests").await.expect(200).shows(&["Nothing waits"]);
        editor.get(&of_owner).await.expect(403);
    }

    async fn activity_tells_who_did_what_to_whom(app: TestApp) {
        let owner = app.set_up().await;
        app.person(Role::Editor).await;
        owner.get("/members/user-editor").await;
        owner.submit("form#role-form", &[("role", "viewer")]).await.expect(200);
        owner.get("/activity?verb=role_changed").await.shows(&["Changed a role", "Uma editor", "editor → viewer", "Olga Owner"]);
        owner.get("/activity?person=user-editor").await.shows(&["Signed in"]);
        owner.get("/activity?kind=source").await.shows(&["Nothing matches"]);
        for number in 0..30 {
            app.database.execute(&format!(
                "INSERT INTO activity (id, at, actor, actor_name, verb, subject_kind, subject, subject_name, note)
                 VALUES ('line-{number:02}', {number}, NULL, '', 'tested', 'authorizer', 'a', 'Number {number:02}', '')"
            ));
        }
        let first = owner.get("/activity?kind=authorizer").await.expect(200);
        first.shows(&["Number 29", "Number 05", "Authorizers"]);
        let next = first.attr("nav.pager a[rel=next]", "href").expect("a next page");
        let second = owner.get(&next).await.expect(200);
        second.shows(&["Number 04", "Number 00"]);
        assert!(!second.shown().contains("Number 05"));
    }
}
