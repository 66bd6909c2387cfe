//! Credentials and the fenced lease of a refresh.
use std::time::Duration;

use ::authorizers::model::ids::AuthorizerId;
use ::authorizers::store::{Db, StoreError, authorizers};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

fn id() -> AuthorizerId {
    AuthorizerId::from("a")
}

on_both! {
    async fn of_fifty_at_once_one_gets_the_lease(_database: &Database, db: Db) {
        db.write(|c| authorizers::insert(c, &make::authorizer("a", "A"), Some(&make::sealed("old")))).await.unwrap();
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let db = db.clone();
                let until = NOW.plus(Duration::from_secs(30));
                tokio::spawn(async move { db.write(move |c| authorizers::take_lease(c, &id(), &format!("o{number}"), NOW, until)).await })
            })
            .collect();
        let mut leases = Vec::new();
        for task in tasks {
            leases.extend(task.await.unwrap().unwrap());
        }
        assert_eq!(leases.len(), 1);
        assert_eq!((leases[0].generation, leases[0].unfinished_since), (1, None));
    }

    async fn who_lost_the_lease_cannot_save(_database: &Database, db: Db) {
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), Some(&make::sealed("old")))?;
            let (soon, late) = (NOW.plus(Duration::from_secs(30)), NOW.plus(Duration::from_secs(60)));
            let slow = authorizers::take_lease(c, &id(), "slow", NOW, soon)?.unwrap();
            assert!(authorizers::mark_refresh_started(c, &id(), slow.generation, NOW)?);
            let quick = authorizers::take_lease(c, &id(), "quick", soon, late)?.unwrap();
            assert_eq!(quick.unfinished_since, Some(NOW), "the mark outlives the one who made it");
            assert!(!authorizers::mark_refresh_started(c, &id(), slow.generation, soon)?);
            assert!(!authorizers::save_refreshed(c, &id(), slow.generation, &make::sealed("slow"), None, soon)?);
            assert!(!authorizers::release_lease(c, &id(), slow.generation)?);
            assert!(authorizers::save_refreshed(c, &id(), quick.generation, &make::sealed("quick"), Some(late), soon)?);
            let vault = authorizers::open_vault(c, &id())?.unwrap();
            assert_eq!((vault.sealed.bytes.as_slice(), vault.credential_version), (b"quick".as_slice(), 2));
            assert_eq!(authorizers::find(c, &id())?.unwrap().access_expires_at, Some(late));
            let next = authorizers::take_lease(c, &id(), "next", soon, late)?.unwrap();
            assert_eq!(next.unfinished_since, None);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn new_credentials_end_a_refresh_under_way_and_a_revocation_waits_for_it(_database: &Database, db: Db) {
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), Some(&make::sealed("old")))?;
            let until = NOW.plus(Duration::from_secs(30));
            let lease = authorizers::take_lease(c, &id(), "x", NOW, until)?.unwrap();
            assert!(!authorizers::update_credentials(c, &id(), 9, &make::sealed("new"), None, NOW)?, "of another version");
            assert!(authorizers::update_credentials(c, &id(), 1, &make::sealed("new"), None, NOW)?);
            assert!(!authorizers::save_refreshed(c, &id(), lease.generation, &make::sealed("late"), None, NOW)?);
            let lease = authorizers::take_lease(c, &id(), "x", NOW, until)?.expect("the lease is free again");
            assert!(authorizers::begin_revoking(c, &id(), NOW)?);
            assert!(!authorizers::wipe_for_revocation(c, &id(), 2, None, NOW)?, "the call is on the wire");
            assert!(authorizers::save_refreshed(c, &id(), lease.generation, &make::sealed("brought"), None, NOW)?);
            let (sealed, version) = authorizers::sealed(c, &id())?.unwrap();
            assert_eq!((sealed.bytes.as_slice(), version), (b"brought".as_slice(), 3), "what it brought is there to be revoked");
            assert!(authorizers::take_lease(c, &id(), "x", NOW, until)?.is_none(), "nothing is refreshed any more");
            assert!(!authorizers::wipe_for_revocation(c, &id(), 2, None, NOW)?, "that is not what it holds");
            assert!(authorizers::wipe_for_revocation(c, &id(), 3, None, NOW)?);
            assert!(authorizers::open_vault(c, &id())?.is_none());
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
