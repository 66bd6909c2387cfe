//! PostgreSQL servers that no real one is: lengths, settings, types, rows and notices without end. Each answer ends
//! within its limit, and says which one.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authorizers::model::cause::Cause;
use authorizers::model::report::StepKind;
use authorizers::outbound::probe::postgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::account::{Typed, failed, list, out, settings};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// An error of 2 GB in answer to the login.
    LongError,
    /// Settings of a few bytes each, each with a name of its own.
    Settings,
    /// Every type is an array of another one, which is not known either.
    Types,
    /// Rows of a list.
    Rows,
    /// One row of 2 MB.
    LongRow,
    /// Notices before the first row.
    Notices,
}

struct Wire {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Wire {
    async fn send(&mut self, messages: &[Vec<u8>]) -> std::io::Result<()> {
        let bytes = messages.concat();
        self.stream.write_all(&bytes).await?;
        self.sent.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }

    /// The messages of the client up to the next Sync: their kinds, and what they say.
    async fn until_sync(&mut self) -> std::io::Result<Vec<(u8, String)>> {
        let mut messages = Vec::new();
        loop {
            let kind = self.stream.read_u8().await?;
            let mut body = vec![0; usize::try_from(self.stream.read_u32().await?).unwrap() - 4];
            self.stream.read_exact(&mut body).await?;
            if kind == b'S' {
                return Ok(messages);
            }
            messages.push((kind, String::from_utf8_lossy(&body).into_owned()));
        }
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

/// Columns of these types, all with one name.
fn columns(types: &[u32]) -> Vec<u8> {
    let count = u16::try_from(types.len()).unwrap().to_be_bytes();
    let column = |oid: &u32| {
        [b"x\0".as_slice(), &[0; 6], &oid.to_be_bytes(), &[0, 4, 0xff, 0xff, 0xff, 0xff, 0, 0]]
            .concat()
    };
    message(b'T', &[&count, types.iter().flat_map(column).collect::<Vec<u8>>().as_slice()].concat())
}

fn row(cells: &[&[u8]]) -> Vec<u8> {
    let count = u16::try_from(cells.len()).unwrap().to_be_bytes();
    let cell = |cell: &&[u8]| [&u32::try_from(cell.len()).unwrap().to_be_bytes(), *cell].concat();
    message(b'D', &[&count, cells.iter().flat_map(cell).collect::<Vec<u8>>().as_slice()].concat())
}

const TEXT: u32 = 25;

async fn serve(mut wire: Wire, kind: Kind) -> std::io::Result<()> {
    let length = wire.stream.read_u32().await?;
    wire.stream.read_exact(&mut vec![0; usize::try_from(length).unwrap() - 4]).await?;
    if kind == Kind::LongError {
        wire.send(&[vec![b'E', 0x7f, 0xff, 0xff, 0xff]]).await?;
        loop {
            wire.send(&[vec![b'x'; 1 << 16]]).await?;
        }
    }
    wire.send(&[message(b'R', &[0; 4])]).await?;
    let mut number = 0_u32;
    if kind == Kind::Settings {
        loop {
            number += 1;
            wire.send(&[message(b'S', format!("a{number}\0b\0").as_bytes())]).await?;
        }
    }
    wire.send(&[message(b'S', b"server_version\x0015\0"), message(b'Z', b"I")]).await?;
    loop {
        let asked = wire.until_sync().await?;
        let has = |kind: u8| asked.iter().any(|(found, _)| *found == kind);
        let parsed = asked.iter().any(|(kind, text)| *kind == b'P' && text.contains("pg_type"));
        number += 1;
        let done = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        let described = [message(b'1', b""), message(b'2', b""), message(b't', &[0, 0])].concat();
        if parsed {
            let oid = message(b't', &[0, 1, 0, 0, 0, 26]);
            let types = columns(&[19, 18, 26, 26, 26, 19, 26]);
            wire.send(&[message(b'1', b""), oid, types, message(b'Z', b"I")]).await?;
        } else if !has(b'P') {
            let next = (100_000 + number).to_be_bytes();
            let none = [0; 4];
            let cells: [&[u8]; 7] = [b"t", b"b", &next, &none, &none, b"s", &none];
            wire.send(&[message(b'2', b""), row(&cells), done]).await?;
        } else if kind == Kind::Types {
            wire.send(&[described, columns(&[100_000, 100_000]), done]).await?;
        } else if asked.iter().any(|(_, text)| text.contains("current_user")) {
            let said = [described, columns(&[TEXT, TEXT]), row(&[b"u", b"d"]), done];
            wire.send(&said).await?;
        } else {
            return without_end(wire, kind, described).await;
        }
    }
}

async fn without_end(mut wire: Wire, kind: Kind, described: Vec<u8>) -> std::io::Result<()> {
    wire.send(&[described]).await?;
    let notice = [b"SNOTICE\0C00000\0M", vec![b'x'; 1000].as_slice(), b"\0\0"].concat();
    if kind == Kind::Notices {
        loop {
            wire.send(&[message(b'N', &notice)]).await?;
        }
    }
    wire.send(&[columns(&[TEXT, TEXT])]).await?;
    let long = vec![b'x'; if kind == Kind::LongRow { 2 << 20 } else { 1000 }];
    loop {
        wire.send(&[row(&[&long, b"label"])]).await?;
    }
}

async fn server(kind: Kind) -> (Typed, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(Wire { stream, sent: Arc::clone(&counted) }, kind));
        }
    });
    let typed = Typed::new(
        "postgresql",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "u"),
            ("password", "p"),
            ("database", "d"),
            ("tls", "disable"),
        ],
    );
    (typed, sent)
}

#[tokio::test]
async fn lengths_settings_and_types_without_end_are_refused_at_the_login() {
    for (kind, says) in [
        (Kind::LongError, "larger than we read (1 MB)"),
        (Kind::Settings, "settings without end"),
        (Kind::Types, "types without end"),
    ] {
        let (typed, sent) = server(kind).await;
        let started = Instant::now();
        let report = postgres::test(&out(), &typed.account(), &mut |_| {}).await;
        let step = failed(&report, StepKind::SignIn, Cause::AnswerTooLarge, &[]);
        assert!(step.detail.as_ref().unwrap().contains(says), "{step:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
        assert!(sent.load(Ordering::Relaxed) < 16 << 20, "{:?}", sent);
    }
}

#[tokio::test]
async fn rows_and_notices_without_end_are_refused() {
    for (kind, says) in [
        (Kind::Rows, "larger than we read (8 MB)"),
        (Kind::LongRow, "larger than we read (1 MB)"),
        (Kind::Notices, "larger than we read (8 MB)"),
    ] {
        let (typed, sent) = server(kind).await;
        let given = settings(&[("schema", "public")]);
        let fault = postgres::choices(&out(), &typed.account(), &list("tables"), &given).await;
        let fault = fault.unwrap_err();
        assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
        assert!(fault.detail.as_ref().unwrap().contains(says), "{fault:?}");
        assert!(sent.load(Ordering::Relaxed) < 24 << 20, "{:?}", sent);
    }
}
