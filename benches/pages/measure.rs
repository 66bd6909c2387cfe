//! What is asked, and what is printed.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Options;
use crate::app::App;
use crate::bare::Bare;
use crate::client::Client;

const LIST: &str = "/authorizers";

/// Until the worker has told of all that is broken or ends soon.
const SETTLING: Duration = Duration::from_secs(10);

struct Rate {
    per_second: f64,
    p50: f64,
    p99: f64,
}

/// Whether the page may be one that was drawn before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Before,
    Anew,
}

/// The same page under an address that nobody has asked for yet.
fn address(path: &str, drawn: Drawn) -> String {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let joint = if path.contains('?') { '&' } else { '?' };
    match drawn {
        Drawn::Before => path.to_owned(),
        Drawn::Anew => format!("{path}{joint}asked={}", ASKED.fetch_add(1, Ordering::Relaxed)),
    }
}

/// As many requests as fit into the time, over so many connections. Times are in milliseconds.
fn rate(clients: Vec<Client>, path: &str, drawn: Drawn, time: Duration) -> Rate {
    let began = Instant::now();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                scope.spawn(move || {
                    let mut times = Vec::new();
                    while began.elapsed() < time {
                        let path = address(path, drawn);
                        let asked = Instant::now();
                        let answer = client.get(&path);
                        assert_eq!(answer.status, 200, "{path}");
                        times.push(asked.elapsed());
                    }
                    times
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let per_second = count(times.len()) / began.elapsed().as_secs_f64();
    times.sort_unstable();
    Rate {
        per_second,
        p50: millis(times[times.len() / 2]),
        p99: millis(times[times.len() * 99 / 100]),
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("not that many"))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median of some requests, one after the other, in milliseconds; each page is drawn anew.
fn alone(client: &mut Client, path: &str) -> f64 {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let path = address(path, Drawn::Anew);
            let asked = Instant::now();
            assert_eq!(client.get(&path).status, 200, "{path}");
            asked.elapsed()
        })
        .collect();
    times.sort_unstable();
    millis(times[times.len() / 2])
}

pub fn report(app: &App, bare: &Bare, options: &Options) {
    println!("\n== {} with {} authorizers", app.database, app.count);
    println!(
        "first page after the start: {:.0} ms (on an empty database: {:.0} ms)",
        millis(app.start),
        millis(app.first_start)
    );
    let mut browser = app.browser();
    let (resident, _) = app.memory();
    // What the worker finds to do in data that it has never seen: every write makes pages be drawn anew.
    std::thread::sleep(SETTLING);
    one_by_one(&mut browser);
    browser.encoding = "gzip";
    let time = Duration::from_secs(options.seconds);
    let many =
        |client: &Client| (0..options.connections).map(|_| client.another()).collect::<Vec<_>>();
    rate(many(&browser), LIST, Drawn::Anew, Duration::from_secs(1));
    let page = rate(many(&browser), LIST, Drawn::Before, time);
    let anew = rate(many(&browser), LIST, Drawn::Anew, time);
    let limit = rate(many(&Client::new(bare.address)), "/", Drawn::Before, time);
    println!(
        "bare page:  {:>8.0} per second, p50 {:.2} ms, p99 {:.2} ms",
        limit.per_second, limit.p50, limit.p99
    );
    println!(
        "list page:  {:>8.0} per second, p50 {:.2} ms, p99 {:.2} ms: 1/{:.1} of the bare page",
        page.per_second,
        page.p50,
        page.p99,
        limit.per_second / page.per_second
    );
    println!(
        "  drawn anew each time: {:.0} per second, p99 {:.2} ms: 1/{:.1}",
        anew.per_second,
        anew.p99,
        limit.per_second / anew.per_second
    );
    let (now, peak) = app.memory();
    println!(
        "resident memory: {resident:.1} MB at first, {now:.1} MB after the load, {peak:.1} MB at most"
    );
    // The server has closed the first connection: it was idle meanwhile.
    weight(&mut browser.another());
}

fn one_by_one(browser: &mut Client) {
    let first = browser.get(LIST).text();
    let mut asked = vec![("first page", LIST.to_owned())];
    if let Some(next) = link_to_next(&first) {
        asked.push(("second page", next));
    }
    for (what, query) in [
        ("by name", "?sort=name"),
        ("newest", "?sort=newest"),
        ("last checked", "?sort=last_checked"),
        ("broken", "?status=broken"),
        ("due soon", "?status=due_soon"),
        ("broken, newest", "?status=broken&sort=newest"),
        ("one service", "?service=slack"),
        ("search, all hit", "?q=client"),
        ("search, a tenth hits", "?q=berlin"),
        ("search, two words", "?q=berlin+slack"),
        ("search, one hits", "?q=0000042"),
        ("search, none hits", "?q=zzzzzz"),
    ] {
        asked.push((what, format!("{LIST}{query}")));
    }
    for (what, path) in asked {
        println!("  {what:<22} {:>8.2} ms", alone(browser, &path));
    }
}

fn link_to_next(page: &str) -> Option<String> {
    let link = page.split("href=\"").find(|link| {
        link.starts_with('/') && link.split('"').next().is_some_and(|to| to.contains("after="))
    })?;
    Some(link.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

/// Bytes over the wire: the page, and all that a first visit loads with it.
fn weight(browser: &mut Client) {
    browser.encoding = "br, gzip";
    let page = browser.get(LIST).body.len();
    browser.encoding = "identity";
    let text = browser.get(LIST).text();
    browser.encoding = "br, gzip";
    let mut parts: Vec<&str> =
        text.split(['"', '(']).filter(|part| part.starts_with("/static/")).collect();
    parts
        .iter_mut()
        .for_each(|part| *part = part.split(['#', '?', ')']).next().unwrap_or_default());
    parts.sort_unstable();
    parts.dedup();
    let rest: usize = parts.iter().map(|part| browser.get(part).body.len()).sum();
    println!(
        "list page: {page} bytes packed, {} unpacked; a first visit: {} bytes in {} files",
        text.len(),
        page + rest,
        parts.len() + 1
    );
}
