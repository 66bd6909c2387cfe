//! `demo`: a signed-in tour of a throw-away installation, with a service of its own to authorize.
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};

use super::say;
use crate::clock::Clock;
use crate::config::{Config, Keys};
use crate::demo::sandbox::{self, Grants, PASSWORD, Sandbox};
use crate::demo::{seed, service_file};
use crate::startup::App;

pub fn run() -> Result<()> {
    let folder = Folder::new()?;
    let mut config = Config::from_env().context("the configuration is not right")?;
    anyhow::ensure!(
        config.bind.ip().is_loopback(),
        "the demonstration signs everybody in: AUTHORIZERS_BIND must be a loopback address"
    );
    super::serve::log(&config)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let issuer = format!("http://{}", listener.local_addr()?);
    let services = folder.0.join("services");
    std::fs::create_dir(&services)?;
    std::fs::write(services.join("sandbox.toml"), service_file(&issuer))?;
    config.database_url = None;
    config.keys = Keys::File { path: folder.0.join("keys"), is_default: true };
    config.services_dir = Some(services);
    config.allow_addresses = vec!["127.0.0.0/8".parse()?];
    // Sample data is nobody's business.
    config.mail = None;
    config.data_dir.clone_from(&folder.0);
    config.is_demo = true;
    actix_web::rt::System::new().block_on(tour(config, (listener, issuer)))
}

async fn tour(config: Config, (listener, issuer): (TcpListener, String)) -> Result<()> {
    let app = App::build(config, Clock::System).await?;
    seed::seed(app.ctx()).await?;
    let grants = Arc::new(Mutex::new(Grants::default()));
    let redirect_uri = app.ctx().site.redirect_uri();
    let server = sandbox::server(
        listener,
        Sandbox { clock: Clock::System, issuer: issuer.clone(), redirect_uri, grants },
    )?;
    let stop = server.handle();
    tokio::spawn(server);
    say(&format!(
        "Open http://{} : you are signed in as the owner of a sample installation.",
        app.address()
    ));
    say("  Authorize New Service, choose Sandbox, and walk the whole way of OAuth.");
    say(&format!("  sandbox          {issuer}   everybody's password there is {PASSWORD}"));
    say("  Everything is gone when you stop it with Ctrl-C.");
    app.run().await?;
    stop.stop(false).await;
    Ok(())
}

/// A folder that goes when the program ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("authorizers-demo-{}", crate::crypto::token::random(9).expose());
        let path = crate::config::temporary_folder().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
