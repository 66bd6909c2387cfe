//! What is asked, and what is printed.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Options;
use crate::app::App;
use crate::client::Client;
use crate::hostile::Answers;

/// How long a process has to give memory back.
const SETTLING: Duration = Duration::from_secs(5);
/// Between two looks at its health.
const PAUSE: Duration = Duration::from_millis(5);

pub fn report(app: &App, answers: &Answers, options: &Options) {
    println!("program: {}", options.program.display());
    let cores = std::thread::available_parallelism().map_or(0, Into::into);
    println!("cores: {cores}; the load and the service are on the same machine");
    let idle = Health::watch(app, answers, || std::thread::sleep(Duration::from_secs(2)));
    println!("/health/live, idle: {idle}");
    println!("resident memory after the start: {:.0} MB", app.memory().now);
    alone(app, answers);
    at_once(app, answers, options);
    in_a_row(app, answers, options);
}

/// One preview of each kind: its time, and its memory beside the size of the answer.
fn alone(app: &App, answers: &Answers) {
    let (mut browser, csrf) = (app.browser(), app.csrf());
    for (path, body) in answers.bodies.iter() {
        let before = app.memory().now;
        app.forget_peak();
        let began = Instant::now();
        let page = app.preview(&mut browser, &csrf, path);
        let took = began.elapsed();
        let peak = app.memory().peak - before;
        let size = megabytes(body.len());
        println!(
            "{path}: {size:.1} MB, {} ms, status {}, page {:.0} KB; memory +{peak:.0} MB at its \
             peak, {:.1} times the answer; {:.0} MB afterwards",
            took.as_millis(),
            page.status,
            megabytes(page.body.len()) * 1024.0,
            peak / size,
            app.memory().now
        );
    }
}

/// Many previews at once, for a while: how long others wait, and what memory they take.
fn at_once(app: &App, answers: &Answers, options: &Options) {
    let csrf = app.csrf();
    app.forget_peak();
    let (done, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let health = Health::watch(app, answers, || {
        let until = Instant::now() + Duration::from_secs(options.seconds);
        std::thread::scope(|scope| {
            for at in 0..options.at_once {
                let (done, refused, csrf) = (&done, &refused, &csrf);
                scope.spawn(move || {
                    let mut browser = app.browser();
                    // As browsers ask; the page is packed before it is sent.
                    browser.encoding = "gzip";
                    let mut paths = answers.bodies.iter().cycle().skip(at);
                    while Instant::now() < until {
                        let Some((path, _)) = paths.next() else { break };
                        let status = app.preview(&mut browser, csrf, path).status;
                        let count = if status == 200 { done } else { refused };
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
    });
    let peak = app.memory().peak;
    std::thread::sleep(SETTLING);
    println!(
        "{} previews at once, {} s: {} shown, {} refused; /health/live: {health}; memory {peak:.0} \
         MB at its peak, {:.0} MB {} s later",
        options.at_once,
        options.seconds,
        done.into_inner(),
        refused.into_inner(),
        app.memory().now,
        SETTLING.as_secs()
    );
}

fn in_a_row(app: &App, answers: &Answers, options: &Options) {
    let (mut browser, csrf) = (app.browser(), app.csrf());
    app.forget_peak();
    let began = Instant::now();
    for (path, _) in answers.bodies.iter().cycle().take(options.in_a_row) {
        app.preview(&mut browser, &csrf, path);
    }
    let took = began.elapsed();
    let peak = app.memory().peak;
    std::thread::sleep(SETTLING);
    println!(
        "{} previews in a row, {:.0} s: memory {peak:.0} MB at its peak, {:.0} MB {} s later",
        options.in_a_row,
        took.as_secs_f64(),
        app.memory().now,
        SETTLING.as_secs()
    );
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).expect("less than 4 GB")) / f64::from(1 << 20)
}

/// How long the app took to say that it lives; beside it, how long a thread of this process took to answer anything,
/// which is what the machine takes.
struct Health {
    app: Vec<Duration>,
    machine: Vec<Duration>,
}

impl Health {
    /// Looks all the time while `work` is done.
    fn watch(app: &App, answers: &Answers, work: impl FnOnce()) -> Self {
        let is_done = AtomicBool::new(false);
        let watch = |mut browser: Client, path: &'static str| {
            let mut times = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let answer = browser.get(path);
                times.push(asked.elapsed());
                assert_eq!(answer.status, 200, "{}", answer.text());
                std::thread::sleep(PAUSE);
            }
            times.sort_unstable();
            times
        };
        let (watch, machine) = (&watch, Client::new(answers.address));
        std::thread::scope(|scope| {
            let of_app = scope.spawn(move || watch(app.browser(), "/health/live"));
            let of_machine = scope.spawn(move || watch(machine, "/me"));
            work();
            is_done.store(true, Ordering::Relaxed);
            Self {
                app: of_app.join().expect("no panic"),
                machine: of_machine.join().expect("no panic"),
            }
        })
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the machine alone: {}", told(&self.app), told(&self.machine))
    }
}

fn told(times: &[Duration]) -> String {
    let millis = |at: usize| times[at.min(times.len() - 1)].as_secs_f64() * 1000.0;
    let late = times.iter().filter(|time| time.as_millis() >= 50).count();
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {late} of {} over 50 ms",
        millis(times.len() / 2),
        millis(times.len() * 99 / 100),
        millis(times.len() - 1),
        times.len()
    )
}
