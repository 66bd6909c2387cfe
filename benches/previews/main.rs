//! What hostile previews cost the app: how long others wait meanwhile, and how much memory is taken and given back.
//! `cargo bench --bench previews -- --help` says how to run it.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![expect(clippy::print_stdout, reason = "its report")]
#![expect(
    dead_code,
    reason = "it shares a client and servers, and needs a part of what they can do"
)]

mod app;
#[path = "../pages/client.rs"]
mod client;
mod hostile;
mod measure;
#[path = "../../tests/support/server.rs"]
mod server;

use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
#[command(
    about = "Measures hostile previews. The app is the release build, in a process of its own."
)]
struct Options {
    /// The program to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_authorizers"))]
    program: PathBuf,
    /// Previews that run at once.
    #[arg(long, default_value_t = 10)]
    at_once: usize,
    /// How long they run.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Previews one after the other, at the end.
    #[arg(long, default_value_t = 300)]
    in_a_row: usize,
    /// Keys of the answer that is a single row.
    #[arg(long, default_value_t = 600_000)]
    keys: usize,
    /// Only answers of these paths.
    #[arg(long, value_delimiter = ',')]
    paths: Vec<String>,
    /// Cargo's own argument.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let answers = hostile::Answers::serve(&options);
    let app = app::App::start(&options.program, answers.address);
    measure::report(&app, &answers, &options);
}
