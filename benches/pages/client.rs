//! A small HTTP client over one kept connection: it must cost little beside the server on the same machine.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
    pub encoding: &'static str,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// As it came over the wire, packed or not.
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The text of a page that was asked for without packing.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Until somebody listens there.
pub fn wait(address: SocketAddr) {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "nobody listens on {address}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a time limit");
        Self {
            stream: BufReader::with_capacity(65_536, stream),
            address,
            cookies: BTreeMap::new(),
            encoding: "identity",
        }
    }

    /// Another connection of the same browser.
    pub fn another(&self) -> Self {
        let mut other = Self::new(self.address);
        other.cookies.clone_from(&self.cookies);
        other.encoding = self.encoding;
        other
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, &body)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let origin = self.address;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {origin}\r\nOrigin: http://{origin}\r\nSec-Fetch-Site: same-origin\r\n\
             Accept: text/html\r\nAccept-Encoding: {}\r\nCookie: {}\r\n",
            self.encoding,
            cookies.join("; ")
        );
        if method == "POST" {
            request += &format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        request += "\r\n";
        request += body;
        self.stream.get_mut().write_all(request.as_bytes()).expect("the request is sent");
        let answer = self.receive();
        for (name, value) in &answer.headers {
            if name == "set-cookie"
                && let Some((name, value)) =
                    value.split(';').next().and_then(|pair| pair.split_once('='))
            {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    fn receive(&mut self) -> Answer {
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| {
            line.clear();
            stream.read_line(&mut line).expect("a line of the answer");
            line.trim_end().to_owned()
        };
        let status = next(&mut self.stream)
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        let mut headers = Vec::new();
        loop {
            let header = next(&mut self.stream);
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let length =
                    usize::from_str_radix(&next(&mut self.stream), 16).expect("a chunk's length");
                let start = answer.body.len();
                answer.body.resize(start + length, 0);
                self.stream.read_exact(&mut answer.body[start..]).expect("a chunk");
                next(&mut self.stream);
                if length == 0 {
                    break;
                }
            }
        } else {
            let length =
                answer.header("content-length").map_or(0, |text| text.parse().expect("a length"));
            answer.body.resize(length, 0);
            self.stream.read_exact(&mut answer.body).expect("a body");
        }
        answer
    }
}
