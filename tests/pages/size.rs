//! Pages stay small, so that they come quickly over a slow line.
use std::io::{Read, Write};
use std::net::TcpStream;

use authorizers::model::page::PAGE_SIZE;
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;

/// A full page had 5,6xx bytes when this was written.
const LARGEST: usize = 6_144;

/// One more than a page shows, with ids as random as real ones: equal digits would pack too well.
fn fill(app: &TestApp) {
    for n in 0..=u64::try_from(PAGE_SIZE).unwrap() {
        let digits = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let id = format!(
            "0199{:04x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
            n * 977 % 65_536,
            n,
            digits >> 52,
            digits & 0xFFF,
            digits >> 16
        );
        app.database.execute(&format!(
            "INSERT INTO authorizers (id, service, auth, name, name_folded, search_text, lifecycle, health, attention, cause_fields,
               identity_key, identity_label, granted_scopes, missing_scopes, ends_at, end_kind, last_checked_at, failure_count,
               credential_version, version, created_at, updated_at)
             SELECT '{id}', service, auth, 'Berlin client {n:03}', 'berlin client {n:03}', 'berlin client', lifecycle, health, attention,
               cause_fields, 'key {n}', 'etl{n}@berlin.example', granted_scopes, missing_scopes, ends_at, end_kind, {n} * 86400000000 + 1,
               failure_count, credential_version, version, created_at, updated_at FROM authorizers WHERE name = 'Working'"
        ));
    }
}

/// What comes over the line after the headers.
fn packed(client: &Client, app: &TestApp, path: &str) -> usize {
    let address = app.base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("a connection");
    let cookie = client.cookie("authorizers").expect("somebody is signed in");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip\r\nCookie: authorizers={cookie}\r\nConnection: close\r\n\r\n"
    )
    .expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("headers") + 4;
    let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
    assert!(text.starts_with("http/1.1 200") && text.contains("content-encoding: gzip"), "{text}");
    answer.len() - head
}

with_app! {
    async fn a_full_page_of_authorizers_stays_small(app: TestApp) {
        house::furnish(&app).await;
        fill(&app);
        let owner = app.person(Role::Owner).await;
        let page = owner.get("/authorizers?sort=last_checked").await.expect(200);
        assert_eq!(page.count("tbody tr"), PAGE_SIZE);
        let size = packed(&owner, &app, "/authorizers?sort=last_checked");
        assert!(size < LARGEST, "{size} bytes");
    }
}
