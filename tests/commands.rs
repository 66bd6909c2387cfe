//! The program as an operator runs it: what it says, what it refuses, what it leaves behind.
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::services::smtp::SmtpServer;

/// Exit code, standard output and standard error together.
fn run(folder: &Path, args: &[&str], settings: &[(&str, &str)], input: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authorizers"));
    command
        .args(args)
        .env_clear()
        .env("AUTHORIZERS_DATA_DIR", folder.join("data"))
        .current_dir(folder);
    command.envs(settings.iter().copied());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may have closed its end.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let done = child.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    (done.status.code().unwrap_or(-1), said)
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("authorizers-command-").tempdir().unwrap()
}

#[test]
fn an_owner_is_made_without_a_browser_and_the_folder_is_closed_to_others() {
    let folder = folder();
    let args = ["owner", "--email", "ana@example.com"];
    let (code, said) = run(folder.path(), &args, &[], "short\n");
    assert!(code != 0 && said.contains("password: Use at least 10 characters."), "{said}");
    let (code, said) = run(folder.path(), &args, &[], "correct horse battery\n");
    assert!(code == 0 && said.contains("ana@example.com is an owner now."), "{said}");
    let (code, said) = run(folder.path(), &args, &[], "another horse battery\n");
    assert!(
        code == 0 && said.contains("signed out everywhere") && !said.contains("horse"),
        "{said}"
    );
    let mode = |path: &str| {
        std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("data"), mode("data/keys")), (0o700, 0o600));

    let (code, said) = run(folder.path(), &["keys", "status"], &[], "");
    assert!(code == 0 && said.contains("writes") && said.contains("seals nothing"), "{said}");
    let (code, said) = run(folder.path(), &["migrate"], &[], "");
    assert!(code == 0 && said.contains("up to date"), "{said}");
    let (code, said) = run(folder.path(), &["check"], &[], "");
    assert!(code == 0 && said.contains("right    database"), "{said}");
}

#[test]
fn a_key_file_that_others_can_read_and_keys_of_another_installation_are_refused() {
    let (folder, other) = (folder(), folder());
    for one in [&folder, &other] {
        assert_eq!(
            run(one.path(), &["owner", "--email", "ana@example.com"], &[], "correct horse battery")
                .0,
            0
        );
    }
    let (own, foreign) = (folder.path().join("data/keys"), other.path().join("data/keys"));
    // The other's bytes under the own id: an id that was never seen would be a new key, and welcome.
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    let id = |text: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix("k-"))
            .and_then(|rest| rest.split(':').next())
            .unwrap()
            .to_owned()
    };
    let forged = text(&foreign).replace(&id(&text(&foreign)), &id(&text(&own)));
    std::fs::write(&own, forged).unwrap();
    for args in [&["owner", "--email", "ana@example.com"] as &[&str], &["check"]] {
        let (code, said) = run(folder.path(), args, &[], "correct horse battery");
        assert!(
            code != 0 && said.contains("that this database was sealed with"),
            "{args:?}: {said}"
        );
        assert!(said.contains(&id(&text(&own))), "{args:?}: {said}");
    }
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = run(folder.path(), &["keys", "status"], &[], "");
    assert!(
        code != 0
            && said.contains("can be read by others (mode 640)")
            && said.contains("chmod 600"),
        "{said}"
    );
}

#[test]
fn check_says_all_that_is_wrong_and_changes_nothing() {
    let folder = folder();
    let services = folder.path().join("services");
    std::fs::create_dir(&services).unwrap();
    std::fs::write(services.join("odd.toml"), "nothing = 1\n").unwrap();
    let settings = [
        ("AUTHORIZERS_SERVICES_DIR", services.to_str().unwrap()),
        ("AUTHORIZERS_KEYS", "k1:short"),
    ];
    let (code, said) = run(folder.path(), &["check"], &settings, "");
    assert!(
        code != 0 && said.contains("odd.toml") && said.contains("wrong    keys: AUTHORIZERS_KEYS"),
        "{said}"
    );
    assert!(!said.contains("k1:short"), "{said}");
    assert!(!folder.path().join("data").exists(), "it made a folder");
    let (code, said) = run(
        folder.path(),
        &["check"],
        &[("AUTHORIZERS_BNID", "x"), ("AUTHORIZERS_BIND", "8080")],
        "",
    );
    assert!(
        code != 0
            && said.contains("did you mean AUTHORIZERS_BIND?")
            && said.contains("an address and port"),
        "{said}"
    );
}

