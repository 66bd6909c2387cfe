//! Answers of HTTP services that are made to cost much: keys, rows, depth, texts and numbers without measure. A preview
//! shows its beginning and says how much there is; what is larger than we read is told as that.
use std::time::{Duration, Instant};

use authorizers::catalog::field::Load;
use authorizers::model::cause::Cause;
use authorizers::model::report::Fault;
use authorizers::model::table::{CHOICE_BYTES, MAX_CHOICES, Table};
use authorizers::outbound::api::{self, Ask};
use serde_json::json;

use super::account::settings;
use super::connected::{Connected, out, refused};
use crate::support::fake::{End, Fake, Reply};

const ROWS: &str = "/plain.test/rows";

fn reply(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "application/json", body)
}

async fn preview(fake: &Fake, body: impl Into<Vec<u8>>, rows: &str) -> Result<Table, Fault> {
    fake.answers(ROWS, reply(body));
    read(fake, rows).await
}

async fn read(fake: &Fake, rows: &str) -> Result<Table, Fault> {
    let plain = Connected::plain(fake, "", "").holds("acc3ss-token", "");
    let asked = settings(&[("dataset", "custom"), ("path", "/rows"), ("rows", rows)]);
    out().preview(&plain.account(), &asked).await
}

fn keys(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn of_many_keys_the_first_are_shown_and_all_are_counted() {
    let fake = Fake::start().await;
    let started = Instant::now();
    let table = preview(&fake, format!("[{{{}}}]", keys(0, 40_000)), "").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 40_000));
    assert_eq!((table.columns[499].as_str(), table.rows[0].len()), ("k499", 500));
    // As many as 8 MB hold, in one row, over many rows, and within one object.
    let many = keys(0, 600_000);
    let in_rows: Vec<String> =
        (0..20).map(|row| format!("{{{}}}", keys(row * 30_000, (row + 1) * 30_000))).collect();
    for body in [
        format!("[{{{many}}}]"),
        format!("[{}]", in_rows.join(",")),
        format!("[{{\"a\":{{{many}}}}}]"),
    ] {
        let table = preview(&fake, body, "").await.unwrap();
        assert_eq!((table.columns.len(), table.column_count), (500, 100_000));
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_long_key_over_many_keys_costs_no_more_than_its_bytes() {
    let fake = Fake::start().await;
    let long = "x".repeat(1_000_000);
    let body = format!("[{{\"{long}\":{{{}}}}}]", keys(0, 300_000));
    let started = Instant::now();
    let table = preview(&fake, body, "").await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 100_000));
    assert!(table.columns[0].chars().count() == 101, "{}", table.columns[0].len());
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn of_many_rows_the_first_twenty_are_shown() {
    let fake = Fake::start().await;
    let many = format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat((8 << 20) / 8 - 10));
    let table = preview(&fake, many.clone(), "").await.unwrap();
    assert_eq!((table.rows.len(), table.more, table.columns), (20, true, vec!["a".to_owned()]));
    let nested = format!("{{\"x\":{{\"y\":[{}1]}}}}", "1,".repeat(1_000_000));
    let table = preview(&fake, nested.clone(), "/x/y").await.unwrap();
    assert_eq!((table.rows.len(), table.more), (20, true));
    assert_eq!(preview(&fake, nested, "/x/y/*").await.unwrap().rows.len(), 20);
}

#[tokio::test]
async fn deep_nesting_long_texts_and_huge_numbers_are_shown_by_their_beginning() {
    let fake = Fake::start().await;
    let nested = |levels| format!("[{{\"a\":{}1{}}}]", "[".repeat(levels), "]".repeat(levels));
    let number = "9".repeat(2_000_000);
    let text = "\\ud83d\\ude00".repeat(500_000);
    let odd =
        "[{\"n\":1e400,\"m\":-0.10,\"half\":\"\\ud800 x\",\"b\":123456789012345678901234567890}]";
    for (body, start, length) in [
        (nested(9_998), "[[[", 301),
        (format!("[{{\"a\":{number}}}]"), "999", 301),
        (format!("[{{\"a\":\"{text}\"}}]"), "😀😀", 301),
        (odd.to_owned(), "1e400", 5),
    ] {
        let table = preview(&fake, body, "").await.unwrap();
        let cell = table.rows[0][0].as_ref().unwrap();
        assert!(cell.starts_with(start) && cell.chars().count() == length, "{start}: {cell}");
        if start == "1e400" {
            let row: Vec<&str> =
                table.rows[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
            assert_eq!(row[1..], ["-0.10", "\u{fffd} x", "123456789012345678901234567890"]);
        }
    }
    let fault = preview(&fake, nested(4_000_000), "").await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("nested deeper than we read (10,000 levels)"));
    // Twenty wide rows of long texts: as many rows as fit.
    let cell = format!("\"{}\"", "é".repeat(400));
    let row = format!("[{}]", vec![cell; 400].join(","));
    let table = preview(&fake, format!("[{}]", vec![row; 20].join(",")), "").await.unwrap();
    assert!(table.rows.len() == 20, "a list is one cell");
    let object = (0..400).map(|n| format!("\"k{n}\":\"{}\"", "é".repeat(400)));
    let object = format!("{{{}}}", object.collect::<Vec<_>>().join(","));
    let table = preview(&fake, format!("[{}]", vec![object; 20].join(",")), "").await.unwrap();
    assert!(table.more && (1..20).contains(&table.rows.len()), "{} rows", table.rows.len());
}

