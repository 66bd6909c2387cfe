//! What the program can be told to do.
mod check;
mod demo;
mod keys;
mod migrate;
mod owner;
mod serve;

use std::process::ExitCode;

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
    /// List the keys of the ring, and how many rows each seals. A key that seals rows must stay in
    /// the ring.
    ///
    /// Ends with 0 if the app would start with these keys.
    Status,
    /// Give up a key that is lost for good, so that the app starts without it.
    ///
    /// What the key seals is locked: passwords and client secrets have to be entered again, accounts
    /// reauthorized. Nothing is deleted. If the key is found, add it to the key file again.
    Abandon {
        /// The id of the key, as `keys status` names it
        id: String,
    },
}

fn run() -> Result<()> {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(),
        Command::Demo => demo::run(),
        Command::Migrate => migrate::run(),
        Command::Owner(owner) => owner::run(&owner),
        Command::Check => check::run(),
        Command::Keys(KeysCommand::Status) => keys::status(),
        Command::Keys(KeysCommand::Abandon { id }) => keys::abandon(&id),
    }
}

/// Parses the command line, does what it says, and says on standard error what went wrong: the chain
/// of causes, never a back trace, which is of no use to an operator.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write;
            writeln!(std::io::stderr().lock(), "Error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Where a command speaks to the person who started it.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    // A closed pipe is nobody to tell.
    writeln!(out, "{text}").ok();
}
