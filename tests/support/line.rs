//! The wire of a provider that is made up by a test: whole requests in, and out what the provider likes.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What goes back.
pub enum Said {
    Json(u16, Value),
    /// The same with 200, after so long.
    Late(Duration, Value),
    /// As it stands, and then the connection is closed.
    Raw(String),
    /// Nothing for so long, and then the connection is closed.
    Silence(Duration),
}

pub trait Answers: Send + 'static {
    fn answer(&mut self, head: &str, body: &str) -> Said;
}

/// The token of a request.
pub fn bearer(head: &str) -> &str {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("authorization:"));
    line.and_then(|line| line.split_once(':'))
        .map_or("", |(_, value)| value.trim())
        .trim_start_matches("Bearer ")
}

/// The path of a request.
pub fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// Its address, without a slash at the end.
pub async fn serve<T: Answers>(provider: Arc<Mutex<T>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, Arc::clone(&provider)));
        }
    });
    url
}

async fn talk<T: Answers>(mut stream: TcpStream, provider: Arc<Mutex<T>>) -> std::io::Result<()> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) =
            text.split_once("\r\n\r\n").filter(|(head, body)| body.len() >= length(head))
        {
            let said = provider.lock().unwrap().answer(head, body);
            match said {
                Said::Json(status, answer) => {
                    stream.write_all(json(status, &answer).as_bytes()).await?
                }
                Said::Late(time, answer) => {
                    tokio::time::sleep(time).await;
                    stream.write_all(json(200, &answer).as_bytes()).await?;
                }
                Said::Raw(text) => return stream.write_all(text.as_bytes()).await,
                Said::Silence(time) => {
                    tokio::time::sleep(time).await;
                    return Ok(());
                }
            }
            bytes.clear();
        }
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&part[..read]);
    }
}

fn json(status: u16, answer: &Value) -> String {
    let answer = answer.to_string();
    format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
}

fn length(head: &str) -> usize {
    head.lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0)
}
