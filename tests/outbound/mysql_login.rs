//! `caching_sha2_password`, which MySQL 8 signs in by and MariaDB does not have. No package of a real server is to be
//! had, so a small one checks what is sent: the proof with its own hashes, the whole password with OpenSSL.
use std::io::Write;
use std::process::{Command, Stdio};

use authorizers::model::cause::Cause;
use authorizers::model::report::StepKind;
use authorizers::outbound::probe::mysql;
use ring::digest::{SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::account::{Typed, failed, line, out};

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";

async fn write(stream: &mut TcpStream, number: u8, payload: &[u8]) {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    stream.write_all(&[&[a, b, c, number], payload].concat()).await.unwrap();
}

async fn read(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
    stream.read_exact(&mut payload).await.unwrap();
    (head[3], payload)
}

fn greeting(plugin: &str) -> Vec<u8> {
    let mut bytes = b"\x0a8.4.0\0\x01\0\0\0".to_vec();
    bytes.extend_from_slice(&NONCE[..8]);
    bytes.extend_from_slice(b"\0\xff\xf7\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0");
    bytes.extend_from_slice(&NONCE[8..]);
    bytes.push(0);
    bytes.extend_from_slice(plugin.as_bytes());
    bytes.push(0);
    bytes
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

fn proof(password: &str) -> Vec<u8> {
    let once = hash(&[password.as_bytes()]);
    let mask = hash(&[&hash(&[&once]), NONCE]);
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut run = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    run.stdin.take().unwrap().write_all(input).unwrap();
    run.wait_with_output().unwrap().stdout
}

/// Lets in who knows the password `right`. With `switches`, it asks for the method only after the first answer.
async fn serve(mut stream: TcpStream, switches: bool) {
    write(
        &mut stream,
        0,
        &greeting(if switches { "mysql_native_password" } else { "caching_sha2_password" }),
    )
    .await;
    let (mut number, mut answer) = read(&mut stream).await;
    if switches {
        let order = [b"\xfecaching_sha2_password\0".as_slice(), NONCE, &[0]].concat();
        write(&mut stream, number + 1, &order).await;
        (number, answer) = read(&mut stream).await;
    }
    let is_right = answer.windows(32).any(|window| window == proof("right"));
    if !is_right {
        return write(&mut stream, number + 1, b"\xff\x15\x04#28000Access denied for user 'u'")
            .await;
    }
    // Not remembered: the whole password is wanted.
    write(&mut stream, number + 1, &[1, 4]).await;
    let (number, asked) = read(&mut stream).await;
    assert_eq!(asked, [2], "not encrypted: the public key is asked for");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key").display().to_string();
    openssl(
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key],
        b"",
    );
    let public = openssl(&["pkey", "-in", &key, "-pubout"], b"");
    write(&mut stream, number + 1, &[&[1], public.as_slice()].concat()).await;
    let (number, sealed) = read(&mut stream).await;
    let opened = openssl(
        &["pkeyutl", "-decrypt", "-inkey", &key, "-pkeyopt", "rsa_padding_mode:oaep"],
        &sealed,
    );
    let password: Vec<u8> = opened.iter().zip(NONCE.iter().cycle()).map(|(a, b)| a ^ b).collect();
    assert_eq!(password, b"right\0");
    write(&mut stream, number + 1, &[0, 0, 0, 2, 0, 0, 0]).await;
    answer_who(&mut stream).await;
    let mut sink = [0; 64];
    while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
}

/// `SELECT CURRENT_USER(), DATABASE(), VERSION(), @@SESSION.sql_mode`
async fn answer_who(stream: &mut TcpStream) {
    read(stream).await;
    write(stream, 1, &[4]).await;
    for number in 2..6 {
        write(stream, number, b"\x03def\0\0\0\x01x\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0").await;
    }
    write(stream, 6, b"\xfe\0\0\x02\0").await;
    write(stream, 7, b"\x03u@%\xfb\x058.4.0\0").await;
    write(stream, 8, b"\xfe\0\0\x02\0").await;
}

async fn server(switches: bool) -> Typed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, switches));
        }
    });
    Typed::new(
        "mysql",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "u"),
            ("password", "right"),
            ("tls", "disable"),
        ],
    )
}

#[tokio::test]
async fn mysql_8_is_signed_in_to_by_hash_and_by_sealed_password() {
    for switches in [false, true] {
        let typed = server(switches).await;
        let report = mysql::test(&out(), &typed.account(), &mut |_| {}).await;
        assert_eq!(report.steps[2].what, "u@%, MySQL 8.4.0, not encrypted", "{report:#?}");
        assert!(line(&report).starts_with("FindHost ok, Connect ok, SignIn ok"), "{report:#?}");
        let report =
            mysql::test(&out(), &typed.with("password", "wrong").account(), &mut |_| {}).await;
        failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    }
}

/// A server that asks for the password as it is typed, on a line that anybody reads.
#[tokio::test]
async fn a_password_is_not_sent_in_the_clear_to_who_asks_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                write(&mut stream, 0, &greeting("mysql_native_password")).await;
                let (number, answer) = read(&mut stream).await;
                tell.send(answer).ok();
                let order = b"\xfemysql_clear_password\0";
                write(&mut stream, number + 1, order).await;
                let mut sent = Vec::new();
                stream.read_to_end(&mut sent).await.ok();
                tell.send(sent).ok();
            });
        }
    });
    let fields = [("host", "127.0.0.1"), ("port", &port), ("user", "u"), ("tls", "disable")];
    let typed = Typed::new("mysql", &fields).with("password", "in-the-clear");
    let report = mysql::test(&out(), &typed.account(), &mut |_| {}).await;
    assert!(report.failure().is_some_and(|step| step.kind == StepKind::SignIn), "{report:#?}");
    for _ in 0..2 {
        let sent = told.recv().await.unwrap();
        assert!(!sent.windows(12).any(|window| window == b"in-the-clear"), "it was sent");
    }
}
