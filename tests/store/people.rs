//! People, their sessions, links and calendars: who finds what, and until when.
use std::time::Duration;

use ::authorizers::model::ids::{SessionId, UserId};
use ::authorizers::model::time::Moment;
use ::authorizers::model::user::Session;
use ::authorizers::store::invitations::NewInvitation;
use ::authorizers::store::{
    AnyConnection, Db, StoreError, calendar_feeds, invitations, sessions, users,
};
use diesel::RunQueryDsl;

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

const SECOND: Duration = Duration::from_secs(1);

fn session(c: &mut AnyConnection, id: &str, user: &str, seen: Moment) -> Result<(), StoreError> {
    sessions::insert(
        c,
        &Session {
            id: id.into(),
            user_id: user.into(),
            created_at: NOW,
            last_seen_at: seen,
            address: String::new(),
            user_agent: String::new(),
        },
    )
}

fn is_living(c: &mut AnyConnection, id: &str, since: Moment) -> Result<bool, StoreError> {
    Ok(sessions::find_living(c, &SessionId::from(id), since)?.is_some())
}

fn link(c: &mut AnyConnection, id: &str, user: &str, end: Moment) -> Result<(), StoreError> {
    let new = NewInvitation {
        id: id.into(),
        user_id: user.into(),
        token_hash: format!("hash-{id}"),
        created_by_id: None,
        created_at: NOW,
        expires_at: end,
    };
    invitations::insert(c, &new)
}

fn set(c: &mut AnyConnection, sql: &str) -> Result<(), StoreError> {
    diesel::sql_query(sql).execute(c)?;
    Ok(())
}

on_both! {
    async fn a_session_lives_while_it_is_used_in_its_epoch_by_somebody_active(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            session(c, "s", "u", NOW)?;
            assert!(is_living(c, "s", NOW.minus(SECOND))?);
            assert!(!is_living(c, "s", NOW)?, "it was not used since then");
            assert!(!is_living(c, "another", NOW.minus(SECOND))?);
            assert_eq!(sessions::list(c, &"u".into(), NOW.minus(SECOND))?.len(), 1);
            assert_eq!(sessions::list(c, &"u".into(), NOW)?.len(), 0);
            set(c, "UPDATE users SET is_active = FALSE")?;
            assert!(!is_living(c, "s", NOW.minus(SECOND))?, "its person is deactivated");
            set(c, "UPDATE users SET is_active = TRUE")?;
            users::raise_epoch(c, &"u".into())?;
            assert!(!is_living(c, "s", NOW.minus(SECOND))?, "it is of an epoch before");
            assert_eq!(sessions::list(c, &"u".into(), NOW.minus(SECOND))?.len(), 0);
            session(c, "new", "u", NOW)?;
            assert!(is_living(c, "new", NOW.minus(SECOND))?);
            sessions::update_last_seen(c, &"new".into(), NOW.plus(SECOND))?;
            assert!(is_living(c, "new", NOW)?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn nobody_ends_or_lists_the_session_of_another_person(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            make::user(c, "v")?;
            for (id, user) in [("u1", "u"), ("u2", "u"), ("v1", "v")] {
                session(c, id, user, NOW)?;
            }
            let since = NOW.minus(SECOND);
            assert!(!sessions::delete(c, &"v".into(), &"u1".into())?);
            assert!(is_living(c, "u1", since)?);
            let listed = sessions::list(c, &"v".into(), since)?;
            assert_eq!(listed.into_iter().map(|session| session.id).collect::<Vec<_>>(), ["v1".into()]);
            assert_eq!(sessions::delete_others(c, &"u".into(), &"u1".into())?, 1);
            assert!(is_living(c, "u1", since)? && is_living(c, "v1", since)? && !is_living(c, "u2", since)?);
            assert!(sessions::delete(c, &"u".into(), &"u1".into())?);
            assert!(!is_living(c, "u1", since)?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn sessions_that_were_not_used_are_purged_and_others_are_not(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            session(c, "old", "u", NOW)?;
            session(c, "new", "u", NOW.plus(SECOND))?;
            assert_eq!(sessions::purge(c, NOW)?, 0);
            assert_eq!(sessions::purge(c, NOW.plus(SECOND))?, 1);
            assert!(is_living(c, "new", NOW)?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_link_is_used_once_and_a_newer_one_closes_those_of_its_person_alone(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            make::user(c, "v")?;
            let end = NOW.plus(SECOND);
            for (id, user) in [("u1", "u"), ("u2", "u"), ("v1", "v")] {
                link(c, id, user, end)?;
            }
            assert!(invitations::use_up(c, &"u1".into(), NOW)?);
            assert!(!invitations::use_up(c, &"u1".into(), NOW)?, "it was used");
            let open = |c: &mut AnyConnection, user: &str| invitations::open_until(c, &UserId::from(user), NOW);
            assert_eq!((open(c, "u")?, open(c, "v")?), (Some(end), Some(end)));
            assert_eq!(invitations::open_until(c, &"u".into(), end)?, None, "it has ended");
            invitations::void(c, &"u".into(), NOW)?;
            assert_eq!((open(c, "u")?, open(c, "v")?), (None, Some(end)));
            assert!(!invitations::use_up(c, &"u2".into(), NOW)?, "it is void");
            assert!(invitations::find_by_hash(c, "hash-u2")?.unwrap().is_used);
            assert!(!invitations::find_by_hash(c, "hash-v1")?.unwrap().is_used);
            assert!(invitations::find_by_hash(c, "v1")?.is_none());
            assert_eq!(invitations::purge(c, end)?, 0);
            assert_eq!(invitations::purge(c, end.plus(SECOND))?, 3);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_calendar_has_one_address_for_each_person(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            make::user(c, "v")?;
            calendar_feeds::replace(c, &"1".into(), &"u".into(), "first", NOW)?;
            calendar_feeds::replace(c, &"2".into(), &"v".into(), "theirs", NOW)?;
            calendar_feeds::replace(c, &"3".into(), &"u".into(), "second", NOW)?;
            assert!(calendar_feeds::owner(c, "first")?.is_none(), "the one before it");
            assert_eq!(calendar_feeds::owner(c, "second")?.unwrap().id, "u".into());
            assert_eq!(calendar_feeds::owner(c, "theirs")?.unwrap().id, "v".into());
            assert!(calendar_feeds::delete(c, &"u".into())?);
            assert!(!calendar_feeds::delete(c, &"u".into())?);
            assert_eq!(calendar_feeds::since(c, &"u".into())?, None);
            assert_eq!(calendar_feeds::since(c, &"v".into())?, Some(NOW));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn an_owner_who_can_not_get_in_is_no_other_owner(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            make::user(c, "v")?;
            let others = |c: &mut AnyConnection| users::count_other_owners(c, &"u".into());
            assert_eq!(others(c)?, 0, "without a password");
            users::update_password(c, &"v".into(), "hash", NOW)?;
            assert_eq!(others(c)?, 1);
            users::update_active(c, &"v".into(), false, NOW)?;
            assert_eq!(others(c)?, 0, "deactivated");
            users::update_active(c, &"v".into(), true, NOW)?;
            set(c, "UPDATE users SET role = 'admin' WHERE id = 'v'")?;
            assert_eq!(others(c)?, 0, "an admin");
            users::update_password(c, &"u".into(), "hash", NOW)?;
            assert_eq!(others(c)?, 0, "oneself");
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
