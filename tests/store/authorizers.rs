//! Authorizers: stored, changed, revoked, deleted.
use std::time::Duration;

use ::authorizers::model::authorizer::{EndKind, Filter, Health, Identity, Lifecycle, Verdict};
use ::authorizers::model::cause::Cause;
use ::authorizers::model::flow::FlowKind;
use ::authorizers::model::ids::AuthorizerId;
use ::authorizers::model::name::Name;
use ::authorizers::model::page::Cursor;
use ::authorizers::model::revocation::RevocationOutcome;
use ::authorizers::store::{AnyConnection, Db, StoreError, authorizers};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

fn found_by(c: &mut AnyConnection, search: &str) -> usize {
    let filter = Filter { search: search.to_owned(), ..Filter::default() };
    authorizers::list(c, &filter, &Cursor(None), NOW).unwrap().rows.len()
}

on_both! {
    async fn what_was_stored_is_found_again(_database: &Database, db: Db) {
        let mut new = make::authorizer("a", "Größe ÄÖ");
        new.cause = Some(Cause::MissingScope);
        new.health = Health::Misconfigured;
        new.cause_fields = vec!["scope".to_owned()];
        new.missing_scopes = vec!["write".to_owned()];
        new.detail = Some("no".to_owned());
        new.ends_at = Some(NOW);
        new.end_kind = EndKind::Estimated;
        new.last_checked_at = None;
        let copy = new.clone();
        let id = new.id.clone();
        let found = db
            .write(move |c| {
                authorizers::insert(c, &copy, Some(&make::sealed("secret")))?;
                authorizers::find(c, &id)
            })
            .await
            .unwrap();
        assert_eq!(format!("{:?}", found.unwrap()), format!("{new:?}"));
        db.read(move |c| {
            assert!(authorizers::find(c, &"b".into())?.is_none());
            assert!(authorizers::find_by_name(c, &Name::parse("GRÖSSE äö").unwrap())?.is_none());
            assert!(authorizers::find_by_name(c, &Name::parse("GRÖßE äö").unwrap())?.is_some());
            assert_eq!(authorizers::find_all(c, &["a".into(), "b".into()])?.len(), 1);
            assert_eq!(authorizers::find_by_identity(c, &"google-ads".into(), "key-a")?.len(), 1);
            assert_eq!(authorizers::find_by_identity(c, &"slack".into(), "key-a")?.len(), 0);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn a_rename_of_a_stale_version_is_refused_and_the_search_follows_names(_database: &Database, db: Db) {
        db.write(|c| {
            let id = AuthorizerId::from("a");
            authorizers::insert(c, &make::authorizer("a", "First"), None)?;
            let (second, third) = (Name::parse("Second").unwrap(), Name::parse("Third").unwrap());
            assert!(authorizers::update_name(c, &id, &second, 1, NOW)?);
            assert!(!authorizers::update_name(c, &id, &third, 1, NOW)?);
            assert_eq!(authorizers::find(c, &id)?.unwrap().name, "Second");
            assert_eq!((found_by(c, "first"), found_by(c, "SECON"), found_by(c, "third")), (0, 1, 0));
            authorizers::update_identity(c, &id, &Identity { key: "k".to_owned(), label: "Shop 7".to_owned() })?;
            assert_eq!((found_by(c, "shop 7"), found_by(c, "a@example"), found_by(c, "Google Ads")), (1, 0, 1));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn health_counts_failures_and_forgets_them_when_it_works_again(_database: &Database, db: Db) {
        db.write(|c| {
            let id = AuthorizerId::from("a");
            authorizers::insert(c, &make::authorizer("a", "A"), None)?;
            let later = NOW.plus(std::time::Duration::from_secs(60));
            let failed = Verdict::failed(Cause::LoginRejected, vec!["password".to_owned()], Some("no".to_owned()));
            assert!(authorizers::update_health(c, &id, Some(1), &failed, NOW)?);
            assert!(authorizers::update_health(c, &id, None, &failed, later)?);
            let broken = authorizers::find(c, &id)?.unwrap();
            assert_eq!((broken.failure_count, broken.first_failed_at, broken.last_checked_at), (2, Some(NOW), Some(later)));
            assert_eq!((broken.cause, broken.health), (Some(Cause::LoginRejected), Health::NeedsReauthorization));
            assert_eq!(authorizers::count_attention(c, NOW)?, (1, 0));
            assert!(!authorizers::update_health(c, &id, Some(2), &Verdict::ok(), later)?, "those credentials were never tried");
            assert!(authorizers::update_health(c, &id, Some(1), &Verdict::ok(), later)?);
            let well = authorizers::find(c, &id)?.unwrap();
            assert_eq!((well.failure_count, well.first_failed_at, well.cause, well.last_ok_at), (0, None, None, Some(later)));
            assert_eq!(authorizers::count_attention(c, NOW)?, (0, 0));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn revoking_wipes_the_credentials_and_happens_once(_database: &Database, db: Db) {
        db.write(|c| {
            let id = AuthorizerId::from("a");
            authorizers::insert(c, &make::authorizer("a", "A"), Some(&make::sealed("secret")))?;
            let outcome = RevocationOutcome::Refused;
            assert!(!authorizers::finish_revoking(c, &id, outcome, None, NOW)?, "it has not begun");
            assert!(!authorizers::wipe_for_revocation(c, &id, 1, None, NOW)?, "it has not begun");
            assert!(authorizers::begin_revoking(c, &id, NOW)?);
            assert!(!authorizers::begin_revoking(c, &id, NOW)?);
            assert!(authorizers::open_vault(c, &id)?.is_some(), "the call to the provider needs it");
            assert_eq!(authorizers::list_stuck_revoking(c, NOW)?.len(), 0);
            assert_eq!(authorizers::list_stuck_revoking(c, NOW.plus(authorizers::CLAIM))?.len(), 1);
            let late = NOW.plus(Duration::from_secs(60));
            assert!(authorizers::take_lease(c, &id, "x", NOW, late)?.is_none(), "nothing is refreshed any more");
            let open = make::sealed("open values");
            assert!(!authorizers::wipe_for_revocation(c, &id, 9, Some(&open), NOW)?, "of another version");
            assert!(authorizers::wipe_for_revocation(c, &id, 1, Some(&open), NOW)?);
            assert_eq!(authorizers::open_vault(c, &id)?.unwrap().sealed.bytes, b"open values");
            assert_eq!(authorizers::list_stuck_revoking(c, NOW.plus(authorizers::CLAIM))?.len(), 0, "it is handed over");
            assert!(authorizers::finish_revoking(c, &id, outcome, Some("no"), NOW)?);
            assert_eq!(authorizers::find_revocation_detail(c, &id)?.as_deref(), Some("no"));
            let revoked = authorizers::find(c, &id)?.unwrap();
            assert_eq!((revoked.lifecycle, revoked.revoked_at), (Lifecycle::Revoked, Some(NOW)));
            assert_eq!(revoked.revocation, Some(outcome));
            assert!(!authorizers::begin_revoking(c, &id, NOW)?);
            assert!(authorizers::update_health(c, &id, None, &Verdict::failed(Cause::GrantRevoked, vec![], None), NOW)?);
            assert_eq!(authorizers::count_attention(c, NOW)?, (0, 0), "a revoked one asks for nothing");
            authorizers::reactivate(c, &id, NOW)?;
            let again = authorizers::find(c, &id)?.unwrap();
            assert_eq!((again.lifecycle, again.health, again.revoked_at), (Lifecycle::Active, Health::Unverified, None));
            assert_eq!((again.revocation, authorizers::find_revocation_detail(c, &id)?), (None, None));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn one_in_use_cannot_be_deleted(_database: &Database, db: Db) {
        let id = AuthorizerId::from("a");
        db.write(|c| {
            authorizers::insert(c, &make::authorizer("a", "A"), None)?;
            make::source(c, "s2", "a")?;
            make::source(c, "s1", "a")?;
            make::destination(c, "d", "a")
        })
        .await
        .unwrap();
        let same = id.clone();
        assert_eq!(db.write(move |c| authorizers::delete(c, &same)).await, Err(StoreError::InUse));
        let same = id.clone();
        let users = db.read(move |c| authorizers::used_by(c, &same)).await.unwrap();
        let users: Vec<_> = users.iter().map(|(kind, id, name)| (*kind, id.as_str(), name.as_str())).collect();
        assert_eq!(users, [(FlowKind::Source, "s1", "s1"), (FlowKind::Source, "s2", "s2"), (FlowKind::Destination, "d", "d")]);
        db.write(move |c| {
            for table in ["sources", "destinations"] {
                diesel::RunQueryDsl::execute(diesel::sql_query(format!("DELETE FROM {table}")), c)?;
            }
            assert!(authorizers::delete(c, &id)?);
            assert!(!authorizers::delete(c, &id)?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }

    async fn deleting_and_starting_to_use_race_safely(_database: &Database, db: Db) {
        for round in 0..20 {
            let name = format!("a{round}");
            let new = make::authorizer(&name, &name);
            db.write(move |c| authorizers::insert(c, &new, None)).await.unwrap();
            let (id, source) = (AuthorizerId::from(name.as_str()), format!("s{round}"));
            let deleted = tokio::spawn({
                let db = db.clone();
                async move { db.write(move |c| authorizers::delete(c, &id)).await }
            });
            let used = tokio::spawn({
                let db = db.clone();
                async move { db.write(move |c| make::source(c, &source, &name)).await }
            });
            let (deleted, used) = (deleted.await.unwrap(), used.await.unwrap());
            assert!(
                matches!((&deleted, &used), (Ok(true), Err(StoreError::InUse)) | (Err(StoreError::InUse), Ok(()))),
                "{deleted:?} {used:?}"
            );
        }
    }
}
