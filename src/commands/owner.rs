//! `owner`: makes the first owner without a browser.
use std::io::BufRead;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Error;
use crate::domain::account::{Client, set_up};
use crate::model::credentials::Secret;
use crate::startup;

#[derive(Args)]
pub struct Owner {
    /// The owner's name, as others see it.
    #[arg(long)]
    name: String,
    /// The e-mail address to sign in with.
    #[arg(long)]
    email: String,
}

pub fn run(owner: Owner) -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    let mut password = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut password).context("the password could not be read from standard input")?;
    let form = set_up::SetUp {
        name: owner.name,
        email: owner.email.clone(),
        password: Secret::new(password.trim_end_matches(['\r', '\n'])),
        code: None,
        is_local: true,
    };
    actix_web::rt::System::new().block_on(async {
        let ctx = startup::context(&config, Clock::System, config.bind).await?;
        match set_up::set_up(&ctx, form, Client { address: "command line".to_owned(), ..Client::default() }).await {
            Ok(_) => say(&format!("{} is the owner now, and can sign in at {}.", owner.email, ctx.site.public_url)),
            Err(Error::Problems(problems)) => bail!("{}", told(&problems)),
            Err(other) => return Err(other.into()),
        }
        Ok(())
    })
}

fn told(problems: &crate::model::problems::Problems) -> String {
    let line = |(field, complaint): &(String, crate::model::problems::Complaint)| {
        format!("{field}: {}", crate::web::forms::wording::say_general(complaint))
    };
    problems.fields().iter().map(line).collect::<Vec<_>>().join("\n")
}
