//! Each function of the domain that changes something writes a line of activity: its verb, and who did it.
use authorizers::domain::account::accept::{Accept, accept};
use authorizers::domain::account::{Client, profile, sessions, sign_in, sign_out};
use authorizers::domain::members::invite;
use authorizers::model::credentials::Secret;
use authorizers::model::role::Role;

use super::verbs::{Case, all};
use super::world::World;
use crate::support::app::PASSWORD;

/// The verb of the line that each function writes, in each of its calls.
const LINES: &[(&str, &str)] = &[
    ("authorizers::delete::delete", "deleted"),
    ("authorizers::edit::rename", "edited"),
    ("authorizers::edit::edit", "edited"),
    ("authorizers::enter_credentials::enter", "authorized"),
    ("authorizers::revoke::revoke", "removed"),
    ("authorizers::other_account::choose", "switched"),
    ("oauth_apps::delete::delete", "deleted"),
    ("oauth_apps::save::create", "created"),
    ("oauth_apps::save::change", "edited"),
    ("flows::create::create", "created"),
    ("flows::change::change", "edited"),
    ("flows::delete::delete", "deleted"),
    ("members::activate::deactivate", "deactivated"),
    ("members::activate::activate", "activated"),
    ("members::change_role::change_role", "role_changed"),
    ("members::invite::invite", "invited"),
    ("members::invite::new_link", "link_made"),
    ("members::sign_out::everywhere", "signed_out_everywhere"),
    ("webhooks::save::create", "created"),
    ("webhooks::save::change", "edited"),
    ("webhooks::save::renew_secret", "secret_renewed"),
    ("webhooks::save::delete", "deleted"),
    ("calendar::make", "calendar_made"),
    ("calendar::stop", "calendar_stopped"),
    ("requests::ask::ask", "requested"),
    ("requests::answer::answer", "request_done"),
    ("standing::confirm", "confirmed"),
    ("swaps::undo::undo", "swap_undone"),
];

/// Functions that write rows without changing anything that people manage, or whose line comes later, from a job.
const SILENT: &[&str] = &[
    "authorizers::start::start",
    "authorizers::test::start",
    "flows::read::choices",
    "swaps::check::start",
    "webhooks::send::test",
    "webhooks::send::again",
];

/// How many lines with this verb this person has written.
fn count_lines(world: &World, verb: &str, user: &str) -> usize {
    let count = world.app.database.value(&format!(
        "SELECT COUNT(*) || '' AS value FROM activity WHERE verb = '{verb}' AND actor = '{user}'"
    ));
    count.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_that_changes_something_writes_its_line() {
    let world = World::start().await;
    let owner = world.actor(Role::Owner);
    world.give_to(&owner);
    let (mut wrong, mut written, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    // What ends something comes after everything that needs it.
    let ends = ["activate", "revoke", "delete"];
    let mut verbs = all();
    verbs.sort_by_key(|verb| ends.iter().any(|end| verb.name.ends_with(end)));
    for verb in verbs {
        let expected = LINES.iter().find(|(name, _)| *name == verb.name).map(|(_, verb)| *verb);
        let count = || expected.map_or(0, |line| count_lines(&world, line, owner.user_id.as_str()));
        let (before, lines_before) = (world.app.contents(), count());
        let case = Case { ctx: world.ctx(), actor: &owner, ids: &world.ids };
        if let Err(error) = (verb.call)(&case).await {
            failed.push(format!("{} failed: {error:?}", verb.name));
            continue;
        }
        match expected {
            Some(line) => {
                if count() == lines_before {
                    wrong.push(format!("{} wrote no line {line:?}", verb.name));
                }
                written.push(verb.name);
            }
            None => {
                let ignored = ["activity", "tests", "facts"];
                let is_changed = world
                    .app
                    .changes_since(&before)
                    .iter()
                    .any(|row| !ignored.contains(&row.split(' ').next().unwrap_or_default()));
                if is_changed && !SILENT.contains(&verb.name) {
                    wrong.push(format!("{} changed something, and has no row here", verb.name));
                }
            }
        }
    }
    for (name, _) in LINES.iter().filter(|(name, _)| !written.contains(name)) {
        wrong.push(format!("{name} was not carried out: {failed:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_ones_own_account_write_lines() {
    let world = World::start().await;
    let (ctx, owner) = (world.ctx(), world.actor(Role::Owner));
    let mut viewer = world.actor(Role::Viewer);
    let present = Secret::new(PASSWORD);
    let lines = |verb: &str| count_lines(&world, verb, "user-viewer");
    let id = sign_in(ctx, "viewer@example.com", &present, Client::default()).await.expect("in");
    assert_eq!(lines("signed_in"), 1);
    let other = sign_in(ctx, "viewer@example.com", &present, Client::default()).await.expect("in");
    viewer.session_id = id;
    sessions::end(ctx, &viewer, &sessions::public_name(&other)).await.expect("ended");
    assert_eq!(lines("signed_out"), 1);
    sessions::end(ctx, &viewer, "unknown").await.expect("there is none");
    assert_eq!(lines("signed_out"), 1);
    assert_eq!(sessions::end_others(ctx, &viewer).await.expect("none"), 0);
    assert_eq!(lines("signed_out_everywhere"), 1);
    profile::change(ctx, &viewer, "Vera", "dark").await.expect("changed");
    profile::change(ctx, &viewer, "Vera", "dark").await.expect("the same");
    profile::change_email(ctx, &viewer, "vera@example.com", &present).await.expect("changed");
    assert_eq!(lines("edited"), 2);
    let notes =
        "SELECT MIN(note) || ', ' || MAX(note) AS value FROM activity WHERE verb = 'edited'";
    assert_eq!(world.app.database.value(notes), "e-mail, name, colours");
    let new = Secret::new("another passphrase");
    profile::change_password(ctx, &viewer, &present, &new).await.expect("changed");
    assert_eq!(lines("password_changed"), 1);
    sign_out(ctx, &viewer).await.expect("out");
    assert_eq!(lines("signed_out"), 2);
    for (user, verb) in [("user-viewer", "password_changed"), ("user-quiet", "joined")] {
        world.app.database.execute("UPDATE users SET password_hash = NULL WHERE id = 'user-quiet'");
        let link = invite::new_link(ctx, &owner, &user.into()).await.expect("a link");
        let form = Accept { name: "Vera".to_owned(), password: Secret::new("a third passphrase") };
        accept(ctx, &link, form, Client::default()).await.expect("accepted");
        let found = world.app.database.value(&format!(
            "SELECT verb AS value FROM activity WHERE actor = '{user}' ORDER BY id DESC LIMIT 1"
        ));
        assert_eq!(found, verb, "{user}");
    }
}
