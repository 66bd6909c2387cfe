//! What is told, to whom, and how often.
use authorizers::domain::authorizers::test;
use authorizers::model::authorizer::{EndKind, Health, Verdict};
use authorizers::model::cause::Cause;
use authorizers::model::ending::Ending;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::role::Role;
use authorizers::store::authorizers as rows;
use authorizers::worker::purge;

use super::{DAY, breaks, later, receivers, replica, round, verdict, working};
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{PASSWORD, TestApp, with_app};

/// The account that this name stands for ends in so many days.
async fn ends_in(app: &TestApp, name: &str, days: u32) {
    let id = working(app, name).await;
    let end = app.ctx.clock.now().plus(DAY * days);
    let ending = Ending { at: Some(end), kind: EndKind::Known, ..Ending::unknown() };
    let written = app.ctx.db.write(move |c| rows::update_ending(c, &id, &ending)).await;
    written.expect("a written row");
}

with_app! { start_mailing;
    async fn who_may_cure_it_is_mailed_once_and_nobody_else(app: TestApp) {
        for role in Role::ALL {
            app.person(role).await;
        }
        let id = working(&app, "Shop").await;
        round(&app).await;
        assert!(app.smtp().mails().await.is_empty(), "it works");
        breaks(&app, &id).await;
        round(&app).await;
        let mails = app.smtp().mails().await;
        assert_eq!(receivers(&mails), ["admin", "authorizer", "owner"]);
        for _ in 0..2 {
            breaks(&app, &id).await;
            later(&app, DAY).await;
        }
        assert_eq!(app.smtp().mails().await.len(), 3, "it was told already");

        let (text, html) = mails[0].parts();
        for said in ["Shop is broken", "PostgreSQL does not accept the user or the password", "What to do", "/reauthorize"] {
            assert!(text.contains(said) && html.contains(said), "{said} is not in\n{text}\n{html}");
        }
        assert_eq!(mails[0].header("Auto-Submitted"), "auto-generated");
        assert_eq!(mails[0].header("From"), "Authorizers <authorizers@mail.example>");
        assert!(mails[0].header("Subject").contains("Shop is broken"));
        assert!(mails[0].header("Message-ID").ends_with("@mail.example>"));
        assert!(!html.contains("<img") && !html.contains("style"), "{html}");
        assert!(!mails.iter().any(|mail| mail.raw.contains("hush") || mail.raw.contains("28P01")), "a secret or an answer was mailed");
    }

    async fn whose_source_stands_still_is_told_and_led_to_what_they_may_see(app: TestApp) {
        app.person(Role::Owner).await;
        let editor = app.person(Role::Editor).await;
        let id = working(&app, "Shop").await;
        app.database.execute(
            "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
             SELECT 'flow-x', 'Orders', 'orders', service, id, '{}', 1, 'user-editor', created_at, updated_at FROM authorizers",
        );
        breaks(&app, &id).await;
        round(&app).await;
        let mails = app.smtp().mails().await;
        assert_eq!(receivers(&mails), ["editor", "owner"]);
        let text = mails.iter().find(|mail| mail.to.starts_with("editor")).unwrap().text();
        assert!(text.contains("What stands still: source Orders."), "{text}");
        let path = text.lines().find_map(|line| line.strip_prefix(&app.base)).expect("a link");
        assert_eq!(path, format!("/authorizers/{id}"));
        editor.get(path).await.expect(200);
    }

    async fn a_mails_link_leads_after_signing_in_to_the_cure(app: TestApp) {
        app.person(Role::Owner).await;
        let id = working(&app, "Shop").await;
        breaks(&app, &id).await;
        round(&app).await;
        let text = app.smtp().mails().await[0].text();
        let link = text.lines().find(|line| line.starts_with("http")).expect("a link");
        let stranger = app.anonymous();
        let page = stranger.get(link.strip_prefix(&app.base).expect("our own address")).await.expect(200);
        assert!(page.path().starts_with("/sign-in"), "{}", page.url);
        let page = stranger.submit("form#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(200);
        // Credentials are entered anew on the form that holds them.
        assert!(page.path().starts_with(&format!("/authorizers/{id}/")), "{}", page.url);
        assert!(page.has("input[name=password]"), "{}", page.shown());
    }

    async fn from_a_grant_that_was_ended_over_there_to_the_mail_that_it_works_again(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let path = acme::authorize(&app, &owner, "Ads", "notices@example.com", Answer::Allow).await.expect(200).path();
        app.acme().end_grants_of("notices@example.com").await;
        owner.get(&path).await.expect(200);
        let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
        Box::pin(test::run_once(&app.ctx, &id, &mut |_| ())).await.unwrap_or_else(|error| panic!("{error}"));
        round(&app).await;
        let text = app.smtp().mails().await.pop().expect("a mail").text();
        let link = text.lines().find_map(|line| line.strip_prefix(&app.base)).expect("a link");
        assert_eq!(link, format!("{path}/reauthorize"));

        let again = app.anonymous();
        again.get(link).await.expect(200);
        let page = again.submit("form#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(200);
        assert_eq!(page.path(), link, "straight to the cure");
        let leaving = again.submit("form#authorizer", &[]).await.expect(200);
        acme::walk(&app, &again, &leaving, "notices@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
        round(&app).await;
        let subjects: Vec<String> = app.smtp().mails().await.iter().map(|mail| mail.header("Subject")).collect();
        assert_eq!(subjects, ["Ads is broken", "Ads works again"]);
    }

    async fn what_is_no_longer_so_when_the_mail_goes_is_not_told(app: TestApp) {
        app.person(Role::Owner).await;
        app.database.execute("INSERT INTO notice_settings (user_id, mode, topics, updated_at) SELECT id, 'daily', '[\"broken\",\"due\"]', 1 FROM users");
        ends_in(&app, "Renewed", 20).await;
        ends_in(&app, "Left", 20).await;
        let revoked = working(&app, "Revoked").await;
        breaks(&app, &revoked).await;
        round(&app).await;
        app.database.execute("UPDATE authorizers SET ends_at = ends_at + 31536000000000 WHERE name = 'Renewed'");
        app.database.execute("UPDATE authorizers SET lifecycle = 'revoked', attention = 4 WHERE name = 'Revoked'");
        later(&app, DAY).await;
        let mails = app.smtp().mails().await;
        assert_eq!(mails.iter().map(|mail| mail.header("Subject")).collect::<Vec<_>>(), ["Left ends in 19 days"]);
    }

    async fn that_it_works_again_is_told_to_those_who_were_told_that_it_broke(app: TestApp) {
        app.person(Role::Owner).await;
        let id = working(&app, "Shop").await;
        verdict(&app, &id, Verdict::failed(Cause::Timeout, vec![], None)).await;
        verdict(&app, &id, Verdict::ok()).await;
        round(&app).await;
        assert!(app.smtp().mails().await.is_empty(), "a fault that passed alarms nobody");
        for _ in 0..2 {
            breaks(&app, &id).await;
            later(&app, DAY).await;
            for _ in 0..2 {
                verdict(&app, &id, Verdict::ok()).await;
                later(&app, DAY).await;
            }
        }
        verdict(&app, &id, Verdict::failed(Cause::Timeout, vec![], None)).await;
        verdict(&app, &id, Verdict::ok()).await;
        later(&app, DAY).await;
        let subjects: Vec<String> = app.smtp().mails().await.iter().map(|mail| mail.header("Subject")).collect();
        assert_eq!(subjects, ["Shop is broken", "Shop works again", "Shop is broken", "Shop works again"]);
    }

    async fn two_workers_at_once_send_each_mail_once(app: TestApp) {
        for role in [Role::Owner, Role::Admin, Role::Authorizer] {
            app.person(role).await;
        }
        let (one, other) = (replica(&app, "one").await, replica(&app, "other").await);
        for number in 1..=4 {
            let id = working(&app, &format!("Shop {number}")).await;
            breaks(&app, &id).await;
            let (a, b) = tokio::join!(authorizers::worker::notify::run_once(&one), authorizers::worker::notify::run_once(&other));
            a.and(b).expect("two rounds");
            assert_eq!(app.smtp().mails().await.len(), 3 * number, "{:?}", receivers(&app.smtp().mails().await));
        }
        let mut ids: Vec<String> = app.smtp().mails().await.iter().map(|mail| mail.header("Message-ID")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 12);
    }

    async fn two_processes_that_find_it_broken_tell_it_once(app: TestApp) {
        app.person(Role::Owner).await;
        let id = working(&app, "Shop").await;
        let (one, other) = (replica(&app, "one").await, replica(&app, "other").await);
        let find = |ctx: authorizers::domain::Ctx, micros: u64| {
            let (id, now) = (id.clone(), ctx.clock.now().plus(std::time::Duration::from_micros(micros)));
            let failed = Verdict::failed(Cause::LoginRejected, vec![], None);
            async move { ctx.db.write(move |c| rows::update_health(c, &id, None, &failed, now)).await }
        };
        let (a, b) = tokio::join!(find(one, 1), find(other, 2));
        assert!(a.and(b).expect("two written rows"));
        assert_eq!(app.database.count("notices"), 1);
    }

    async fn an_end_is_told_thirty_seven_and_one_days_before_each_once(app: TestApp) {
        app.person(Role::Owner).await;
        ends_in(&app, "Far", 40).await;
        ends_in(&app, "Near", 5).await;
        let mut told = Vec::new();
        for day in 0..=40 {
            for _ in 0..2 {
                round(&app).await;
            }
            purge::run_once(&app.ctx).await.expect("a purge");
            round(&app).await;
            for mail in app.smtp().mails().await.into_iter().skip(told.len()) {
                told.push((day, mail.header("Subject")));
            }
            app.ctx.clock.advance(DAY);
        }
        let told: Vec<(i32, &str)> = told.iter().map(|(day, subject)| (*day, subject.as_str())).collect();
        assert_eq!(
            told,
            [
                (0, "Near ends in 5 days"),
                (4, "Near ends in 1 day"),
                (5, "Near is broken"),
                (10, "Far ends in 30 days"),
                (33, "Far ends in 7 days"),
                (39, "Far ends in 1 day"),
                (40, "Far is broken"),
            ]
        );
    }

    async fn a_refused_oauth_app_is_told_once_for_all_its_authorizers_and_to_admins_alone(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        for role in [Role::Admin, Role::Authorizer] {
            app.person(role).await;
        }
        app.database.execute(
            "INSERT INTO oauth_apps (id, service, client_id, is_shared, version, created_at, updated_at) VALUES ('app-1', 'hubspot', 'c', TRUE, 1, 1, 1)",
        );
        let mut ids = Vec::new();
        for name in ["One", "Two", "Three"] {
            ids.push(working(&app, name).await);
        }
        app.database.execute("UPDATE authorizers SET oauth_app_id = 'app-1', service = 'hubspot'");
        for id in &ids {
            verdict(&app, id, Verdict::failed(Cause::AppRejected, vec![], None)).await;
            later(&app, DAY).await;
        }
        let mails = app.smtp().mails().await;
        assert_eq!(receivers(&mails), ["admin", "owner"]);
        assert_eq!(mails[0].header("Subject"), "HubSpot refuses our OAuth app");
        let text = mails[0].text();
        assert!(text.contains(&format!("{}/oauth-apps/app-1", app.base)) && !text.contains("One"), "{text}");
        owner.get("/oauth-apps/app-1").await.expect(200);

        // The app is accepted again, and an account turns out to be broken by itself: that was told to nobody.
        verdict(&app, &ids[0], Verdict::failed(Cause::GrantRevoked, vec![], None)).await;
        round(&app).await;
        assert_eq!(receivers(&app.smtp().mails().await[2..]), ["admin", "authorizer", "owner"]);
        // Once more, after all worked: it is news again.
        for id in &ids {
            verdict(&app, id, Verdict::ok()).await;
        }
        app.ctx.clock.advance(DAY);
        verdict(&app, &ids[1], Verdict::failed(Cause::AppRejected, vec![], None)).await;
        round(&app).await;
        let again = app.smtp().mails().await.iter().filter(|mail| mail.header("Subject").contains("refuses our")).count();
        assert_eq!(again, 4);
    }

    async fn what_is_deleted_or_locked_is_told_as_it_is(app: TestApp) {
        app.person(Role::Owner).await;
        let (gone, locked) = (working(&app, "Gone").await, working(&app, "Locked").await);
        breaks(&app, &gone).await;
        verdict(&app, &locked, Verdict { health: Health::Locked, ..Verdict::failed(Cause::KeyMissing, vec![], None) }).await;
        app.database.execute("DELETE FROM authorizers WHERE name = 'Gone'");
        round(&app).await;
        let mails = app.smtp().mails().await;
        assert_eq!(mails.iter().map(|mail| mail.header("Subject")).collect::<Vec<_>>(), ["Locked is broken"]);
    }
}
