//! Changes that depend on the state of a row, of the installation, or of another caller.
use authorizers::domain::Error;
use authorizers::domain::authorizers::{delete, edit, revoke};
use authorizers::domain::standing::{self, Doubt};
use authorizers::domain::webhooks;
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;
use authorizers::store::standing as signs;
use futures_util::future::join_all;

use super::world::World;

fn unchanged(world: &World) -> edit::Edit {
    let values = [
        ("host", "127.0.0.1"),
        ("port", "1"),
        ("database", "shop"),
        ("user", "etl"),
        ("password", "hush"),
        ("tls", "require"),
        ("ssh", "off"),
    ];
    edit::Edit {
        id: world.ids.local.clone(),
        version: 1,
        name: "Local".to_owned(),
        values: values.map(|(key, value)| (key.to_owned(), Secret::new(value))).into(),
        is_tested: false,
        may_switch: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_values_bring_a_revoked_account_back() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let of_row = |column: &str| {
        let id = &world.ids.local;
        world
            .app
            .database
            .value(&format!("SELECT {column} AS value FROM authorizers WHERE id = '{id}'"))
    };
    world.app.database.execute(&format!(
        "UPDATE authorizers SET lifecycle = 'revoked' WHERE id = '{}'",
        world.ids.local
    ));
    edit::edit(ctx, &owner, unchanged(&world)).await.expect("it is entered again");
    assert_eq!(
        (of_row("lifecycle"), of_row("health")),
        ("active".to_owned(), "unverified".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_what_is_stored_changes_nothing_and_says_nothing() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let before = world.app.contents();
    edit::edit(ctx, &owner, unchanged(&world)).await.expect("it is saved");
    edit::rename(ctx, &owner, &world.ids.local, 1, "Local").await.expect("it has this name");
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    edit::rename(ctx, &owner, &world.ids.local, 1, "Another").await.expect("it is renamed");
    assert!(!world.app.changes_since(&before).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_several_people_delete_at_once_is_deleted_once() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let deleting = (0..8).map(|_| webhooks::save::delete(ctx, &owner, &world.ids.webhook));
    let answers = join_all(deleting).await;
    assert!(answers.iter().any(Result::is_ok));
    for answer in &answers {
        assert!(matches!(answer, Ok(()) | Err(Error::NotFound)), "{answer:?}");
    }
    let lines = "SELECT COUNT(*) || '' AS value FROM activity \
         WHERE verb = 'deleted' AND subject_kind = 'webhook'";
    assert_eq!(world.app.database.value(lines), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_revokes_nothing_also_before_it_deletes() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    world.app.look().await;
    let backup = world.app.database.with(signs::find).expect("a sign of life");
    world.app.look().await;
    let now = ctx.clock.now();
    world.app.database.with(|c| signs::put(c, &backup, now));
    assert_eq!(world.app.look().await, Some(Doubt::Older));
    let before = world.app.contents();
    let deleted = delete::delete(ctx, &owner, &world.ids.unused, true).await;
    assert!(matches!(deleted, Err(Error::Paused)), "{:?}", deleted.err());
    let revoked = revoke::revoke(ctx, &owner, &world.ids.unused).await;
    assert!(matches!(revoked, Err(Error::Paused)), "{:?}", revoked.err());
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
    standing::confirm(ctx, &owner).await.expect("this is the live one");
    delete::delete(ctx, &owner, &world.ids.unused, true).await.expect("deleted");
}
