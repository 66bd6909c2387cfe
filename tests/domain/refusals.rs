//! What is refused although the role may do it: secrets of another client, oneself, what is switched
//! off, what belongs to something else.
use authorizers::domain::account::profile;
use authorizers::domain::members::{activate, change_role, rescue};
use authorizers::domain::oauth_apps::save::{self, AppForm};
use authorizers::domain::requests::ask::{NOTE_MAX, ask};
use authorizers::domain::webhooks::save::{WebhookForm, change, create};
use authorizers::domain::webhooks::send;
use authorizers::domain::{Error, members};
use authorizers::model::credentials::Secret;
use authorizers::model::notice::Topic;
use authorizers::model::problems::{Complaint, Problems};
use authorizers::model::role::Role;

use super::world::World;
use crate::support::app::PASSWORD;

#[track_caller]
fn problems<T>(answer: Result<T, Error>) -> Problems {
    match answer {
        Err(Error::Problems(problems)) => problems,
        Err(other) => panic!("refused with {other:?}"),
        Ok(_) => panic!("it was done"),
    }
}

#[track_caller]
fn is_said<T>(answer: Result<T, Error>, field: &str, wanted: &Complaint) {
    let problems = problems(answer);
    assert!(problems.of(field).any(|said| said == wanted), "{field}: {problems:?}");
}

