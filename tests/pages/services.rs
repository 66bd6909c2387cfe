//! Choosing a service, guides, and the list of service files.
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};

with_app! {
    async fn a_service_is_found_by_name_keyword_and_category(app: TestApp) {
        let client = app.person(Role::Owner).await;
        let page = client.get("/authorizers/new").await.expect(200);
        page.shows(&["PostgreSQL", "LinkedIn Ads", "Advertising"]);
        let page = client.submit("form[role=search]", &[("q", "Bing")]).await.expect(200);
        assert_eq!(page.texts("a.service b"), ["Microsoft Advertising"]);
        let page = client.get("/authorizers/new?category=storage").await.expect(200);
        assert_eq!(page.count("a.service"), 2);
        assert_eq!(page.texts(".cats [aria-current]").len(), 1);
        let page = client.get("/authorizers/new?q=sharepont").await.expect(200);
        page.shows(&["No service is called “sharepont”"]);
        assert_eq!(page.attr("#q", "value").as_deref(), Some("sharepont"));
    }

    async fn only_services_of_the_role_are_offered(app: TestApp) {
        let client = app.person(Role::Owner).await;
        let page = client.get("/destinations/new").await.expect(200);
        let names = page.texts("a.service b");
        assert!(names.contains(&"PostgreSQL".to_owned()) && !names.contains(&"HubSpot".to_owned()), "{names:?}");
        assert!(page.attrs("a.service", "href").iter().all(|href| href.starts_with("/destinations/new/")));
        let page = client.get("/sources/new").await.expect(200);
        assert!(page.attrs("a.service", "href").contains(&"/sources/new/hubspot".to_owned()));
    }

    async fn who_may_not_use_a_service_is_not_asked_to_choose_one(app: TestApp) {
        for (role, authorizer, source) in [(Role::Viewer, 403, 403), (Role::Editor, 403, 200), (Role::Authorizer, 200, 403)] {
            let client = app.person(role).await;
            client.get("/authorizers/new").await.expect(authorizer);
            client.get("/sources/new").await.expect(source);
            client.get("/destinations/new").await.expect(source);
            client.get("/services").await.expect(403);
        }
    }

    async fn a_guide_tells_what_is_needed_and_what_to_register(app: TestApp) {
        let client = app.person(Role::Owner).await;
        let page = client.get("/guides/google-ads").await.expect(200);
        page.shows(&["Developer token", "https://www.googleapis.com/auth/adwords", "six months"]);
        assert!(page.attr("#redirect", "value").unwrap().ends_with("/oauth/callback"));
        assert!(client.get("/guides/postgresql").await.expect(200).text("#grants").contains("GRANT CONNECT"));
        for (service, revoked) in [
            ("github", "asks the service to revoke our access"),
            ("x-ads", "asks the service to revoke our access"),
            ("notion", "asks the service"),
            ("postgresql", "forgets what is stored here"),
        ] {
            client.get(&format!("/guides/{service}")).await.expect(200).shows(&[revoked]);
        }
        client.get("/guides/nothing-of-that-name").await.expect(404);
        let viewer = app.person(Role::Viewer).await;
        let page = viewer.get("/guides/google-ads").await.expect(200);
        assert!(!page.has("a.btn-primary") && !page.has("a[href^='/oauth-apps']") && !page.has("a[href='/authorizers/new']"));
    }

    async fn every_service_has_a_guide_and_is_on_the_list(app: TestApp) {
        let client = app.person(Role::Owner).await;
        let page = client.get("/services").await.expect(200);
        let guides = page.attrs("td a", "href");
        assert_eq!(guides.len(), app.ctx.catalog.all().len());
        for guide in guides {
            client.get(&guide).await.expect(200);
        }
    }

    async fn a_search_is_escaped(app: TestApp) {
        let client = app.person(Role::Owner).await;
        let page = client.get("/authorizers/new?q=%3Cscript%3E%22%26category=x").await.expect(200);
        assert!(!page.has("script"));
        assert_eq!(page.attr("#q", "value").as_deref(), Some("<script>\"&category=x"));
    }
}
