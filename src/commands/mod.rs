//! What the program can be told to do.
mod check;
mod demo;
mod keys;
mod migrate;
mod owner;
mod serve;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Authorizes third-party services and keeps them authorized: a web app for a data team, in one program.
///
/// Without a command it serves. Nothing has to be configured: it listens on http://127.0.0.1:8080 and keeps an SQLite
/// file and a key file in the folder `data`. Settings are environment variables that begin with AUTHORIZERS_; the README
/// lists them.
#[derive(Parser)]
#[command(name = "authorizers", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the web app (the default).
    ///
    /// Brings the database up to date first. Stops on SIGTERM or Ctrl-C, after the requests under way.
    Serve,
    /// A tour: a throw-away installation with sample data, and a service of its own to authorize.
    ///
    /// Nothing is configured and nothing is kept. Whoever opens it on this machine is signed in as its owner.
    Demo,
    /// Bring the database up to date and say what was done. `serve` does it, too.
    Migrate,
    /// Make an owner without a browser.
    ///
    /// The first one, or a way back in when no owner can sign in: whoever has the address already becomes an owner with
    /// the new password, and is signed out everywhere. The password is the first line of standard input:
    ///   authorizers owner --name "Anna" --email anna@example.com < password.txt
    #[command(verbatim_doc_comment)]
    Owner(owner::Owner),
    /// Look at configuration, keys, catalogue and database, and say all that is wrong. Changes nothing.
    ///
    /// Ends with 0 when everything is right: for the start script, before a restart.
    Check,
    /// The keys that seal what is stored.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Which keys are in the ring, and how many rows each seals. A key that still seals rows must stay in the ring.
    Status,
}

/// Parses the command line and does what it says.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(),
        Command::Demo => demo::run(),
        Command::Migrate => migrate::run(),
        Command::Owner(owner) => owner::run(&owner),
        Command::Check => check::run(),
        Command::Keys(KeysCommand::Status) => keys::status(),
    }
}

/// Where a command speaks to the person who started it.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    // A closed pipe is nobody to tell.
    writeln!(out, "{text}").ok();
}
