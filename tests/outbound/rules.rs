//! Rules of service files: one holds only where all that it names is so. And the edges of networks.
use authorizers::model::cause::Cause;
use authorizers::outbound::api::{self, Ask};
use authorizers::outbound::policy::{Kind, Policy};
use serde_json::json;

use super::connected::{Connected, out, refused};
use crate::support::fake::{Fake, Reply};

const TOKEN: &str = "/plain.test/token";

fn reply(status: u16, error: &str, said: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": said }))
}

/// Whether an answer with this status, code and text is what the rule is about.
const ANSWERS: [(u16, &str, &str, bool); 4] = [
    (409, "odd_code", "it was paused by its owner", true),
    (400, "odd_code", "it was paused by its owner", false),
    (409, "another_code", "it was paused by its owner", false),
    (409, "odd_code", "it was stopped", false),
];

#[tokio::test]
async fn a_rule_for_the_token_address_asks_for_status_code_and_text() {
    let fake = Fake::start().await;
    let rule = "[[auth.oauth2.error]]\nstatus = 409\nerror = \"odd_code\"\ncontains = \"paused\"\n\
                cause = \"unknown_account\"\ncure = \"Start it again.\"";
    let plain = Connected::plain(&fake, "", rule).holds("access", "refresh");
    for (status, error, said, is_meant) in ANSWERS {
        fake.answers(TOKEN, reply(status, error, said));
        let fault = refused(out().refresh(&plain.account()).await.tokens, said);
        assert_eq!(fault.cause == Cause::UnknownAccount, is_meant, "{status} {error} {said}");
        assert_eq!(fault.cure.is_some(), is_meant, "{status} {error} {said}");
    }
}

#[tokio::test]
async fn a_rule_for_calls_asks_for_status_code_and_text() {
    let fake = Fake::start().await;
    let rule = "[[http.error]]\nstatus = 409\nerror = \"odd_code\"\ncontains = \"paused\"\n\
                cause = \"unknown_account\"\n";
    let plain = Connected::plain_with_rule(&fake, rule).holds("access", "refresh");
    for (status, error, said, is_meant) in ANSWERS {
        fake.answers("/plain.test/me", reply(status, error, said));
        let ask = Ask::get("/me");
        let asked = api::ask(&out(), &plain.account(), &Default::default(), ask).await;
        let fault = refused(asked, said);
        assert_eq!(fault.cause == Cause::UnknownAccount, is_meant, "{status} {error} {said}");
    }
}

/// Each network with the addresses just before it, at its beginning, at its end and just behind it:
/// what is true of the inner two is not true of the outer two.
const EDGES: [(&str, [&str; 4]); 12] = [
    ("private", ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"]),
    ("private", ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"]),
    ("private", ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"]),
    ("private", ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"]),
    ("private", ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"]),
    ("never", ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"]),
    ("never", ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"]),
    ("never", ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"]),
    ("never", ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"]),
    ("never", ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"]),
    ("never", ["223.255.255.255", "224.0.0.0", "255.255.255.255", "1.0.0.0"]),
    ("never", ["2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::1", "2001:db9::"]),
];

/// Whether HTTP services, and databases, may be there.
fn allowed(ip: &str) -> (bool, bool) {
    let (policy, ip) = (Policy::default(), ip.parse().unwrap());
    (policy.allows(ip, Kind::Http), policy.allows(ip, Kind::Database))
}

#[test]
fn networks_end_where_they_end() {
    for (class, [before, first, last, behind]) in EDGES {
        let inside = if class == "private" { (false, true) } else { (false, false) };
        for (ip, wanted) in
            [(before, (true, true)), (first, inside), (last, inside), (behind, (true, true))]
        {
            assert_eq!(allowed(ip), wanted, "{ip}, beside or in a {class} network");
        }
    }
    for (ip, wanted) in [
        ("0.0.0.0", (false, false)),
        ("0.255.255.255", (false, false)),
        ("192.0.0.255", (false, false)),
        ("1fff::1", (false, false)),
        ("2000::1", (true, true)),
        ("3fff::1", (true, true)),
        ("4000::1", (false, false)),
        ("fbff::1", (false, false)),
        ("fc00::1", (false, true)),
        ("fdff::1", (false, true)),
        ("fe00::1", (false, false)),
        ("febf::1", (false, false)),
        ("fec0::1", (false, true)),
        ("feff::1", (false, true)),
        ("ff00::1", (false, false)),
        ("2001::1", (false, false)),
        ("2001:1::1", (true, true)),
        ("64:ff9b::808:808", (true, true)),
        ("64:ff9b:1::808:808", (false, false)),
        ("2002:808:808::1", (true, true)),
        ("2002:a00:1::1", (false, true)),
        ("100.100.100.199", (false, true)),
        ("168.63.129.15", (true, true)),
    ] {
        assert_eq!(allowed(ip), wanted, "{ip}");
    }
}
