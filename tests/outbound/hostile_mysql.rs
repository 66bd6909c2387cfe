//! MySQL servers that no real one is: sizes without end, and one that does not encrypt. Each answer ends within its
//! limit, and says which one.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authorizers::model::cause::Cause;
use authorizers::model::report::{Fault, StepKind};
use authorizers::model::table::Table;
use authorizers::outbound::probe::mysql;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::account::{Typed, failed, list, out, settings};

/// Protocol 10, everything that a server of today can do but encrypt.
const GREETING: &[u8] =
    b"\x0a8.4.0\0\x01\0\0\0abcdefgh\0\xff\xf7\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\
    ijklmnopqrst\0mysql_native_password\0";
const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const END: &[u8] = &[0xfe, 0, 0, 2, 0];
const COLUMN: &[u8] = b"\x03def\0\0\0\x01x\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0";

/// One connection of a server: it counts what it sent.
struct Wire {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Wire {
    async fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.sent.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(())
    }

    async fn packet(&mut self, number: u8, payload: &[u8]) -> std::io::Result<()> {
        let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
        self.raw(&[&[a, b, c, number], payload].concat()).await
    }

    async fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }

    /// An answer of one row with these cells, all of the same column.
    async fn row(&mut self, cells: &[&[u8]]) -> std::io::Result<()> {
        self.packet(1, &[u8::try_from(cells.len()).unwrap()]).await?;
        for _ in cells {
            self.packet(2, COLUMN).await?;
        }
        self.packet(3, END).await?;
        let text = |cell: &&[u8]| [&[u8::try_from(cell.len()).unwrap()], *cell].concat();
        self.packet(4, &cells.iter().flat_map(text).collect::<Vec<u8>>()).await?;
        self.packet(5, END).await
    }
}

/// What the server does once the query of a preview came.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A column count of 2^63.
    CountsColumns,
    /// 4,096 columns whose names have 60 KB.
    LongNames,
    /// Rows of one cell with 40 MB, in packets that go on.
    HugeCells,
    /// A cell that announces more than any answer may have.
    Announces,
    /// Rows of 1,000 small columns.
    Wide,
    /// A refusal of 1 MB.
    LongRefusal,
}

async fn serve(mut wire: Wire, kind: Kind) -> std::io::Result<()> {
    wire.packet(0, GREETING).await?;
    wire.read().await?;
    wire.packet(2, OK).await?;
    loop {
        let asked = wire.read().await?;
        let (command, text) = asked.split_first().expect("a command");
        let text = String::from_utf8_lossy(text).into_owned();
        match command {
            0x16 => {
                wire.packet(1, &[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
                wire.packet(2, COLUMN).await?;
                wire.packet(3, END).await?;
            }
            0x19 => {}
            _ if text.contains("CURRENT_USER") => {
                wire.row(&[b"u@%", b"d", b"8.4.0", b""]).await?;
            }
            _ if text.starts_with("SELECT") => return answer(wire, kind).await,
            _ => wire.packet(1, OK).await?,
        }
    }
}

async fn answer(mut wire: Wire, kind: Kind) -> std::io::Result<()> {
    let piece = vec![b'x'; 0xff_ffff];
    match kind {
        Kind::CountsColumns => {
            wire.packet(1, &[0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80]).await?;
            loop {
                wire.packet(2, COLUMN).await?;
            }
        }
        Kind::LongNames => {
            wire.packet(1, &[0xfc, 0, 0x10]).await?;
            let name = [b"\x03def\0\0\0\xfd\x60\xea\0".as_slice(), &piece[..60_000]].concat();
            let column = [&name, &b"\0\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0"[..]].concat();
            loop {
                wire.packet(2, &column).await?;
            }
        }
        Kind::HugeCells | Kind::Announces => {
            wire.packet(1, &[1]).await?;
            wire.packet(2, COLUMN).await?;
            wire.packet(3, END).await?;
            let bytes: u64 = if kind == Kind::HugeCells { 40 << 20 } else { 1 << 40 };
            loop {
                let head = [&[0xfe], bytes.to_le_bytes().as_slice()].concat();
                let mut left = usize::try_from(bytes).unwrap() + head.len();
                wire.raw(&[0xff, 0xff, 0xff, 4]).await?;
                wire.raw(&head).await?;
                wire.raw(&piece[head.len()..]).await?;
                left -= piece.len();
                while left > 0 {
                    let length = left.min(piece.len());
                    wire.packet(5, &piece[..length]).await?;
                    left -= length;
                }
            }
        }
        Kind::Wide => {
            wire.packet(1, &[0xfc, 0xe8, 0x03]).await?;
            for _ in 0..1000 {
                wire.packet(2, COLUMN).await?;
            }
            wire.packet(3, END).await?;
            for _ in 0..21 {
                wire.packet(4, &b"\x01y".repeat(1000)).await?;
            }
            wire.packet(5, END).await
        }
        Kind::LongRefusal => {
            let said = [b"\xff\x28\x04#42000".as_slice(), &piece[..1 << 20]].concat();
            wire.packet(1, &said).await
        }
    }
}

/// A server of a kind, and what it sent so far.
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
        "mysql",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "u"),
            ("password", "p"),
            ("tls", "disable"),
        ],
    );
    (typed, sent)
}

