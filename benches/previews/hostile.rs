//! A service whose answers are made to cost much. Each has about 8 MB, the most that is read, by its path.
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use crate::Options;

const MEGABYTES: usize = 8 << 20;

pub struct Answers {
    pub address: SocketAddr,
    /// By path.
    pub bodies: Arc<Vec<(&'static str, String)>>,
}

impl Answers {
    pub fn serve(options: &Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut bodies = bodies(options.keys);
        let is_wanted = |path: &str| options.paths.iter().any(|wanted| wanted == path);
        bodies.retain(|(path, _)| options.paths.is_empty() || is_wanted(path));
        let bodies = Arc::new(bodies);
        let served = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || answer(&stream, &served).ok());
            }
        });
        Self { address, bodies }
    }
}

fn bodies(keys: usize) -> Vec<(&'static str, String)> {
    let fill = |piece: &str| piece.repeat((MEGABYTES - 64) / piece.len());
    let members: Vec<String> = (0..keys).map(|n| format!("\"k{n}\":1")).collect();
    let cell = format!("\"{}\"", "x".repeat(300));
    let wide: Vec<String> = (0..500).map(|n| format!("\"c{n}\":{cell}")).collect();
    let wide = format!("{{{}}}", wide.join(","));
    vec![
        ("/rows", format!("[{}{{\"a\":1}}]", fill("{\"a\":1},"))),
        ("/keys", format!("[{{{}}}]", members.join(","))),
        ("/numbers", format!("[{}1]", fill("1,"))),
        ("/text", format!("[{{\"a\":\"{}\"}}]", fill("\\u0041"))),
        ("/deep", format!("[{}1]", fill(&format!("{}{},", "[".repeat(9_000), "]".repeat(9_000))))),
        (
            "/deeper",
            format!("[{}{}]", "[".repeat(MEGABYTES / 2 - 64), "]".repeat(MEGABYTES / 2 - 64)),
        ),
        ("/wide", format!("[{}]", vec![wide; 40].join(","))),
    ]
}

fn answer(stream: &TcpStream, bodies: &[(&str, String)]) -> std::io::Result<()> {
    // A head and a body are two writes: the second one must not wait.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let body = bodies.iter().find(|(known, _)| *known == path).map_or("{}", |(_, body)| body);
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        writer.write_all(body.as_bytes())?;
    }
}