#[tokio::test]
async fn an_answer_that_is_larger_than_we_read_is_told_as_that_and_the_next_one_is_read() {
    let fake = Fake::start().await;
    let endless = reply(vec![b' '; 1 << 16]).ending(End::Endless);
    let announced = reply(vec![b' '; (8 << 20) + 1]);
    let zipped = reply(vec![b' '; 64 << 20]).zipped();
    for reply in [endless, announced, zipped] {
        fake.answers(ROWS, reply);
        let fault = read(&fake, "").await.unwrap_err();
        assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
        assert!(fault.detail.unwrap().contains("The answer is larger than we read (8 MB)."));
        assert_eq!(preview(&fake, "[{\"a\":1}]", "").await.unwrap().rows.len(), 1);
    }
    // What a refusal says first is enough.
    fake.answers(ROWS, Reply::new(500, "text/html", vec![b'x'; 32 << 20]));
    assert_eq!(read(&fake, "").await.unwrap_err().cause, Cause::ProviderDown);
}

#[tokio::test]
async fn more_large_answers_than_places_wait_for_each_other() {
    let fake = Fake::start().await;
    let large = format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat(40_000));
    for _ in 0..12 {
        fake.answers(ROWS, reply(large.clone()));
    }
    let plain = Connected::plain(&fake, "", "").holds("acc3ss-token", "");
    let asked = settings(&[("dataset", "custom"), ("path", "/rows"), ("rows", "")]);
    let (out, account) = (super::account::out(), plain.account());
    let all = (0..12).map(|_| out.preview(&account, &asked));
    for table in futures_util::future::join_all(all).await {
        assert_eq!(table.unwrap().rows.len(), 20);
    }
}

#[tokio::test]
async fn choices_keep_to_their_number_and_to_their_length() {
    let fake = Fake::start().await;
    let load: Load =
        toml::from_str("get = \"/rows\"\nitems = \"/items\"\nvalue = \"/id\"\nlabel = \"/name\"")
            .unwrap();
    let item = |id: &str, name: &str| json!({ "id": id, "name": name });
    let mut items: Vec<_> = (0..100_000).map(|n| item(&n.to_string(), "x")).collect();
    items.insert(0, item(&"v".repeat(CHOICE_BYTES + 1), "too long"));
    items.insert(1, item("long", &"n".repeat(1000)));
    fake.answers(ROWS, Reply::json(200, &json!({ "items": items })));
    let plain = Connected::plain(&fake, "", "").holds("acc3ss-token", "");
    let found = out().choices(&plain.account(), &load, &settings(&[])).await.unwrap();
    assert_eq!(found.len(), MAX_CHOICES);
    assert_eq!((found[0].value.as_str(), found[0].label.chars().count()), ("long", 101));
    assert_eq!(found[1].value, "0");
}

#[tokio::test]
async fn small_answers_are_refused_when_they_have_many_values() {
    let fake = Fake::start().await;
    let many = format!("{{\"id\":7,\"more\":[{}1]}}", "1,".repeat(60_000));
    let plain = Connected::plain(&fake, "", "").holds("acc3ss-token", "r3fresh-token");
    fake.answers("/plain.test/me", reply(many.clone()))
        .answers("/plain.test/me", reply("{\"id\":7}"));
    let ask =
        async || api::ask(&out(), &plain.account(), &Default::default(), Ask::get("/me")).await;
    assert_eq!(ask().await.unwrap_err().cause, Cause::AnswerTooLarge);
    assert_eq!(ask().await.unwrap(), json!({ "id": 7 }));
    let token = many.replace("\"id\":7", "\"access_token\":\"n3w-token\"");
    fake.answers("/plain.test/token", reply(token.clone()));
    let fault =
        refused(out().refresh(&plain.account()).await.tokens, "a token answer of 60,000 values");
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.cause.is_passing(), "no account is broken by it");
    assert!(fault.is_in_doubt, "it may have held the only new token");
    // A refusal holds none, whatever else it holds.
    fake.answers("/plain.test/token", Reply::new(400, "application/json", token));
    let fault = refused(out().refresh(&plain.account()).await.tokens, "a long refusal");
    assert_eq!((fault.cause, fault.is_in_doubt), (Cause::MalformedAnswer, false), "{fault:?}");
    // A test of a service reads more: it looks only for who signed in.
    fake.answers("/plain.test/me", reply(many.replace("\"id\":7", "\"id\":7,\"email\":\"a@b.c\"")));
    let report = out().test(&plain.account(), &mut |_| {}).await;
    assert_eq!(report.identity.unwrap().label, "a@b.c");
}

#[tokio::test]
async fn a_path_does_not_leave_what_requests_begin_with() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "").holds("acc3ss-token", "");
    for path in
        ["/../admin", "/a/../../admin", "/%2e%2E/admin", "/..%2fadmin", "/.\\../admin", "/a/.."]
    {
        let asked = settings(&[("dataset", "custom"), ("path", path)]);
        let fault = out().preview(&plain.account(), &asked).await.unwrap_err();
        assert_eq!((fault.cause, fault.fields), (Cause::RequestRejected, vec!["path".to_owned()]));
        assert!(fault.detail.unwrap().contains(". or .."));
    }
    assert!(fake.seen().is_empty(), "{:?}", fake.seen());
    fake.answers("/plain.test/v1/a..b", reply("[]"));
    let asked = settings(&[("dataset", "custom"), ("path", "/v1/a..b")]);
    assert!(out().preview(&plain.account(), &asked).await.is_ok());
}
