//! Sealed bytes open in their own row and column alone, and tokens that we give out are kept as
//! hashes.
use std::collections::{BTreeMap, BTreeSet};

use authorizers::crypto::Sealed;
use authorizers::crypto::cipher::Place;
use authorizers::domain::authorizers::account;
use authorizers::domain::drafts::DraftForm;
use authorizers::domain::webhooks::{save, send};
use authorizers::domain::{Error, drafts};
use authorizers::model::credentials::Secret;
use authorizers::model::draft::DraftKind;
use authorizers::model::role::Role;

use super::world::World;
use crate::support::app::TestApp;
use crate::support::database::Kind;

/// Every column of bytes, and what lies in it.
const COLUMNS: [(&str, &str); 8] = [
    ("attempts.sealed", "what was typed before a sign-in, or its tokens"),
    ("authorizers.sealed", "credentials"),
    ("drafts.sealed", "what was typed"),
    ("facts.value", "hashes, names and the proofs of keys"),
    ("oauth_apps.secret", "the client secret"),
    ("submissions.sealed", "the answer to a form"),
    ("webhooks.secret", "what signs"),
    ("withdrawals.sealed", "tokens that are to be revoked"),
];

/// Gives each of two rows what the other one keeps.
fn swap(app: &TestApp, table: &str, column: &str, (one, other): (&str, &str)) {
    app.database.execute(&format!("CREATE TABLE kept AS SELECT id, {column} FROM {table}"));
    for (to, from) in [(one, other), (other, one)] {
        app.database.execute(&format!(
            "UPDATE {table} SET {column} = (SELECT {column} FROM kept WHERE id = '{from}')
             WHERE id = '{to}'"
        ));
    }
    app.database.execute("DROP TABLE kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_column_of_bytes_is_known() {
    // On SQLite the search has tables of its own, with bytes in them.
    let app = TestApp::start(Kind::Postgres).await;
    let known: BTreeSet<String> = COLUMNS.iter().map(|(column, _)| (*column).to_owned()).collect();
    assert_eq!(app.database.columns_of_bytes(), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_in_one_row_does_not_open_in_another() {
    let world = World::start().await;
    let (app, ctx, ids) = (&world.app, world.ctx(), &world.ids);
    let owner = world.actor(Role::Owner);

    account::open_as_is(ctx, &ids.local).await.expect("it opens in its row");
    swap(app, "authorizers", "sealed", (ids.local.as_str(), ids.spare.as_str()));
    for id in [&ids.local, &ids.spare] {
        assert!(matches!(account::open_as_is(ctx, id).await, Err(Error::Locked)), "{id}");
    }

    account::open_app(ctx, &ids.shared_app).await.expect("it opens in its row");
    swap(app, "oauth_apps", "secret", (ids.shared_app.as_str(), ids.unused_app.as_str()));
    for id in [&ids.shared_app, &ids.unused_app] {
        let answer = account::open_app(ctx, id).await.map(|_| ());
        assert!(matches!(answer, Err(Error::Locked)), "{id}: {answer:?}");
    }

    let typed = BTreeMap::from([("name".to_owned(), Secret::new("typed"))]);
    let mut kept = Vec::new();
    for _ in 0..2 {
        let service_id = "postgresql".into();
        let of = DraftForm { kind: DraftKind::Source, service_id: &service_id, auth_id: "" };
        kept.push(drafts::save(ctx, &owner, None, of, &typed).await.expect("kept"));
    }
    assert!(drafts::find(ctx, &owner, &kept[0]).await.expect("an answer").is_some());
    swap(app, "drafts", "sealed", (kept[0].as_str(), kept[1].as_str()));
    for id in &kept {
        assert!(drafts::find(ctx, &owner, id).await.expect("an answer").is_none(), "{id}");
    }
    assert!(drafts::list(ctx, &owner, DraftKind::Source).await.expect("a list").is_empty());

    let form = save::WebhookForm {
        name: "Pager".to_owned(),
        url: "https://127.0.0.1:1/hook".to_owned(),
        topics: authorizers::model::notice::Topic::ALL.to_vec(),
        is_active: true,
    };
    let (second, _) = save::create(ctx, &owner, form).await.expect("a webhook");
    let said = async || send::test(ctx, &owner, &second).await.expect("an answer").said;
    assert_eq!(said().await.as_deref(), Some("port_refused"), "it opens in its row");
    swap(app, "webhooks", "secret", (ids.webhook.as_str(), second.as_str()));
    assert_eq!(said().await.as_deref(), Some("key_missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_keeps_does_not_open_in_another() {
    let world = World::start().await;
    let (app, ids) = (&world.app, &world.ids);
    let [one, other] = [ids.other_account.as_str(), ids.failed_attempt.as_str()];
    app.database.execute(&format!(
        "UPDATE attempts SET (sealed, sealed_key) =
           (SELECT sealed, sealed_key FROM attempts WHERE id = '{one}') WHERE id = '{other}'"
    ));
    let bytes = app
        .database
        .value(&format!("SELECT hex(sealed) AS value FROM attempts WHERE id = '{other}'"));
    let key_id = app
        .database
        .value(&format!("SELECT sealed_key AS value FROM attempts WHERE id = '{other}'"));
    let sealed = Sealed { bytes: unhex(&bytes), key_id };
    let place = |id| Place { table: "attempts", column: "sealed", id };
    assert!(world.ctx().cipher.open(place(one), &sealed).is_ok(), "it opens in its row");
    let owner = world.actor(Role::Owner);
    world.give_to(&owner);
    let browser = Secret::new("a browser");
    let again = authorizers::domain::authorizers::start::again;
    let answer = again(world.ctx(), &owner, &ids.failed_attempt, browser).await.map(|_| ());
    assert!(matches!(answer, Err(Error::Locked)), "{answer:?}");
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digit).collect()
}
