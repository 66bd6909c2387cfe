//! Who gets in, and who no longer does: each of two layers by itself.
use std::time::{Duration, Instant};

use authorizers::crypto::{password, token};
use authorizers::domain::account::accept::{self, Accept, Link};
use authorizers::domain::account::set_up::{SetUp, find_or_make_code};
use authorizers::domain::account::{Client, set_up, sign_in};
use authorizers::domain::members::{activate, invite};
use authorizers::domain::{Error, calendar, housekeeping};
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;
use authorizers::model::time::DAY;

use super::world::World;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::database::Kind;
use crate::support::house;

async fn is_let_in(app: &TestApp, email: &str, password: &str) -> bool {
    sign_in(&app.ctx, email, &Secret::new(password), Client::default()).await.is_ok()
}

fn owner_form(email: &str) -> SetUp {
    SetUp {
        name: "Eve".to_owned(),
        email: email.to_owned(),
        password: Secret::new(PASSWORD),
        code: None,
        is_local: true,
    }
}

with_app! { start_fixed;
    async fn a_session_that_is_not_used_for_thirty_days_ends(app: TestApp) {
        let owner = app.set_up().await;
        app.ctx.clock.advance(DAY.saturating_mul(29));
        owner.get("/account").await.expect(200);
        app.ctx.clock.advance(DAY.saturating_mul(30) - Duration::from_secs(1));
        assert_eq!(owner.get("/account").await.expect(200).path(), "/account");
        app.ctx.clock.advance(DAY.saturating_mul(30));
        assert!(owner.get("/account").await.path().starts_with("/sign-in"));
        assert_eq!(app.database.count("sessions"), 1);
        housekeeping::purge(&app.ctx).await.expect("a purge");
        assert_eq!(app.database.count("sessions"), 1, "it ends at the moment, and is purged after it");
        app.ctx.clock.advance(Duration::from_secs(1));
        housekeeping::purge(&app.ctx).await.expect("a purge");
        assert_eq!(app.database.count("sessions"), 0);
    }
}

