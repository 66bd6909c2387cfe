//! A mail server that refuses, delays, hangs and vanishes: nothing is lost, and nothing comes twice that could be told apart.
use std::time::Duration;

use authorizers::domain::Ctx;
use authorizers::model::mail::SmtpTls;
use authorizers::model::role::Role;
use authorizers::outbound::Outbound;
use authorizers::outbound::mail::Mailer;
use authorizers::outbound::policy::Policy;
use authorizers::worker::notify;
use serde_json::json;

use super::{DAY, MINUTE, breaks, later, receivers, round, working};
use crate::services::smtp::{SmtpServer, refuse};
use crate::support::app::{TestApp, with_app};
use crate::support::logs;

/// The same app with another way to its mail server.
fn mailing_by(app: &TestApp, mailer: Mailer) -> Ctx {
    let outbound =
        Outbound::with_clock(Policy::default(), app.ctx.clock.clone()).with_mail(Some(mailer));
    Ctx { outbound, ..app.ctx.clone() }
}

async fn one_broken(app: &TestApp) -> crate::support::client::Client {
    let owner = app.person(Role::Owner).await;
    let id = working(app, "Shop").await;
    breaks(app, &id).await;
    owner
}

with_app! { start_mailing;
    async fn a_mail_refused_for_now_is_sent_later_and_not_sooner(app: TestApp) {
        let owner = one_broken(&app).await;
        app.smtp().fault(refuse(451)).await;
        round(&app).await;
        owner.get("/webhooks").await.shows(&["A mail to Olga Owner", "451", "Trying again", "Next try at"]);
        round(&app).await;
        assert_eq!(app.smtp().tries().await.len(), 1, "its time has not come");
        later(&app, MINUTE).await;
        let tries = app.smtp().tries().await;
        assert_eq!((tries.len(), app.smtp().mails().await.len()), (2, 1));
        assert_eq!(tries[0].header("Message-ID"), tries[1].header("Message-ID"));
        assert!(!owner.get("/webhooks").await.has(".trouble"), "it is over");
    }

    async fn a_mail_refused_for_good_is_given_up_and_shown(app: TestApp) {
        let owner = one_broken(&app).await;
        app.smtp().fault(json!({ "at": "rcpt", "code": 550 })).await;
        round(&app).await;
        owner.get("/webhooks").await.shows(&["A mail to Olga Owner", "The mail server answered 550", "Failed"]);
        owner.get("/account/notices").await.shows(&["Shop broke", "550", "Failed"]);
        later(&app, DAY).await;
        assert!(app.smtp().tries().await.is_empty() && app.smtp().mails().await.is_empty());
    }

    async fn a_server_that_vanishes_within_a_mail_is_given_the_same_mail_again(app: TestApp) {
        one_broken(&app).await;
        app.smtp().fault(json!({ "at": "data", "vanish": true })).await;
        round(&app).await;
        assert!(app.smtp().mails().await.is_empty());
        later(&app, MINUTE).await;
        let (tries, mails) = (app.smtp().tries().await, app.smtp().mails().await);
        assert_eq!((tries.len(), mails.len()), (2, 1));
        assert!(!mails[0].header("Message-ID").is_empty());
        assert_eq!(tries[0].header("Message-ID"), mails[0].header("Message-ID"));
    }

    async fn a_server_that_hangs_holds_nothing_up(app: TestApp) {
        one_broken(&app).await;
        let settings = app.smtp().settings(SmtpTls::None, None);
        let hasty = mailing_by(&app, Mailer::with_limit(&settings, Duration::from_millis(400)).unwrap());
        app.smtp().fault(json!({ "at": "data", "hang": true })).await;
        notify::run_once(&hasty).await.unwrap();
        let said = app.database.value("SELECT said AS value FROM deliveries");
        assert_eq!(said, "The mail server did not answer in time.");
        later(&app, MINUTE).await;
        assert_eq!(receivers(&app.smtp().mails().await), ["owner"]);
    }

    async fn a_server_that_is_away_is_waited_for(app: TestApp) {
        one_broken(&app).await;
        let server = SmtpServer::start(&[]);
        let (address, settings) = (server.address(), server.settings(SmtpTls::None, None));
        drop(server);
        let ctx = mailing_by(&app, Mailer::new(&settings).unwrap());
        for wait in [0, 1, 5, 15] {
            app.ctx.clock.advance(MINUTE * wait);
            notify::run_once(&ctx).await.unwrap();
        }
        let server = SmtpServer::at(address, &[]);
        app.ctx.clock.advance(MINUTE * 60);
        notify::run_once(&ctx).await.unwrap();
        assert_eq!(receivers(&server.mails().await), ["owner"]);
    }

    async fn what_a_stopped_process_had_begun_is_sent_by_another_when_its_claim_ends(app: TestApp) {
        one_broken(&app).await;
        let until = app.ctx.clock.now().plus(MINUTE).micros();
        app.smtp().fault(refuse(451)).await;
        round(&app).await;
        app.database.execute(&format!("UPDATE deliveries SET claimed_by = 'stopped', claimed_until = {until}, next_try_at = 1, tries = 1"));
        round(&app).await;
        assert_eq!(app.smtp().tries().await.len(), 1, "somebody is at it");
        later(&app, MINUTE).await;
        let tries = app.smtp().tries().await;
        assert_eq!(app.smtp().mails().await.len(), 1);
        assert_eq!(tries[0].header("Message-ID"), tries[1].header("Message-ID"));
    }

    async fn nothing_is_said_to_a_server_without_the_encryption_that_was_asked_for(app: TestApp) {
        let owner = one_broken(&app).await;
        for options in [&[] as &[&str], &["starttls"]] {
            let server = SmtpServer::start(options);
            let login = Some(("mailer", "right & proper"));
            let ctx = mailing_by(&app, Mailer::new(&server.settings(SmtpTls::StartTls, login)).unwrap());
            notify::run_once(&ctx).await.unwrap();
            assert!(server.tries().await.is_empty(), "it was told over an open line, or trusted without a proof");
            app.ctx.clock.advance(MINUTE * 5);
        }
        owner.get("/webhooks").await.shows(&["Trying again"]);
        assert!(!logs::all().contains("right & proper"));
    }

    async fn a_login_that_is_wrong_is_the_operators_matter_and_loses_no_mail(app: TestApp) {
        one_broken(&app).await;
        let server = SmtpServer::start(&["login"]);
        let wrong = server.settings(SmtpTls::None, Some(("mailer", "mark & wrong secret")));
        notify::run_once(&mailing_by(&app, Mailer::new(&wrong).unwrap())).await.unwrap();
        let said = app.database.value("SELECT state || ' ' || said AS value FROM deliveries");
        assert!(said.starts_with("waiting The mail server answered 535"), "{said}");
        app.ctx.clock.advance(MINUTE);
        let right = server.settings(SmtpTls::None, Some(("mailer", "right & proper")));
        notify::run_once(&mailing_by(&app, Mailer::new(&right).unwrap())).await.unwrap();
        assert_eq!(receivers(&server.mails().await), ["owner"]);
        assert!(!logs::all().contains("mark & wrong secret"));
    }
}
