//! `serve`: the web app.
use anyhow::{Context, Result};

use super::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::account::set_up;
use crate::startup::App;

pub fn run() -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    log(&config)?;
    actix_web::rt::System::new().block_on(async {
        let shown = config.clone();
        let app = App::build(config, Clock::System).await?;
        greet(&app, &shown).await?;
        app.run().await
    })
}

/// Text or JSON lines on standard error.
pub(super) fn log(config: &Config) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .context("AUTHORIZERS_LOG must be like info or authorizers=debug")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber in one process: the first one stays.
    if config.log_json {
        builder.json().try_init().ok()
    } else {
        builder.try_init().ok()
    };
    Ok(())
}

/// Where it listens, where its data is, how to set it up.
async fn greet(app: &App, config: &Config) -> Result<()> {
    let site = &app.ctx().site;
    say(&format!("Authorizers listens on http://{}", app.address()));
    if site.public_url != format!("http://{}", app.address()) {
        say(&format!("  public address   {}", site.public_url));
    }
    say(&format!("  data             {}", config.data_dir.display()));
    say(&format!(
        "  database         {}",
        if config.database_url.is_some() {
            "AUTHORIZERS_DATABASE_URL"
        } else {
            "SQLite, in the data folder"
        }
    ));
    say(&format!("  keys             {:?}; keep a copy apart from the database", config.keys));
    if !app.address().ip().is_loopback() && site.public_url.starts_with("http://") {
        say(
            "  WARNING          it can be reached from other machines without encryption; set AUTHORIZERS_PUBLIC_URL and a proxy with TLS",
        );
    }
    if let Some(code) = set_up::find_or_make_code(app.ctx()).await? {
        say(&format!("Open {}/set-up to make the owner.", site.public_url));
        say(&format!(
            "  set-up code      {}   (asked for unless you open it on this machine)",
            code.expose()
        ));
    }
    Ok(())
}
