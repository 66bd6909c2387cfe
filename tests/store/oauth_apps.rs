//! OAuth apps.
use ::authorizers::model::ids::OAuthAppId;
use ::authorizers::model::oauth_app::OAuthApp;
use ::authorizers::store::oauth_apps::{self, SecretChange};
use ::authorizers::store::{Db, StoreError, authorizers};

use super::make::{self, NOW};
use crate::support::database::{Database, on_both};

pub fn app(id: &str, service: &str, is_shared: bool) -> OAuthApp {
    OAuthApp {
        id: OAuthAppId::from(id),
        service_id: service.into(),
        client_id: format!("client-{id}"),
        is_shared,
        has_secret: true,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

on_both! {
    async fn a_service_has_one_shared_app_and_any_number_of_others(_database: &Database, db: Db) {
        db.write(|c| {
            oauth_apps::insert(c, &app("own1", "slack", false), None, None)?;
            oauth_apps::insert(c, &app("own2", "slack", false), None, None)?;
            oauth_apps::insert(c, &app("shared", "slack", true), Some(&make::sealed("s")), None)
        })
        .await
        .unwrap();
        let second = db.write(|c| oauth_apps::insert(c, &app("more", "slack", true), None, None)).await;
        assert_eq!(second, Err(StoreError::Taken { column: "service".to_owned() }));
        let shared = db.read(|c| oauth_apps::find_shared(c, &"slack".into())).await.unwrap().unwrap();
        assert_eq!((shared.id.as_str(), shared.has_secret), ("shared", true));
        assert!(db.read(|c| oauth_apps::find_shared(c, &"github".into())).await.unwrap().is_none());
    }

    async fn an_app_in_use_is_counted_and_kept(_database: &Database, db: Db) {
        db.write(|c| {
            oauth_apps::insert(c, &app("x", "slack", true), Some(&make::sealed("s")), None)?;
            let mut user = make::authorizer("a", "A");
            user.oauth_app_id = Some("x".into());
            authorizers::insert(c, &user, None)?;
            let rows = oauth_apps::list(c)?;
            assert_eq!((rows.len(), rows[0].authorizer_count), (1, 1));
            assert_eq!(oauth_apps::count_authorizers(c, &"x".into())?, 1);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        assert_eq!(db.write(|c| oauth_apps::delete(c, &"x".into())).await, Err(StoreError::InUse));
    }

    async fn an_edit_keeps_replaces_or_removes_the_secret(_database: &Database, db: Db) {
        db.write(|c| {
            let id = OAuthAppId::from("x");
            oauth_apps::insert(c, &app("x", "slack", true), Some(&make::sealed("one")), None)?;
            let secret = |c: &mut _| oauth_apps::sealed_secret(c, &OAuthAppId::from("x")).unwrap().map(|sealed| sealed.bytes);
            assert!(oauth_apps::update(c, &id, 1, "c2", SecretChange::Keep, NOW)?);
            assert_eq!(secret(c), Some(b"one".to_vec()));
            assert!(!oauth_apps::update(c, &id, 1, "c3", SecretChange::Remove, NOW)?, "somebody else was quicker");
            assert_eq!(secret(c), Some(b"one".to_vec()));
            assert!(oauth_apps::update(c, &id, 2, "c3", SecretChange::Replace(&make::sealed("two")), NOW)?);
            assert_eq!(secret(c), Some(b"two".to_vec()));
            assert!(oauth_apps::update(c, &id, 3, "c3", SecretChange::Remove, NOW)?);
            assert_eq!(secret(c), None);
            let app = oauth_apps::find(c, &id)?.unwrap();
            assert_eq!((app.client_id.as_str(), app.has_secret, app.version), ("c3", false, 4));
            assert!(oauth_apps::delete(c, &id)?);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    }
}
