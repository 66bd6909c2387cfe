//! Drafts: for their owner alone.
use std::time::Duration;

use ::authorizers::model::draft::DraftKind;
use ::authorizers::store::drafts::{self, SealedDraft};
use ::authorizers::store::{Db, StoreError};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

on_both! {
    async fn a_draft_is_its_owners_until_it_expires(_database: &Database, db: Db) {
        db.write(|c| {
            make::user(c, "u")?;
            make::user(c, "v")?;
            let end = NOW.plus(Duration::from_secs(60));
            drafts::insert(c, &SealedDraft {
                id: "d".into(),
                user_id: "u".into(),
                kind: DraftKind::Source,
                service_id: "slack".into(),
                sealed: make::sealed("typed"),
                created_at: NOW,
                expires_at: end,
            })?;
            assert_eq!(drafts::find(c, &"d".into(), &"u".into(), NOW)?.unwrap().sealed.bytes, b"typed");
            assert!(drafts::find(c, &"d".into(), &"v".into(), NOW)?.is_none());
            assert!(drafts::find(c, &"d".into(), &"u".into(), end)?.is_none());
            assert!(!drafts::update(c, &"d".into(), &"v".into(), &make::sealed("x"), end)?);
            assert!(drafts::update(c, &"d".into(), &"u".into(), &make::sealed("more"), end)?);
            assert!(!drafts::delete(c, &"d".into(), &"v".into())?);
            assert_eq!(drafts::purge(c, end)?, 0);
            assert_eq!(drafts::purge(c, end.plus(Duration::from_secs(1)))?, 1);
            assert!(!drafts::delete(c, &"d".into(), &"u".into())?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
