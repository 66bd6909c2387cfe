//! `owner`: an owner without a browser.
use std::io::{BufRead, IsTerminal};

use anyhow::{Context, Result, bail};

use super::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Error;
use crate::domain::members::rescue;
use crate::model::credentials::Secret;
use crate::model::problems::{Complaint, Problems};
use crate::startup;

#[derive(clap::Args)]
pub struct Owner {
    /// The address to sign in with
    #[arg(long)]
    email: String,
    /// The name that others see; without it, what stands before the @
    #[arg(long)]
    name: Option<String>,
}

pub fn run(args: &Owner) -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    super::serve::log(&config)?;
    let password = read_password()?;
    let name =
        args.name.as_deref().unwrap_or_else(|| args.email.split('@').next().unwrap_or_default());
    actix_web::rt::System::new().block_on(async {
        let ctx = startup::context(&config, Clock::System, config.bind).await?;
        match rescue::make_owner(&ctx, name, &args.email, &password).await {
            Ok(true) => say(&format!("{} is an owner now.", args.email)),
            Ok(false) => say(&format!(
                "{} is an owner now, with the new password, and signed out everywhere.",
                args.email
            )),
            Err(Error::Problems(problems)) => bail!("{}", in_words(&problems)),
            Err(other) => return Err(other.into()),
        }
        Ok(())
    })
}

/// One line of standard input. Never an argument: those stand in the list of processes.
fn read_password() -> Result<Secret> {
    if std::io::stdin().is_terminal() {
        say("Password (it is seen while you type; at least 10 characters):");
    }
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password could not be read from standard input")?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

fn in_words(problems: &Problems) -> String {
    let line = |(field, complaint): &(String, Complaint)| {
        format!("{field}: {}", crate::web::forms::wording::say_general(complaint))
    };
    problems.fields().iter().map(line).collect::<Vec<_>>().join("\n")
}
