//! A PostgreSQL server for all tests of a run: on a free port, in a folder of its own, with a certificate of its own.
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

use super::server::{self, Server, Signal};

pub struct Postgres {
    server: Server,
}

/// The server, started by the first test that asks.
pub fn shared() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// Members of `typed` sign in with a password, those of `tls_only` not without encryption; the rest is trusted.
const ACCESS: &str = "
local all all trust
hostnossl all +tls_only all reject
host all +typed all scram-sha-256
host all all all trust
host replication all all trust
";

impl Postgres {
    fn start() -> Self {
        let folder = server::folder("postgres");
        let data = folder.join("data");
        std::fs::create_dir(&data).expect("a data folder");
        certificates(&folder);
        let bin = programs();
        hand_over(&folder);
        let made = unprivileged(&bin.join("initdb"))
            .args([
                "--auth=trust",
                "--username=authorizers",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .current_dir(&folder)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(data.join("pg_hba.conf"), ACCESS).expect("who may sign in");
        roles(&bin, &data);
        Self::launch(folder)
    }

    /// One for this test alone, which may stop it, freeze it or set what it likes.
    pub fn own() -> Self {
        Self::start()
    }

    /// Another server that follows this one, and can only be read.
    pub fn standby(&self) -> Self {
        let folder = server::folder("standby");
        hand_over(&folder);
        let copied = unprivileged(&programs().join("pg_basebackup"))
            .args(["-h", "127.0.0.1", "-U", "authorizers", "-c", "fast", "-R", "-p"])
            .arg(self.port().to_string())
            .arg("-D")
            .arg(folder.join("data"))
            .current_dir(&folder)
            .output()
            .expect("pg_basebackup runs");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        for file in ["server.pem", "server.key", "authority.pem"] {
            let from = self.server.folder.join(file);
            let done = Command::new("cp").arg("-a").arg(from).arg(&folder).status();
            assert!(done.is_ok_and(|status| status.success()), "{file} is copied");
        }
        Self::launch(folder)
    }

    /// Runs the server of a folder that is ready.
    fn launch(folder: PathBuf) -> Self {
        let (bin, data) = (programs(), folder.join("data"));
        let address = server::free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut command = unprivileged(&bin.join("postgres"));
        command.arg("-D").arg(&data).current_dir(&folder);
        for setting in [
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "synchronous_commit=off".to_owned(),
            "max_connections=300".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", address.port()),
            format!("unix_socket_directories={}", folder.display()),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", folder.join("server.pem").display()),
            format!("ssl_key_file={}", folder.join("server.key").display()),
        ] {
            command.arg("-c").arg(setting);
        }
        let server = Server::start(folder, address, Signal::Int, &command);
        // It takes connections a moment before it lets anybody in.
        let started = Instant::now();
        while !["ready to accept connections", "ready to accept read-only connections"]
            .iter()
            .any(|words| server.log().contains(words))
        {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "PostgreSQL did not start:\n{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { server }
    }

    /// Stops all its processes where they are, as a machine that hangs does: connections stay open,
    /// and nobody answers. It goes on when the value is dropped.
    pub fn freeze(&self) -> Frozen {
        let file = self.server.folder.join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).expect("the server's own process id");
        let main = text.lines().next().expect("a line").trim().to_owned();
        let children = Command::new("pgrep").args(["-P", &main]).output().expect("pgrep runs");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let mut ids = vec![main];
        ids.extend(children.lines().map(str::to_owned));
        let frozen = Frozen { ids };
        frozen.signal("-STOP");
        frozen
    }

    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// The certificate of its authority, as PEM.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.server.folder.join("authority.pem"))
            .expect("the authority's certificate")
    }

    /// Runs statements in one of its databases, as its owner.
    pub async fn run(&self, database: &str, sql: &str) {
        self.connected(database, async |client| client.batch_execute(sql).await.expect(sql)).await;
    }

    /// The only value of the only row, as text.
    pub async fn one(&self, database: &str, sql: &str) -> String {
        self.connected(database, async |client| client.query_one(sql, &[]).await.expect(sql).get(0))
            .await
    }

    async fn connected<T>(&self, database: &str, work: impl AsyncFnOnce(&Client) -> T) -> T {
        let url = self.url().replace("/postgres?", &format!("/{database}?"));
        let (client, connection) =
            tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        let pump = tokio::spawn(connection);
        let done = work(&client).await;
        drop(client);
        pump.await.expect("no panic").expect("a clean end");
        done
    }

    /// How often it refused a password of this user.
    pub fn refusals(&self, user: &str) -> usize {
        self.server
            .log()
            .matches(&format!("password authentication failed for user \"{user}\""))
            .count()
    }

    /// Without TLS.
    pub fn url(&self) -> String {
        format!("postgres://authorizers@{}/postgres?sslmode=disable", self.server.address)
    }

    /// By the name that its certificate is made out to, and its own authority.
    pub fn verified_url(&self) -> String {
        let authority = self.server.folder.join("authority.pem");
        format!(
            "postgres://authorizers@localhost:{}/postgres?sslmode=verify-full&sslrootcert={}",
            self.server.address.port(),
            authority.display()
        )
    }
}

/// A server whose processes are stopped.
pub struct Frozen {
    ids: Vec<String>,
}

impl Frozen {
    fn signal(&self, signal: &str) {
        Command::new("kill").arg(signal).args(&self.ids).status().expect("kill runs");
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// Where Debian keeps the newest server's programs; elsewhere they are on the path.
pub fn programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|folder| folder.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    versions.retain(|bin| bin.join("initdb").exists());
    versions.sort();
    versions.pop().unwrap_or_default()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The server refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn hand_over(folder: &Path) {
    if is_root() {
        let done = Command::new("chown")
            .args(["-R", "postgres:postgres"])
            .arg(folder)
            .status()
            .expect("chown runs");
        assert!(done.success(), "chown of the server's folder");
    }
}

/// Those that `ACCESS` names.
fn roles(bin: &Path, data: &Path) {
    let mut single = unprivileged(&bin.join("postgres"));
    single
        .args(["--single", "-D"])
        .arg(data)
        .arg("postgres")
        .current_dir(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut run = single.spawn().expect("postgres runs alone");
    let mut input = run.stdin.take().expect("its input");
    input.write_all(b"CREATE ROLE typed;\nCREATE ROLE tls_only;\n").expect("statements");
    drop(input);
    assert!(run.wait().is_ok_and(|status| status.success()), "the roles are made");
}

/// An authority, and a certificate of `localhost` that it signed.
pub fn certificates(folder: &Path) {
    let script = "umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
          -addext basicConstraints=critical,CA:TRUE -keyout authority.key -out authority.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > extensions
        openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions -out server.pem
        chmod 755 . && chmod 644 authority.pem";
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
}
