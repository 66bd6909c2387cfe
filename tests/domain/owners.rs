//! What only an owner does to an owner, and what only its own person finds.
use std::collections::BTreeMap;

use authorizers::domain::authorizers::other_account::{self, Choice};
use authorizers::domain::authorizers::{complete, start};
use authorizers::domain::drafts::DraftForm;
use authorizers::domain::members::{activate, change_role, invite, sign_out};
use authorizers::domain::{Error, drafts, requests};
use authorizers::model::credentials::Secret;
use authorizers::model::draft::DraftKind;
use authorizers::model::role::Role;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_changes_nothing_about_an_owner() {
    let world = World::start().await;
    let (ctx, admin, owner) = (world.ctx(), world.actor(Role::Admin), &world.ids.second_owner);
    let before = world.app.contents();
    let answers = [
        ("deactivate", activate::deactivate(ctx, &admin, owner).await),
        ("activate", activate::activate(ctx, &admin, owner).await),
        ("change the role", change_role::change_role(ctx, &admin, owner, "viewer").await),
        ("make a link", invite::new_link(ctx, &admin, owner).await.map(|_| ())),
        ("sign out", sign_out::everywhere(ctx, &admin, owner).await),
    ];
    for (what, answer) in answers {
        assert!(matches!(answer, Err(Error::Forbidden(_))), "{what}: {answer:?}");
    }
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attempt_of_another_person_is_not_found() {
    let world = World::start().await;
    let (ctx, stranger) = (world.ctx(), world.actor(Role::Admin));
    let (open, failed) = (&world.ids.other_account, &world.ids.failed_attempt);
    let before = world.app.contents();
    let browser = Secret::new("a browser");
    let mut answers = vec![
        ("find", complete::find(ctx, &stranger, open).await.map(|_| ())),
        ("show", other_account::show(ctx, &stranger, open).await.map(|_| ())),
        ("again", start::again(ctx, &stranger, failed, browser).await.map(|_| ())),
    ];
    for choice in [Choice::Cancel, Choice::KeepBoth, Choice::Switch] {
        let answer = other_account::choose(ctx, &stranger, open, choice).await;
        answers.push(("choose", answer.map(|_| ())));
    }
    for (what, answer) in answers {
        assert!(matches!(answer, Err(Error::NotFound)), "{what}: {answer:?}");
    }
    assert_eq!(world.app.changes_since(&before), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_was_made_is_not_made_a_second_time() {
    for choice in [Choice::Cancel, Choice::KeepBoth, Choice::Switch] {
        let world = World::start().await;
        let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
        world.give_to(&owner);
        let id = &world.ids.other_account;
        other_account::choose(ctx, &owner, id, choice).await.expect("the first time");
        let before = world.app.contents();
        for again in [Choice::Cancel, Choice::KeepBoth, Choice::Switch] {
            let answer = other_account::choose(ctx, &owner, id, again).await;
            let is_told = matches!(answer, Err(Error::WrongState(_)));
            assert!(is_told, "{choice:?}, then {again:?}: {:?}", answer.map(|_| ()));
        }
        assert_eq!(before.get("authorizers"), world.app.contents().get("authorizers"));
        assert_eq!(before.get("attempts"), world.app.contents().get("attempts"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_draft_of_another_person_is_neither_found_nor_changed_nor_deleted() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let stranger = world.actor(Role::Admin);
    let (kind, service_id) = (DraftKind::Source, "postgresql".into());
    let of = || DraftForm { kind, service_id: &service_id, auth_id: "" };
    let typed = |text: &str| BTreeMap::from([("name".to_owned(), Secret::new(text))]);
    let mine = drafts::save(ctx, &owner, None, of(), &typed("mine")).await.expect("kept");
    let theirs =
        drafts::save(ctx, &stranger, Some(&mine), of(), &typed("theirs")).await.expect("kept");
    assert_ne!(mine, theirs, "the draft of another person was overwritten");
    assert!(drafts::find(ctx, &stranger, &mine).await.expect("an answer").is_none());
    let listed = drafts::list(ctx, &stranger, kind).await.expect("a list");
    assert_eq!(listed.into_iter().map(|draft| draft.id).collect::<Vec<_>>(), [theirs]);
    drafts::delete(ctx, &stranger, &mine).await.expect("no error");
    let found = drafts::find(ctx, &owner, &mine).await.expect("an answer").expect("still there");
    assert_eq!(found.values["name"].expose(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_asks_for_accounts_sees_own_requests_alone() {
    let world = World::start().await;
    let (ctx, editor) = (world.ctx(), world.actor(Role::Editor));
    let own = world.ids.request.clone();
    requests::list::find(ctx, &editor, &own).await.expect("an own request");
    world.give_to(&world.actor(Role::Admin));
    let answer = requests::list::find(ctx, &editor, &own).await;
    assert!(matches!(answer, Err(Error::Forbidden(_))), "{:?}", answer.map(|_| ()));
    let listed = requests::list::list(ctx, &editor, true, Default::default()).await;
    assert!(listed.expect("a list").rows.is_empty());
    let authorizer = world.actor(Role::Authorizer);
    requests::list::find(ctx, &authorizer, &own).await.expect("one to answer");
}
