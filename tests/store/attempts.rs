//! Attempts: taken once.
use std::time::Duration;

use ::authorizers::model::attempt::{Attempt, AttemptState};
use ::authorizers::model::cause::Cause;
use ::authorizers::store::{AnyConnection, Db, StoreError, attempts, authorizers};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

fn insert(c: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    let attempt = Attempt {
        id: id.into(),
        user_id: "u".into(),
        service_id: "slack".into(),
        auth_id: "oauth".to_owned(),
        authorizer_id: None,
        oauth_app_id: None,
        draft_id: None,
        name: "Mine".to_owned(),
        state: AttemptState::Pending,
        cause: None,
        detail: None,
        missing_scopes: vec![],
        result_authorizer_id: None,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(600)),
        taken_at: None,
        grant_until: None,
    };
    attempts::insert(c, &attempt, &format!("state-{id}"), "browser", &make::sealed("verifier"))
}

on_both! {
    async fn of_twenty_callbacks_at_once_one_takes_the_attempt(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            insert(c, "a")
        })
        .await
        .unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.write(|c| attempts::take(c, "state-a", NOW)).await })
            })
            .collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await.unwrap().unwrap());
        }
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].browser_hash.as_str(), taken[0].attempt.state), ("browser", AttemptState::Taken));
        assert_eq!(taken[0].sealed.as_ref().unwrap().bytes, b"verifier");
    }

    async fn an_attempt_that_expired_is_found_but_not_taken(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            insert(c, "a")?;
            let late = NOW.plus(Duration::from_secs(600));
            assert!(attempts::take(c, "state-a", late)?.is_none());
            assert!(attempts::take(c, "state-b", NOW)?.is_none());
            assert_eq!(attempts::find_by_state(c, "state-a")?.unwrap().attempt.state, AttemptState::Pending);
            assert_eq!(attempts::purge(c, late)?, 0);
            assert_eq!(attempts::purge(c, late.plus(Duration::from_secs(1)))?, 1);
            assert!(attempts::find(c, &"a".into())?.is_none());
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn the_end_is_told_and_the_secrets_are_forgotten(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            insert(c, "a")?;
            authorizers::insert(c, &make::authorizer("z", "Z"), None)?;
            attempts::take(c, "state-a", NOW)?;
            let mut ending = attempts::Ending {
                state: AttemptState::OtherAccount,
                cause: Some(Cause::OtherAccount),
                detail: Some("said so".to_owned()),
                missing_scopes: vec!["w".to_owned()],
                result: None,
            };
            let sealed = make::sealed("tokens");
            let late = NOW.plus(Duration::from_secs(600));
            let kept = attempts::SealedPart { sealed: &sealed, grant_until: Some(late) };
            attempts::finish(c, &"a".into(), &ending, Some(&kept))?;
            assert_eq!(attempts::purge(c, late.plus(Duration::from_secs(9)))?, 0, "it keeps a grant");
            let given_up = |c: &mut _, at| Ok::<_, StoreError>(attempts::list_given_up(c, at, NOW)?.len());
            assert_eq!((given_up(c, NOW)?, given_up(c, late)?), (0, 1));
            assert_eq!(attempts::find_held(c, &"a".into())?.unwrap().sealed.unwrap().bytes, b"tokens");
            assert!(attempts::take_from(c, &"a".into(), AttemptState::OtherAccount, NOW)?);
            assert!(!attempts::take_from(c, &"a".into(), AttemptState::OtherAccount, NOW)?);
            (ending.state, ending.result) = (AttemptState::Completed, Some("z".into()));
            attempts::finish(c, &"a".into(), &ending, None)?;
            let held = attempts::find_held(c, &"a".into())?.unwrap();
            assert!(held.sealed.is_none());
            assert_eq!((held.attempt.state, held.attempt.result_authorizer_id), (AttemptState::Completed, Some("z".into())));
            assert_eq!((held.attempt.cause, held.attempt.missing_scopes), (Some(Cause::OtherAccount), vec!["w".to_owned()]));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
