//! OpenSSH's server, for tunnels and files: it lets in whoever runs the tests, by key.
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::server::{Server, Signal, folder, free_port};

pub struct Sshd {
    server: Server,
}

impl Sshd {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Sshd> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = folder("sshd");
        let script = "umask 077
            ssh-keygen -q -t ed25519 -N '' -f host
            ssh-keygen -q -t ed25519 -N '' -f plain
            ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f rsa
            ssh-keygen -q -t ed25519 -N 'open sesame' -f locked
            ssh-keygen -q -t ed25519 -N '' -f narrow
            ssh-keygen -q -t ed25519 -N '' -f stranger
            cat plain.pub rsa.pub locked.pub > authorized_keys
            printf 'restrict %s\\n' \"$(cat narrow.pub)\" >> authorized_keys
            mkdir files
            # Where the server drops its rights, when it has them.
            test \"$(id -u)\" != 0 || mkdir -p /run/sshd";
        let made = Command::new("sh")
            .args(["-ec", script])
            .current_dir(&folder)
            .output()
            .expect("ssh-keygen runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let address = free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {}\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized_keys\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             MaxStartups 200\nSubsystem sftp internal-sftp -d {place}/files\n",
            address.port(),
            place = folder.display()
        );
        std::fs::write(folder.join("config"), config).expect("the server's settings");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(folder.join("config"));
        Self { server: Server::start(folder, address, Signal::Term, &command) }
    }

    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// Who may sign in.
    pub fn user(&self) -> String {
        let said = Command::new("id").arg("-un").output().expect("id runs").stdout;
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// A private key: `plain`, `rsa`, `locked` (by `open sesame`), `narrow` (no forwarding), `stranger` (not let in).
    pub fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.server.folder.join(name)).expect("a key")
    }

    /// `SHA256:...` of its host key.
    pub fn fingerprint(&self) -> String {
        let said = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.server.folder.join("host.pub"))
            .output()
            .expect("ssh-keygen runs")
            .stdout;
        String::from_utf8_lossy(&said).split(' ').nth(1).expect("a fingerprint").to_owned()
    }

    /// Where a session for files begins.
    pub fn files(&self) -> PathBuf {
        self.server.folder.join("files")
    }
}
