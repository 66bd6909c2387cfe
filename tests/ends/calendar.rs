//! The calendar: read by a real parser, opened by its address alone, closed by renewing, stopping and deactivating.
use authorizers::model::role::Role;
use authorizers::model::time::DAY;
use icalendar::{Calendar, CalendarComponent, Component, Event};

use super::{ending_in, flow};
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::logs;

/// Makes or renews the address through the page; its path.
async fn make(client: &Client) -> String {
    client.get("/forecast").await.expect(200);
    let page = client.submit("form#make-calendar", &[]).await.expect(200);
    let address = page.attr("input#address", "value").expect("the address, shown once");
    assert!(!client.get("/forecast").await.has("input#address"), "shown once");
    url::Url::parse(&address).unwrap().path().to_owned()
}

fn events(body: &str) -> Vec<Event> {
    let calendar: Calendar = body.parse().unwrap_or_else(|error| panic!("{error}:\n{body}"));
    let event = |part: CalendarComponent| match part {
        CalendarComponent::Event(event) => Some(event),
        _ => None,
    };
    calendar.components.into_iter().filter_map(event).collect()
}

with_app! { start_fixed;
    async fn it_holds_each_end_as_an_event_that_keeps_its_name_while_it_moves(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let name = "Marketing; EU, \\ and a very long name indeed, so that it must be folded: äöüäöüäöüäöüäöüäöüäöü";
        let id = ending_in(&app, name, Some(10)).await;
        ending_in(&app, "Endless", None).await;
        ending_in(&app, "Long gone", Some(-40)).await;
        flow(&app, "sources", "Orders", &id);
        let path = make(&owner).await;
        let page = app.anonymous().get(&path).await.expect(200);
        assert_eq!(page.header("content-type"), Some("text/calendar; charset=utf-8"));
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("set-cookie"), None);
        assert!(page.body.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{}", page.body);
        let found = events(&page.body);
        assert_eq!(found.len(), 1, "{}", page.body);
        let event = &found[0];
        assert_eq!(event.get_summary(), Some(format!("LinkedIn Ads – {name} must be reauthorized").as_str()));
        assert!(event.get_description().unwrap().contains("What stops then: source Orders."), "{event:?}");
        assert_eq!(event.get_url(), Some(format!("{}/authorizers/{id}", app.base).as_str()));
        assert_eq!(event.property_value("DTSTART"), Some("20270125T080000Z"));
        assert!(event.property_value("DTSTAMP").is_some());
        let uid = event.get_uid().unwrap().to_owned();

        app.database.execute("UPDATE authorizers SET ends_at = ends_at + 86400000000, end_kind = 'estimated' WHERE end_reason = 'consent'");
        let moved = events(&app.anonymous().get(&path).await.expect(200).body);
        assert_eq!(moved[0].get_uid(), Some(uid.as_str()));
        assert_eq!(moved[0].property_value("DTSTART"), Some("20270126"), "an estimate has a day");
    }

    async fn a_renewed_address_puts_the_old_one_out_of_use_and_stopping_the_last(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        ending_in(&app, "Pages", Some(10)).await;
        let first = make(&owner).await;
        let second = make(&owner).await;
        let stranger = app.anonymous();
        stranger.get(&first).await.expect(404);
        stranger.get(&second).await.expect(200);
        owner.get("/forecast").await.shows(&["You have a calendar", "Renew address"]);
        owner.submit("form#stop-calendar", &[]).await.expect(200);
        stranger.get(&second).await.expect(404);
        owner.get("/activity?kind=account").await.shows(&["Made a calendar's address", "Stopped a calendar"]);
    }

    async fn it_is_a_persons_own_and_ends_with_their_seat(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let viewer = app.person(Role::Viewer).await;
        ending_in(&app, "Pages", Some(10)).await;
        let (own, theirs) = (make(&owner).await, make(&viewer).await);
        assert_ne!(own, theirs);
        assert_eq!(events(&app.anonymous().get(&theirs).await.expect(200).body).len(), 1, "a viewer sees authorizers");
        owner.get("/members/user-viewer/deactivate").await.expect(200);
        owner.submit("form[action$='/deactivate']", &[]).await.expect(200);
        app.anonymous().get(&theirs).await.expect(404);
        app.anonymous().get(&own).await.expect(200);
        owner.get("/members/user-viewer").await.expect(200);
        owner.submit("form#activate", &[]).await.expect(200);
        app.anonymous().get(&theirs).await.expect(404);
    }

    async fn its_address_is_in_no_log_and_in_no_table_and_cannot_be_guessed(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let path = make(&owner).await;
        app.anonymous().get(&path).await.expect(200);
        let token = path.trim_start_matches("/calendar/").trim_end_matches(".ics").to_owned();
        assert_eq!(token.len(), 43, "256 bits");
        assert!(logs::all().contains("/calendar/…"), "the visit is logged");
        assert!(!logs::all().contains(&token), "its address is not");
        assert!(app.database.contents().values().flatten().all(|line| !line.contains(&token)));
        let stranger = app.anonymous();
        let mut statuses = Vec::new();
        for number in 0..40 {
            statuses.push(stranger.get(&format!("/calendar/{number}.ics")).await.status);
        }
        assert_eq!((statuses[0], statuses[39]), (404, 429), "guessing gets slow");
        app.ctx.clock.advance(DAY);
        stranger.get(&path).await.expect(200);
    }
}