fn form(client_id: &str, secret: &str) -> AppForm {
    AppForm { client_id: client_id.to_owned(), client_secret: Secret::new(secret) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_secret_of_an_oauth_app_is_not_given_to_another_client() {
    let world = World::start().await;
    let (ctx, owner, id) = (world.ctx(), world.actor(Role::Owner), &world.ids.unused_app);
    let before = world.app.contents();
    let answer = save::change(ctx, &owner, id, (1, form("another", ""))).await;
    is_said(answer, "client_secret", &Complaint::Required);
    save::change(ctx, &owner, id, (1, form("unused", ""))).await.expect("nothing is changed");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    let stale = save::change(ctx, &owner, id, (2, form("another", "new"))).await;
    assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    save::change(ctx, &owner, id, (1, form("another", "new"))).await.expect("it is changed");
    let used = world
        .app
        .database
        .value("SELECT client_id AS value FROM oauth_apps WHERE service = 'google-ads'");
    assert_eq!(used, "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_ids_and_secrets_of_oauth_apps_have_their_bounds() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let of = async |client_id: &str, secret: &str| {
        save::create(ctx, &owner, &"slack".into(), form(client_id, secret)).await
    };
    let before = world.app.contents();
    let long = |length: usize| "x".repeat(length);
    is_said(of("", "s").await, "client_id", &Complaint::Required);
    is_said(of(&long(401), "s").await, "client_id", &Complaint::TooLong { max: 400 });
    is_said(of("a b", "s").await, "client_id", &Complaint::Control);
    is_said(of("a\u{7}b", "s").await, "client_id", &Complaint::Control);
    is_said(of("a", "").await, "client_secret", &Complaint::Required);
    is_said(of("a", &long(4097)).await, "client_secret", &Complaint::TooLong { max: 4096 });
    is_said(of("a", "s\ns").await, "client_secret", &Complaint::Control);
    let no_oauth = save::create(ctx, &owner, &"postgresql".into(), form("a", "s")).await;
    assert!(matches!(no_oauth, Err(Error::NotFound)));
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    of(&long(400), &long(4096)).await.expect("it just fits");
    problems(of("another", "s").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deactivates_oneself() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let mut before = world.app.contents();
    // Who could make an owner fewer takes turns there, and changes nothing else.
    before.remove("facts");
    for role in [Role::Owner, Role::Admin] {
        let actor = world.actor(role);
        problems(activate::deactivate(ctx, &actor, &actor.user_id.clone()).await);
    }
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    // Twice is once: nothing is written the second time.
    activate::deactivate(ctx, &owner, &world.ids.deactivated).await.expect("it is so already");
    activate::activate(ctx, &owner, &world.ids.viewer).await.expect("it is so already");
    change_role::change_role(ctx, &owner, &world.ids.viewer, "viewer").await.expect("the same");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    let unknown = change_role::change_role(ctx, &owner, &world.ids.viewer, "emperor").await;
    is_said(unknown, "role", &Complaint::NotAChoice);
    let link = members::invite::new_link(ctx, &owner, &world.ids.deactivated).await;
    problems(link);
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
}

/// A way back in from the console ends every other way in.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_made_on_the_server_ends_old_sessions_and_links() {
    let world = World::start().await;
    let ctx = world.ctx();
    let viewer = world.app.sign_in("viewer@example.com").await;
    let owner = world.actor(Role::Owner);
    let link = members::invite::new_link(ctx, &owner, &"user-viewer".into()).await.expect("a link");
    activate::deactivate(ctx, &owner, &"user-viewer".into()).await.expect("deactivated");
    let make = async |email: &str| {
        rescue::make_owner(ctx, "Vera", email, &Secret::new("another passphrase")).await
    };
    assert!(!make("VIEWER@example.com").await.expect("an owner"), "nobody new");
    assert!(viewer.get("/account").await.path().starts_with("/sign-in"));
    let found = authorizers::domain::account::accept::find(ctx, &link).await;
    assert!(matches!(found, Ok(authorizers::domain::account::accept::Link::Used)));
    let sign_in = async |password: &str| {
        let client = Default::default();
        let secret = Secret::new(password);
        authorizers::domain::account::sign_in(ctx, "viewer@example.com", &secret, client).await
    };
    assert!(sign_in(PASSWORD).await.is_err());
    sign_in("another passphrase").await.expect("the new password, of an active owner");
    let role = world.app.database.value("SELECT role AS value FROM users WHERE id = 'user-viewer'");
    assert_eq!(role, "owner");
    assert!(make("new@example.com").await.expect("an owner"), "somebody new");
    problems(rescue::make_owner(ctx, "", "nobody", &Secret::new("short")).await);
}

/// Signed in, deactivated and made an owner: the old session must not come back to life.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_made_on_the_server_is_signed_in_nowhere() {
    let world = World::start().await;
    let viewer = world.app.sign_in("viewer@example.com").await;
    viewer.get("/account").await.expect(200);
    let secret = Secret::new("another passphrase");
    rescue::make_owner(world.ctx(), "Vera", "viewer@example.com", &secret).await.expect("an owner");
    assert!(viewer.get("/account").await.path().starts_with("/sign-in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_sent_again_by_its_own_webhook_while_that_is_on() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let delivery = "01990000-0000-7000-8000-000000000000".into();
    let form = |is_active| WebhookForm {
        name: "Pager".to_owned(),
        url: "https://127.0.0.1:1/hook".to_owned(),
        topics: Topic::ALL.to_vec(),
        is_active,
    };
    let (other, _) = create(ctx, &owner, form(true)).await.expect("a webhook");
    let before = world.app.contents();
    let answer = send::again(ctx, &owner, (&other, &delivery)).await;
    assert!(matches!(answer, Err(Error::NotFound)), "{answer:?}");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    change(ctx, &owner, &world.ids.webhook, (1, form(false))).await.expect("it is switched off");
    let before = world.app.contents();
    let answer = send::again(ctx, &owner, (&world.ids.webhook, &delivery)).await;
    assert!(matches!(answer, Err(Error::WrongState(_))), "{answer:?}");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    change(ctx, &owner, &world.ids.webhook, (2, form(true))).await.expect("it is switched on");
    send::again(ctx, &owner, (&world.ids.webhook, &delivery)).await.expect("it is tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_webhooks_are_public_encrypted_and_carry_no_password() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let of = async |url: &str| {
        let form = WebhookForm {
            name: "Pager".to_owned(),
            url: url.to_owned(),
            topics: vec![Topic::ALL[0]],
            is_active: true,
        };
        create(ctx, &owner, form).await.map(|_| ())
    };
    let long = |length: usize| {
        let begin = "https://hooks.example.com/";
        format!("{begin}{}", "x".repeat(length - begin.len()))
    };
    is_said(of("").await, "url", &Complaint::Required);
    is_said(of(&long(2001)).await, "url", &Complaint::TooLong { max: 2000 });
    is_said(of("ftp://hooks.example.com").await, "url", &Complaint::NotAUrl);
    is_said(of("hooks.example.com").await, "url", &Complaint::NotAUrl);
    for refused in [
        "https://ann@hooks.example.com",
        "https://:secret@hooks.example.com",
        "https://hooks.example.com/#part",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
    ] {
        let said = problems(of(refused).await);
        assert!(said.of("url").next().is_some(), "{refused}: {said:?}");
    }
    of(&long(2000)).await.expect("it just fits");
    let none = WebhookForm {
        name: "Pager".to_owned(),
        url: "https://hooks.example.com".to_owned(),
        topics: Vec::new(),
        is_active: true,
    };
    problems(create(ctx, &owner, none).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_a_service_and_says_what_it_is_for() {
    let world = World::start().await;
    let (ctx, editor) = (world.ctx(), world.actor(Role::Editor));
    assert_eq!(NOTE_MAX, 1000);
    is_said(ask(ctx, &editor, "", "x").await, "service", &Complaint::Required);
    is_said(ask(ctx, &editor, "unknown", "x").await, "service", &Complaint::NotAChoice);
    assert!(problems(ask(ctx, &editor, "slack", " \n ").await).of("note").next().is_some());
    let long = |length: usize| "ä".repeat(length);
    let too_long = Complaint::TooLong { max: 1000 };
    is_said(ask(ctx, &editor, "slack", &long(1001)).await, "note", &too_long);
    is_said(ask(ctx, &editor, "slack", "a\u{7}b").await, "note", &Complaint::Control);
    ask(ctx, &editor, "slack", &long(1000)).await.expect("it just fits");
    ask(ctx, &editor, "slack", "a\tb\r\nc").await.expect("lines and tabs are kept");
    let kept = "SELECT note AS value FROM account_requests ORDER BY id DESC LIMIT 1";
    assert_eq!(world.app.database.value(kept), "a\tb\nc");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_a_password_is_changed_with_the_present_password_alone() {
    let world = World::start().await;
    let (ctx, viewer) = (world.ctx(), world.actor(Role::Viewer));
    let before = world.app.contents();
    for (typed, complaint) in [("", Complaint::Required), ("a guess at it", Complaint::Wrong)] {
        let typed = Secret::new(typed);
        let answer = profile::change_email(ctx, &viewer, "vera@example.com", &typed).await;
        is_said(answer, "password", &complaint);
        let new = Secret::new("another passphrase");
        let answer = profile::change_password(ctx, &viewer, &typed, &new).await;
        is_said(answer, "present_password", &complaint);
    }
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    let present = Secret::new(PASSWORD);
    profile::change_email(ctx, &viewer, "vera@example.com", &present).await.expect("changed");
}
