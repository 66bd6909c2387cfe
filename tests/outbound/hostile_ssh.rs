//! SSH servers that no real one is: greetings, packets, files and folders without end. Each ends within its limit.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authorizers::model::cause::Cause;
use authorizers::model::report::StepKind;
use authorizers::outbound::probe::sftp;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session};
use russh::{Channel, ChannelId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::account::{Typed, failed, list, out, settings};
use crate::services::sshd::Sshd;

fn typed(port: u16) -> Typed {
    let port = port.to_string();
    Typed::new(
        "sftp",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "u"),
            ("method", "password"),
            ("password", "secret"),
        ],
    )
}

/// Says these bytes, then `more` again and again; what it sent so far.
async fn raw(says: &'static [u8], more: Vec<u8>) -> (Typed, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (more, sent) = (more.clone(), Arc::clone(&counted));
            tokio::spawn(async move {
                stream.write_all(says).await.ok();
                while !more.is_empty() && stream.write_all(&more).await.is_ok() {
                    sent.fetch_add(more.len(), Ordering::Relaxed);
                }
                while stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    (typed(port), sent)
}

#[tokio::test]
async fn greetings_and_packets_without_end_are_refused() {
    for (says, more, cause) in [
        (b"".as_slice(), b"hello\r\n".repeat(1000), Cause::MalformedAnswer),
        (b"", vec![b'x'; 1 << 16], Cause::MalformedAnswer),
        (b"SSH-2.0-x\r\n\xff\xff\xff\xf0", vec![b'x'; 1 << 16], Cause::AnswerTooLarge),
    ] {
        let (typed, sent) = raw(says, more).await;
        let started = Instant::now();
        let report = sftp::test(&out(), &typed.account(), &mut |_| {}).await;
        failed(&report, StepKind::SignIn, cause, &["host", "port"]);
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert!(sent.load(Ordering::Relaxed) < 16 << 20, "{sent:?}");
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A message of 4 GB in answer to the first one.
    LongMessage,
    /// A file whose pieces are longer than what was asked for, and that has no end.
    Endless,
    /// A folder without end, each name with 60 KB.
    LongNames,
    /// A folder without end, each name with a few bytes.
    ManyNames,
}

/// A server of files that lets everybody in.
struct Files {
    kind: Kind,
    channel: Option<Channel<Msg>>,
}

impl server::Handler for Files {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        let (kind, channel) = (self.kind, self.channel.take().expect("a channel"));
        tokio::spawn(async move { serve(kind, channel.into_stream()).await.ok() });
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// `SSH_FXP_NAME` with these names.
fn names(id: &[u8], names: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(names.len()).unwrap().to_be_bytes();
    let name = |name: &Vec<u8>| [text(name), text(b"x"), vec![0; 4]].concat();
    [&[104], id, &count, names.iter().flat_map(name).collect::<Vec<u8>>().as_slice()].concat()
}

async fn serve(
    kind: Kind,
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
) -> std::io::Result<()> {
    loop {
        let mut asked = vec![0; usize::try_from(stream.read_u32().await?).unwrap()];
        stream.read_exact(&mut asked).await?;
        let id = asked.get(1..5).expect("an id").to_vec();
        let answer = match asked[0] {
            // INIT
            1 if kind == Kind::LongMessage => {
                stream.write_all(&[0xff; 1 << 16]).await?;
                continue;
            }
            1 => vec![2, 0, 0, 0, 3],
            // CLOSE
            4 => [&[101], id.as_slice(), &[0; 4], &text(b""), &text(b"")].concat(),
            // READ
            5 => [&[103], id.as_slice(), &text(&vec![b'x'; 200_000])].concat(),
            // READDIR
            12 if kind == Kind::LongNames => names(&id, &[vec![b'n'; 60_000], vec![b'm'; 60_000]]),
            12 => names(&id, &vec![b"name".to_vec(); 2000]),
            // REALPATH
            16 => names(&id, &[b"/home".to_vec()]),
            // STAT: no attributes
            17 => [&[105], id.as_slice(), &[0; 4]].concat(),
            // OPEN, OPENDIR
            _ => [&[102], id.as_slice(), &text(b"h")].concat(),
        };
        stream.write_all(&text(&answer)).await?;
    }
}

async fn server(kind: Kind) -> Typed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = russh::keys::decode_secret_key(&Sshd::shared().key("plain"), None).unwrap();
    let config = Arc::new(server::Config { keys: vec![key], ..server::Config::default() });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let files = Files { kind, channel: None };
            let running = server::run_stream(Arc::clone(&config), stream, files).await;
            tokio::spawn(async move { running.expect("a session").await.ok() });
        }
    });
    typed(port)
}

#[tokio::test]
async fn messages_files_and_folders_without_end_are_cut_or_refused() {
    let typed = server(Kind::LongMessage).await;
    let report = sftp::test(&out(), &typed.account(), &mut |_| {}).await;
    let step = failed(&report, StepKind::SignIn, Cause::AnswerTooLarge, &["user"]);
    assert!(step.detail.as_ref().unwrap().contains("larger than we read"), "{step:?}");
    let asked = settings(&[("path", "x.csv"), ("format", "csv")]);
    let typed = server(Kind::Endless).await;
    let table = sftp::preview(&out(), &typed.account(), &asked).await.unwrap();
    assert!(table.more && table.columns[0].chars().count() == 101);
    let typed = server(Kind::LongNames).await;
    let load = async |typed: &Typed| {
        sftp::choices(&out(), &typed.account(), &list("files"), &settings(&[])).await
    };
    let fault = load(&typed).await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("larger than we read (16 MB)"));
    let typed = server(Kind::ManyNames).await;
    assert_eq!(load(&typed).await.unwrap().len(), 5000);
}