/// Every file with its bytes and the time of its last change.
fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut all: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
            (path.display().to_string(), std::fs::read(&path).unwrap(), changed)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn check_and_keys_status_leave_every_byte_as_it_was() {
    let folder = folder();
    let data = folder.path().join("data");
    let unchanged = |args: &[&str], is_right: bool| {
        let before = snapshot(&data);
        let (code, said) = run(folder.path(), args, &[], "");
        assert_eq!(code == 0, is_right, "{said}");
        assert_eq!(snapshot(&data), before, "{args:?} changed something");
    };
    unchanged(&["check"], true);
    assert!(!data.exists(), "it made a folder");
    run(folder.path(), &["owner", "--email", "ana@example.com"], &[], "correct horse battery");
    unchanged(&["check"], true);
    unchanged(&["keys", "status"], true);
    std::fs::rename(data.join("keys"), folder.path().join("kept")).unwrap();
    unchanged(&["check"], false);
    unchanged(&["keys", "status"], false);
    std::fs::rename(folder.path().join("kept"), data.join("keys")).unwrap();
    // An empty file where the database should be.
    std::fs::write(data.join("authorizers.db"), "").unwrap();
    unchanged(&["check"], true);
}

#[test]
fn check_makes_no_table_in_an_empty_database() {
    use crate::support::database::{Database, Kind};
    let (folder, database) = (folder(), Database::blank(Kind::Postgres));
    let settings = [("AUTHORIZERS_DATABASE_URL", database.url.as_str())];
    let (code, said) = run(folder.path(), &["check"], &settings, "");
    assert!(code == 0 && said.contains("to be applied at the next start"), "{said}");
    let tables =
        "SELECT CAST(count(*) AS TEXT) AS value FROM pg_tables WHERE schemaname = current_schema()";
    assert_eq!(database.value(tables), "0");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn what_went_wrong_is_said_without_a_back_trace() {
    let folder = folder();
    let settings = [("AUTHORIZERS_KEYS", "k1:short"), ("RUST_BACKTRACE", "1")];
    let (code, said) = run(folder.path(), &["check"], &settings, "");
    assert!(code == 1 && said.contains("Error: 1 thing is wrong"), "{said}");
    assert!(!said.contains("backtrace") && !said.contains("   0:"), "{said}");
}

#[test]
fn check_tells_whether_the_mail_server_answers_and_never_its_password() {
    let (folder, server) = (folder(), SmtpServer::start(&["login"]));
    let url = |password: &str| format!("smtp://mailer:{password}@{}?tls=none", server.address());
    let check = |url: &str| {
        let settings = [
            ("AUTHORIZERS_SMTP_URL", url),
            ("AUTHORIZERS_MAIL_FROM", "Authorizers <a@mail.example>"),
        ];
        run(folder.path(), &["check"], &settings, "")
    };
    let (code, said) = check(&url("right%20%26%20proper"));
    assert!(code == 0 && said.contains("right    mail: 127.0.0.1 answers"), "{said}");
    let (code, said) = check(&url("geheim"));
    assert!(
        code != 0
            && said.contains("wrong    mail: 127.0.0.1")
            && said.contains("535")
            && !said.contains("geheim"),
        "{said}"
    );
    let (code, said) = check(&format!("smtps://mailer:geheim@{}", server.address()));
    assert!(
        code != 0 && said.contains("No encrypted connection") && !said.contains("geheim"),
        "{said}"
    );
    let (code, said) = check("mailer:geheim@mail.example");
    assert!(
        code != 0
            && said.contains("AUTHORIZERS_SMTP_URL must be smtps://")
            && !said.contains("geheim"),
        "{said}"
    );
}

#[test]
fn every_command_explains_itself() {
    let folder = folder();
    for args in [
        &["--help"] as &[&str],
        &["owner", "--help"],
        &["check", "--help"],
        &["migrate", "--help"],
        &["keys", "status", "--help"],
        &["keys", "abandon", "--help"],
    ] {
        let (code, said) = run(folder.path(), args, &[], "");
        assert!(code == 0 && said.len() > 100, "{args:?}: {said}");
    }
}
