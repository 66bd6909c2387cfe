//! The last owner cannot be lost, however fast two are.
use authorizers::domain::members::{activate, change_role};
use authorizers::domain::{Actor, Error};
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::house;

fn second(app: &TestApp) -> Actor {
    app.database.execute(
        "INSERT INTO users (id, email, email_folded, name, name_folded, role, password_hash, is_active, session_epoch, theme, version,
                            created_at, updated_at)
         SELECT 'second', 'second@example.com', 'second@example.com', 'Sven Second', 'sven second', 'owner', password_hash,
                is_active, session_epoch, theme, version, created_at + 1, updated_at
         FROM users WHERE email = 'owner@example.com'",
    );
    Actor {
        user_id: "second".into(),
        name: "Sven Second".to_owned(),
        email: "second@example.com".to_owned(),
        ..house::owner(app)
    }
}

fn is_refused(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Problems(_) | Error::Forbidden(_)))
}

with_app! {
    async fn of_two_owners_who_demote_each_other_one_stays(app: TestApp) {
        app.set_up().await;
        let second = second(&app);
        let first = house::owner(&app);
        for round in 0..10 {
            app.database.execute("UPDATE users SET role = 'owner', is_active = (1 = 1)");
            let race = |actor: &Actor, target: &Actor| {
                let (ctx, actor, target) = (app.ctx.clone(), actor.clone(), target.user_id.clone());
                tokio::spawn(async move {
                    if round % 2 == 0 {
                        change_role::change_role(&ctx, &actor, &target, "admin").await
                    } else {
                        activate::deactivate(&ctx, &actor, &target).await
                    }
                })
            };
            let (one, other) = (race(&first, &second), race(&second, &first));
            let (one, other) = (one.await.unwrap(), other.await.unwrap());
            assert!(is_refused(&one) != is_refused(&other), "round {round}: {one:?}, {other:?}");
            let left = app.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users WHERE role = 'owner' AND is_active");
            assert_eq!(left, "1", "round {round}");
        }
    }

    async fn the_last_owner_reads_why_nothing_happened(app: TestApp) {
        let owner = app.set_up().await;
        let own = format!("/members/{}", house::owner(&app).user_id);
        owner.get(&own).await.expect(200);
        let page = owner.submit("form#role-form", &[("role", "viewer")]).await.expect(422);
        page.shows(&["This is the last owner."]);
        // An owner who was only invited does not count: nobody could get in.
        owner.get("/members/new").await;
        owner.submit("form#member", &[("email", "later@example.com"), ("role", "owner")]).await.expect(200);
        owner.get(&own).await;
        owner.submit("form#role-form", &[("role", "viewer")]).await.expect(422);
        second(&app);
        owner.get(&own).await;
        owner.submit("form#role-form", &[("role", "admin")]).await.expect(200).shows(&["The role is changed."]);
        assert_eq!(app.database.value("SELECT role AS value FROM users WHERE email = 'owner@example.com'"), Role::Admin.code());
    }
}
