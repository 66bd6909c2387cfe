//! MariaDB, with TLS and a certificate for `localhost` of an authority of its own.
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::postgres::certificates;
use crate::support::server::{Server, Signal, folder, free_port};

pub struct MariaDb {
    server: Server,
}

impl MariaDb {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = folder("mariadb");
        certificates(&folder);
        let data = folder.join("data");
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", data.display()))
            .output()
            .expect("mariadb-install-db runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let address = free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut command = Command::new("mariadbd");
        command.arg("--no-defaults").current_dir(&folder);
        for setting in [
            format!("--datadir={}", data.display()),
            format!("--port={}", address.port()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--socket={}", folder.join("socket").display()),
            format!("--pid-file={}", folder.join("pid").display()),
            format!("--ssl-ca={}", folder.join("authority.pem").display()),
            format!("--ssl-cert={}", folder.join("server.pem").display()),
            format!("--ssl-key={}", folder.join("server.key").display()),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--innodb-buffer-pool-size=16M".to_owned(),
            // Refused unless said when the tests run as root; else without effect.
            "--user=root".to_owned(),
        ] {
            command.arg(setting);
        }
        let server = Self { server: Server::start(folder, address, Signal::Term, &command) };
        server.run("DELETE FROM mysql.global_priv WHERE user = ''; FLUSH PRIVILEGES");
        server
    }

    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// The certificate of its authority, as PEM.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.server.folder.join("authority.pem"))
            .expect("the authority's certificate")
    }

    /// Runs statements as the owner; what they print, tab by tab.
    pub fn run(&self, sql: &str) -> String {
        let socket = self.server.folder.join("socket");
        let done = Command::new("mariadb")
            .args([
                "--no-defaults",
                "--user=root",
                "--batch",
                "--skip-column-names",
                "--execute",
                sql,
            ])
            .arg(format!("--socket={}", socket.display()))
            .output()
            .expect("the client runs");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }
}