async fn preview(typed: &Typed) -> Result<Table, Fault> {
    let asked = settings(&[("mode", "query"), ("query", "SELECT x FROM y")]);
    mysql::preview(&out(), &typed.account(), &asked).await
}

#[tokio::test]
async fn columns_without_end_are_refused() {
    let (typed, sent) = server(Kind::CountsColumns).await;
    let fault = preview(&typed).await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("4,096 columns"));
    assert!(sent.load(Ordering::Relaxed) < 16 << 20);
    // Each is small enough, all together are not.
    let (typed, sent) = server(Kind::LongNames).await;
    let fault = preview(&typed).await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("(64 MB)"));
    assert!(sent.load(Ordering::Relaxed) < 80 << 20);
}

#[tokio::test]
async fn of_huge_cells_the_beginning_is_shown_and_the_answer_is_cut() {
    let (typed, sent) = server(Kind::HugeCells).await;
    let table = preview(&typed).await.unwrap();
    assert_eq!((table.rows.len(), table.more), (1, true));
    assert_eq!(table.rows[0][0].as_ref().unwrap().chars().count(), 301);
    assert!(sent.load(Ordering::Relaxed) < 120 << 20);
    let (typed, sent) = server(Kind::Announces).await;
    let started = Instant::now();
    let fault = preview(&typed).await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("(64 MB)"));
    assert!(sent.load(Ordering::Relaxed) < 96 << 20);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_thousand_columns_are_counted_and_the_first_ones_are_shown() {
    let (typed, _) = server(Kind::Wide).await;
    let table = preview(&typed).await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 1000));
    assert_eq!((table.rows.len(), table.rows[19].len(), table.more), (20, 500, true));
}

#[tokio::test]
async fn a_refusal_or_a_packet_of_the_login_that_is_too_long_is_refused() {
    let (typed, _) = server(Kind::LongRefusal).await;
    let fault = preview(&typed).await.unwrap_err();
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    let chosen = mysql::choices(&out(), &typed.account(), &list("schemas"), &settings(&[])).await;
    assert_eq!(chosen.unwrap_err().cause, Cause::AnswerTooLarge);
}

/// `require` and `verify_full` must not go on in the clear: whoever stands between may have taken the offer out.
#[tokio::test]
async fn a_server_that_offers_no_encryption_is_sent_nothing() {
    for mode in ["require", "verify_full", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let came = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = u8::try_from(GREETING.len()).unwrap();
            stream.write_all(&[&[length, 0, 0, 0], GREETING].concat()).await.unwrap();
            let mut came = Vec::new();
            stream.read_to_end(&mut came).await.unwrap();
            came
        });
        let typed = Typed::new(
            "mysql",
            &[
                ("host", "127.0.0.1"),
                ("port", &port),
                ("user", "somebody"),
                ("password", "secret"),
                ("tls", mode),
            ],
        );
        let report = mysql::test(&out(), &typed.account(), &mut |_| {}).await;
        failed(&report, StepKind::Tls, Cause::TlsUnsupported, &["tls"]);
        assert_eq!(came.await.unwrap(), b"", "{mode:?}: something was sent in the clear");
    }
}

/// What comes before the encryption would count as encrypted afterwards.
#[tokio::test]
async fn a_server_that_goes_on_in_the_clear_before_the_encryption_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = GREETING.to_vec();
        let low = greeting.windows(2).position(|two| two == b"\xff\xf7").unwrap();
        greeting[low + 1] |= 0x08;
        let length = u8::try_from(greeting.len()).unwrap();
        let more = [&[length, 0, 0, 0], greeting.as_slice(), &[7, 0, 0, 2], OK].concat();
        stream.write_all(&more).await.unwrap();
        let mut sink = [0; 64];
        while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    });
    let typed = Typed::new(
        "mysql",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("user", "u"),
            ("password", "p"),
            ("tls", "require"),
        ],
    );
    let report = mysql::test(&out(), &typed.account(), &mut |_| {}).await;
    failed(&report, StepKind::Tls, Cause::TlsUnsupported, &["host", "port"]);
}
