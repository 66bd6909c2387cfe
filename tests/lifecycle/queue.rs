//! From one broken authorizer to the next.
use authorizers::model::role::Role;

use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};

with_app! {
    async fn the_queue_leads_from_one_to_the_next(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let mut pages = Vec::new();
        for name in ["First", "Second", "Third"] {
            let email = format!("{}@example.com", name.to_lowercase());
            pages.push(acme::authorize(&app, &owner, name, &email, Answer::Allow).await.expect(200).path());
        }
        owner.get("/authorizers/queue").await.expect(200).shows(&["All is well"]);
        app.database.execute(
            "UPDATE authorizers SET health = 'needs_reauthorization', attention = 0, cause = 'grant_revoked', first_failed_at = 1
             WHERE name IN ('First', 'Second')",
        );
        owner.get("/authorizers").await;
        assert_eq!(owner.page().attrs("a[href='/authorizers/queue']", "href").len(), 1);
        let queue = owner.get("/authorizers/queue").await.expect(200);
        queue.shows(&["2 wait for you", "First", "Second"]);
        assert!(!queue.shown().contains("Third"));
        let first = queue.attrs("a.btn-primary", "href");
        assert_eq!(first, [format!("{}/reauthorize", pages[0])]);

        owner.get(&first[0]).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        let back = acme::walk(&app, &owner, &leaving, "first@example.com", Answer::Allow).await.expect(200);
        assert_eq!(back.path(), pages[0]);
        back.shows(&["Connected", "One is broken", "reauthorize Second"]);

        let viewer = app.person(Role::Viewer).await;
        viewer.get("/authorizers/queue").await.expect(403);
        assert!(!viewer.get(&pages[0]).await.shown().contains("reauthorize Second"));
    }
}
