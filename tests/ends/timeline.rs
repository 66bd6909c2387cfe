//! An authorizer's timeline: one line for each change, whoever or whatever caused it.
use std::collections::BTreeMap;
use std::time::Duration;

use authorizers::domain::authorizers::{history, verdict};
use authorizers::domain::flows::{FlowForm, change, create, delete};
use authorizers::model::authorizer::Verdict;
use authorizers::model::cause::Cause;
use authorizers::model::flow::FlowKind;
use authorizers::model::ids::AuthorizerId;
use authorizers::model::time::DAY;
use authorizers::store::authorizers as rows;
use authorizers::worker::upkeep;

use super::ending_in;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::{client::Client, house};

/// The lines of an authorizer's page, the newest first, without their times.
async fn lines(client: &Client, path: &str) -> Vec<String> {
    let page = client.get(path).await.expect(200);
    let (texts, times) = (page.texts(".timeline p"), page.texts(".timeline .note"));
    texts
        .iter()
        .zip(times)
        .map(|(text, time)| text.trim_end_matches(&time).trim().to_owned())
        .collect()
}

async fn refresh(app: &TestApp, id: &AuthorizerId) {
    let (ctx, id) = (app.ctx.clone(), id.clone());
    let write = app.ctx.db.write(move |c| {
        let row = rows::find(c, &id)?.expect("a row");
        history::refreshed(c, &ctx, &row)
    });
    write.await.unwrap();
}

async fn record(app: &TestApp, id: &AuthorizerId, now: Verdict) {
    let wanted = id.clone();
    let row = app.ctx.db.read(move |c| rows::find(c, &wanted)).await.unwrap().unwrap();
    verdict::record(&app.ctx, &row, now).await.unwrap();
}

with_app! { start_apart;
    async fn it_tells_a_whole_life(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let path = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).path();
        let id = AuthorizerId::from(path.rsplit('/').next().unwrap());
        acme::end_access_token(&app, &id).await;
        app.acme().fail("/token", 1, 503, "{}").await;
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();
        app.database.execute("UPDATE authorizers SET next_try_at = 1");
        upkeep::run_once(&app.ctx, &|| false).await.unwrap();

        owner.get(&path).await.expect(200);
        owner.submit("form[action$='/test']", &[]).await;
        let begun = std::time::Instant::now();
        while !lines(&owner, &path).await[0].starts_with("Tested") {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", owner.page().shown());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let actor = house::owner(&app);
        let form = FlowForm {
            kind: FlowKind::Source,
            service_id: "acme-reports".into(),
            name: "Clicks".to_owned(),
            authorizer_id: Some(id.clone()),
            settings: BTreeMap::from([("dataset", "custom"), ("path", "/api/reports")].map(|(k, v)| (k.to_owned(), v.to_owned()))),
        };
        let source = create::create(&app.ctx, &actor, &form).await.unwrap_or_else(|error| panic!("{error}"));
        change::change(&app.ctx, &actor, (&source, 1), &FlowForm { name: "Clicks by day".to_owned(), ..form }).await.unwrap();
        delete::delete(&app.ctx, &actor, FlowKind::Source, &source).await.unwrap();
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit("form#authorizer", &[("name", "Ads of Ann")]).await.expect(200);
        owner.get(&format!("{path}/revoke")).await.expect(200);
        owner.submit("form[action$='/revoke']", &[]).await.expect(200);

        let told = lines(&owner, &path).await;
        let begins = [
            "Revoked by Olga Owner",
            "Edited by Olga Owner: name, was Ads",
            "No longer used by source Clicks by day by Olga Owner",
            "Came into use by source Clicks by Olga Owner",
            "Tested by Olga Owner: passed",
            "Works again",
            "Token renewed",
            "Stopped working",
            "Authorized by Olga Owner",
        ];
        assert_eq!(told.len(), begins.len(), "{told:#?}");
        for (told, begin) in told.iter().zip(begins) {
            assert!(told.starts_with(begin), "{told} is not {begin}");
        }
        assert!(told[7].contains("Acme Reports"), "with its cause: {}", told[7]);
        owner.get(&format!("/activity?kind=authorizer&subject={id}")).await.shows(&["About Ads of Ann alone", "Works again"]);
    }
}

with_app! { start_fixed;
    async fn what_a_machine_repeats_is_counted_on_one_line(app: TestApp) {
        app.set_up().await;
        let id = ending_in(&app, "Pages", None).await;
        let path = format!("/authorizers/{id}");
        for _ in 0..64 {
            app.ctx.clock.advance(Duration::from_secs(3600));
            refresh(&app, &id).await;
        }
        let owner = app.sign_in("owner@example.com").await;
        assert_eq!(lines(&owner, &path).await, ["Token renewed, 64 times, last just now"]);
        owner.get("/activity?verb=refreshed").await.shows(&["64 times, last just now"]);
        // Something else happens in between: renewing is told anew.
        record(&app, &id, Verdict::failed(Cause::GrantRevoked, vec![], None)).await;
        record(&app, &id, Verdict::ok()).await;
        app.ctx.clock.advance(Duration::from_secs(3600));
        refresh(&app, &id).await;
        let told = lines(&owner, &path).await;
        assert_eq!((told.len(), told[0].as_str()), (4, "Token renewed"), "{told:#?}");
    }

    async fn a_provider_that_stumbles_all_day_is_told_once_a_day_and_a_lasting_fault_each_time(app: TestApp) {
        app.set_up().await;
        let id = ending_in(&app, "Pages", None).await;
        let path = format!("/authorizers/{id}");
        for _ in 0..5 {
            record(&app, &id, Verdict { next_try_at: None, ..Verdict::failed(Cause::ProviderDown, vec![], None) }).await;
            record(&app, &id, Verdict::failed(Cause::ProviderDown, vec![], None)).await;
            app.ctx.clock.advance(Duration::from_secs(60));
            record(&app, &id, Verdict::ok()).await;
            record(&app, &id, Verdict::ok()).await;
        }
        for _ in 0..2 {
            app.ctx.clock.advance(Duration::from_secs(60));
            record(&app, &id, Verdict::failed(Cause::GrantRevoked, vec![], None)).await;
            record(&app, &id, Verdict::failed(Cause::GrantRevoked, vec![], None)).await;
            app.ctx.clock.advance(Duration::from_secs(60));
            record(&app, &id, Verdict::ok()).await;
        }
        let owner = app.sign_in("owner@example.com").await;
        let told = lines(&owner, &path).await;
        let count = |begin: &str| told.iter().filter(|line| line.starts_with(begin)).count();
        assert_eq!((count("Works again"), count("Stopped working")), (3, 3), "{told:#?}");
        assert!(told.iter().any(|line| line.starts_with("Works again, 5 times, last")), "{told:#?}");
    }

    async fn older_lines_are_a_page_further(app: TestApp) {
        app.set_up().await;
        let id = ending_in(&app, "Pages", None).await;
        for _ in 0..15 {
            record(&app, &id, Verdict::failed(Cause::GrantRevoked, vec![], None)).await;
            app.ctx.clock.advance(DAY);
            record(&app, &id, Verdict::ok()).await;
        }
        let owner = app.sign_in("owner@example.com").await;
        let page = owner.get(&format!("/authorizers/{id}")).await;
        assert_eq!(page.count(".timeline li"), 25);
        let older = page.attr("nav[aria-label='Pages of the history'] a[rel=next]", "href").expect("a link to older lines");
        assert_eq!(owner.get(&older).await.expect(200).count(".timeline li"), 5);
        assert!(owner.page().has("nav[aria-label='Pages of the history'] a"), "and back");
    }
}