with_app! {
    async fn the_app_is_set_up_once_whichever_layer_is_asked(app: TestApp) {
        app.set_up().await;
        for lost in ["", "DELETE FROM facts WHERE name = 'first_owner'"] {
            if !lost.is_empty() {
                app.database.execute(lost);
            }
            let again = set_up(&app.ctx, owner_form("eve@example.com"), Client::default()).await;
            assert!(matches!(again, Err(Error::WrongState(_))), "{:?}", again.map(|_| ()));
            assert_eq!(app.database.count("users"), 1, "{lost}");
        }
        assert!(find_or_make_code(&app.ctx).await.expect("an answer").is_none());
    }

    async fn an_owner_who_was_claimed_before_is_not_claimed_again(app: TestApp) {
        app.set_up().await;
        // As if the other process had not yet finished.
        app.database.execute("DELETE FROM users");
        let again = set_up(&app.ctx, owner_form("eve@example.com"), Client::default()).await;
        assert!(matches!(again, Err(Error::WrongState(_))), "{:?}", again.map(|_| ()));
        assert_eq!(app.database.count("users"), 0);
    }

    async fn the_code_of_the_console_is_right_once_and_kept_as_a_hash(app: TestApp) {
        let code = find_or_make_code(&app.ctx).await.expect("an answer").expect("nobody is there");
        assert!(app.contents().values().flatten().all(|line| !line.contains(code.expose())));
        let form = |code: Option<&str>| SetUp {
            code: code.map(str::to_owned),
            is_local: false,
            ..owner_form("olga@example.com")
        };
        for wrong in [None, Some(""), Some("wrong")] {
            let refused = set_up(&app.ctx, form(wrong), Client::default()).await;
            assert!(matches!(refused, Err(Error::Problems(_))), "{wrong:?}");
        }
        set_up(&app.ctx, form(Some(code.expose())), Client::default()).await.expect("the code");
        assert_eq!(app.database.value("SELECT COUNT(*) || '' AS value FROM facts WHERE name = 'set_up_code'"), "0");
    }

    async fn a_link_or_a_calendar_of_a_deactivated_person_opens_nothing(app: TestApp) {
        let owner = app.set_up().await;
        let viewer = app.person(Role::Viewer).await;
        let actor = house::owner(&app);
        let link = invite::new_link(&app.ctx, &actor, &"user-viewer".into()).await.expect("a link");
        viewer.get("/forecast").await.expect(200);
        let page = viewer.submit("form#make-calendar", &[]).await.expect(200);
        let address = page.attr("input#address", "value").expect("an address");
        let calendar = Secret::new(address.rsplit('/').next().unwrap().trim_end_matches(".ics"));
        assert!(calendar::read(&app.ctx, &calendar).await.is_ok());
        // Deactivated by the row alone: neither link nor address was voided.
        app.database.execute("UPDATE users SET is_active = FALSE WHERE id = 'user-viewer'");
        assert!(matches!(calendar::read(&app.ctx, &calendar).await, Err(Error::NotFound)));
        assert!(matches!(accept::find(&app.ctx, &link).await, Ok(Link::Closed)));
        let form = || Accept { name: "Vera".to_owned(), password: Secret::new("another passphrase") };
        let refused = accept::accept(&app.ctx, &link, form(), Client::default()).await;
        assert!(matches!(refused, Err(Error::WrongState(_))));
        assert!(!is_let_in(&app, "viewer@example.com", PASSWORD).await);
        assert!(viewer.get("/account").await.path().starts_with("/sign-in"));
        app.database.execute("UPDATE users SET is_active = TRUE WHERE id = 'user-viewer'");
        accept::accept(&app.ctx, &link, form(), Client::default()).await.expect("it opens again");
        assert!(is_let_in(&app, "viewer@example.com", "another passphrase").await);
        drop(owner);
    }

    async fn a_link_that_is_over_is_not_accepted(app: TestApp) {
        app.set_up().await;
        app.person(Role::Viewer).await;
        let actor = house::owner(&app);
        let form = || Accept { name: "Vera".to_owned(), password: Secret::new("another passphrase") };
        let new = async || invite::new_link(&app.ctx, &actor, &"user-viewer".into()).await.expect("a link");
        for (end, spoiled) in [("expired", "expires_at = 1"), ("used", "used_at = 1")] {
            let link = new().await;
            let hash = token::sha256_hex(link.expose());
            app.database.execute(&format!("UPDATE invitations SET {spoiled} WHERE token_hash = '{hash}'"));
            let before = app.database.value("SELECT password_hash AS value FROM users WHERE id = 'user-viewer'");
            let refused = accept::accept(&app.ctx, &link, form(), Client::default()).await;
            assert!(matches!(refused, Err(Error::WrongState(_))), "{end}");
            let after = app.database.value("SELECT password_hash AS value FROM users WHERE id = 'user-viewer'");
            assert_eq!(before, after, "{end}");
        }
        let link = new().await;
        accept::accept(&app.ctx, &link, form(), Client::default()).await.expect("it opens");
        assert!(matches!(accept::find(&app.ctx, &link).await, Ok(Link::Used)));
    }

    async fn a_cookie_of_a_session_that_was_left_opens_nothing_though_its_row_is_back(app: TestApp) {
        let owner = app.set_up().await;
        let row = "FROM sessions";
        app.database.execute(&format!("CREATE TABLE kept AS SELECT * {row}"));
        owner.get("/account").await.expect(200);
        owner.submit("form[action='/sign-out']", &[]).await.expect(200);
        assert_eq!(app.database.count("sessions"), 0, "the row goes");
        app.database.execute("INSERT INTO sessions SELECT * FROM kept");
        assert!(owner.get("/account").await.path().starts_with("/sign-in"), "the cookie goes");
        app.database.execute("DROP TABLE kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivating_ends_sessions_links_and_calendar_whatever_becomes_of_the_flag() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let viewer = world.app.sign_in("viewer@example.com").await;
    let id = "user-viewer".into();
    let link = invite::new_link(ctx, &owner, &id).await.expect("a link");
    let address = calendar::make(ctx, &world.actor(Role::Viewer)).await.expect("an address");
    activate::deactivate(ctx, &owner, &id).await.expect("deactivated");
    activate::activate(ctx, &owner, &id).await.expect("activated again");
    assert!(viewer.get("/account").await.path().starts_with("/sign-in"));
    assert!(matches!(accept::find(ctx, &link).await, Ok(Link::Used)));
    assert!(matches!(calendar::read(ctx, &address).await, Err(Error::NotFound)));
    assert!(is_let_in(&world.app, "viewer@example.com", PASSWORD).await, "the password is kept");
}

/// Compared with hashing itself, by the quickest of some tries: what else the machine does makes a
/// try slower, never quicker.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_answered_no_sooner_than_a_password_is_hashed() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.set_up().await;
    let (mut hashed, mut answered) = (Duration::MAX, Duration::MAX);
    for _ in 0..10 {
        let begun = Instant::now();
        password::hash("not the password").expect("a hash");
        hashed = hashed.min(begun.elapsed());
        let begun = Instant::now();
        assert!(!is_let_in(&app, "nobody@example.com", "not the password").await);
        answered = answered.min(begun.elapsed());
    }
    assert!(answered * 2 > hashed, "answered in {answered:?}, a hash takes {hashed:?}");
}
