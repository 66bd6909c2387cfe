//! Many at once, one's own settings, and a mail's way into the page of its settings.
use authorizers::model::authorizer::Verdict;
use authorizers::model::role::Role;
use authorizers::worker::purge;

use super::{DAY, MINUTE, breaks, later, receivers, round, verdict, working};
use crate::services::html;
use crate::support::app::{TestApp, with_app};

async fn many(app: &TestApp, number: usize) -> Vec<authorizers::model::ids::AuthorizerId> {
    let mut ids = Vec::new();
    for at in 1..=number {
        ids.push(working(app, &format!("Shop {at}")).await);
    }
    ids
}

with_app! { start_mailing;
    async fn many_at_once_come_in_one_mail_and_few_one_by_one(app: TestApp) {
        app.person(Role::Owner).await;
        let ids = many(&app, 10).await;
        for id in &ids[..2] {
            breaks(&app, id).await;
        }
        round(&app).await;
        assert_eq!(app.smtp().mails().await.len(), 2);
        for id in &ids[2..9] {
            breaks(&app, id).await;
        }
        round(&app).await;
        assert_eq!(app.smtp().mails().await.len(), 2, "there were mails just now: the many wait a little");
        later(&app, MINUTE * 5).await;
        let mails = app.smtp().mails().await;
        assert_eq!(mails.len(), 3);
        assert_eq!(mails[2].header("Subject"), "Authorizers: 7 broken");
        let (text, html) = mails[2].parts();
        for number in 3..=9 {
            assert!(text.contains(&format!("Shop {number} is broken")) && html.contains(&format!("Shop {number} is broken")), "{text}");
        }
        breaks(&app, &ids[9]).await;
        later(&app, MINUTE * 10).await;
        assert_eq!(app.smtp().mails().await[3].header("Subject"), "Shop 10 is broken");
    }

    async fn everyone_chooses_what_and_how_often(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let admin = app.person(Role::Admin).await;
        owner.get("/account").await.expect(200);
        assert!(owner.page().has("a[href='/account/notices']"));
        owner.get("/account/notices").await.expect(200);
        assert_eq!(owner.page().count("input[type=checkbox][checked]"), 4);
        owner.submit("form#notices", &[("mode", "daily")]).await.expect(200).shows(&["Saved."]);
        admin.get("/account/notices").await.expect(200);
        admin.submit_without("form#notices", "topic_broken", "true").await.expect(200);

        let id = working(&app, "Shop").await;
        breaks(&app, &id).await;
        round(&app).await;
        assert!(app.smtp().mails().await.is_empty());
        owner.get("/account/notices").await.shows(&["Shop broke", "Waiting", "07:00 UTC"]);
        later(&app, MINUTE).await;
        verdict(&app, &id, Verdict::ok()).await;
        round(&app).await;
        assert_eq!(receivers(&app.smtp().mails().await), ["admin"], "told of what they chose");
        later(&app, DAY).await;
        let mails = app.smtp().mails().await;
        assert_eq!(receivers(&mails), ["admin", "owner"]);
        assert_eq!(mails[1].header("Subject"), "Authorizers: 1 broken, 1 works again");
        owner.get("/account/notices").await.shows(&["Sent"]);

        owner.submit("form#notices", &[("mode", "never")]).await.expect(200);
        breaks(&app, &id).await;
        later(&app, DAY * 2).await;
        assert_eq!(app.smtp().mails().await.len(), 2);
    }

    async fn nothing_to_be_told_of_is_refused_and_what_is_not_offered_stays(app: TestApp) {
        let authorizer = app.person(Role::Authorizer).await;
        authorizer.get("/account/notices").await.expect(200);
        assert_eq!(authorizer.page().count("input[type=checkbox]"), 3, "OAuth apps are no matter of theirs");
        let all = ["topic_broken", "topic_recovered", "topic_due"];
        for topic in all {
            authorizer.get("/account/notices").await.expect(200);
            let page = authorizer.submit_without("form#notices", topic, "true").await;
            page.expect(if topic == all[2] { 422 } else { 200 });
        }
        authorizer.page().shows(&["Choose at least one, or no mail at all."]);
        assert!(app.database.value("SELECT topics AS value FROM notice_settings").contains("app_rejected"));
    }

    async fn who_is_deactivated_is_told_of_nothing_not_even_of_what_waits(app: TestApp) {
        app.person(Role::Owner).await;
        app.person(Role::Admin).await;
        let (one, other) = (working(&app, "One").await, working(&app, "Other").await);
        app.database.execute("INSERT INTO notice_settings (user_id, mode, topics, updated_at) VALUES ('user-admin', 'daily', '[\"broken\"]', 1)");
        breaks(&app, &one).await;
        round(&app).await;
        app.database.execute("UPDATE users SET is_active = FALSE WHERE id = 'user-admin'");
        breaks(&app, &other).await;
        later(&app, DAY).await;
        assert_eq!(receivers(&app.smtp().mails().await), ["owner", "owner"]);
        assert_eq!(app.database.count("deliveries WHERE state = 'waiting'"), 0, "it would come when they are back");
    }

    async fn what_was_told_long_ago_is_forgotten(app: TestApp) {
        app.person(Role::Owner).await;
        let id = working(&app, "Shop").await;
        breaks(&app, &id).await;
        round(&app).await;
        app.ctx.clock.advance(DAY * 89);
        purge::run_once(&app.ctx).await.expect("a purge");
        assert_eq!((app.database.count("notices"), app.database.count("deliveries")), (1, 1));
        app.ctx.clock.advance(DAY * 2);
        purge::run_once(&app.ctx).await.expect("a purge");
        assert_eq!((app.database.count("notices"), app.database.count("deliveries")), (0, 0));
    }

    async fn a_test_mail_shows_whether_mails_arrive(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.get("/webhooks").await.expect(200).shows(&["Mails are sent from authorizers@mail.example"]);
        owner.submit("form#test-mail", &[]).await.expect(200).shows(&["The mail server took a mail to owner@example.com."]);
        let mail = app.smtp().mails().await.remove(0);
        let pages = [("the mail".to_owned(), mail.parts().1), ("/webhooks".to_owned(), owner.get("/webhooks").await.body)];
        let faults = html::faults(pages.iter().map(|(name, body)| (name, body.as_str())));
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(mail.text().contains("/account/notices") && mail.header("Subject").contains("arrive"), "{}", mail.raw);
        app.smtp().fault(crate::services::smtp::refuse(554)).await;
        owner.submit("form#test-mail", &[]).await.expect(200).shows(&["The mail was not sent. The mail server answered 554"]);
    }
}

with_app! {
    async fn without_a_mail_server_the_pages_say_so_and_nothing_piles_up(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let id = working(&app, "Shop").await;
        breaks(&app, &id).await;
        round(&app).await;
        assert_eq!(app.database.count("deliveries"), 0);
        owner.get("/webhooks").await.shows(&["No mail server is set up", "AUTHORIZERS_SMTP_URL"]);
        assert!(!owner.page().has("form#test-mail"));
        owner.get("/account/notices").await.shows(&["This installation has no mail server yet"]);
    }
}
