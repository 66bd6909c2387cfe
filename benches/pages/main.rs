//! How quick the Authorizers page is: beside a page of bare actix-web in the same run, on both databases, with few
//! authorizers and with many. `cargo bench --bench pages -- --help` says how to run it.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![expect(clippy::print_stdout, reason = "its report")]
#![expect(
    dead_code,
    reason = "it shares the servers of the tests and needs a part of what they can do"
)]

mod app;
mod bare;
mod client;
mod measure;
#[path = "../../tests/support/postgres.rs"]
mod postgres;
mod seed;
#[path = "../../tests/support/server.rs"]
mod server;

use clap::Parser;

#[derive(Parser)]
#[command(
    about = "Measures the Authorizers page. The server is the release build; the load comes from this process."
)]
struct Options {
    /// How many authorizers there are, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 100_000])]
    authorizers: Vec<u64>,
    /// sqlite, postgres or both.
    #[arg(long, value_delimiter = ',', default_values_t = ["sqlite".to_owned(), "postgres".to_owned()])]
    databases: Vec<String>,
    /// How long each rate is measured.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that ask at once.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Cargo's own argument.
    #[arg(long, hide = true)]
    bench: bool,
    /// Serve the bare page on this port, and nothing else.
    #[arg(long, hide = true)]
    bare: Option<u16>,
}

fn main() {
    let options = Options::parse();
    if let Some(port) = options.bare {
        bare::serve(port);
        return;
    }
    let bare = bare::Bare::start();
    println!(
        "cores: {}, connections: {}",
        std::thread::available_parallelism().map_or(0, Into::into),
        options.connections
    );
    for database in &options.databases {
        for count in &options.authorizers {
            let app = app::App::start(database, *count);
            measure::report(&app, &bare, &options);
        }
    }
}
