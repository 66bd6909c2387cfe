//! The limit: a page of a few bytes by actix-web alone, in a process of its own.
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use actix_web::{App, HttpResponse, HttpServer, web};

use crate::{client, server};

pub struct Bare {
    child: Child,
    pub address: SocketAddr,
}

impl Bare {
    pub fn start() -> Self {
        let address = server::free_port([127, 0, 0, 1].into());
        let me = std::env::current_exe().expect("this program");
        let child = Command::new(me)
            .args(["--bare", &address.port().to_string()])
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        client::wait(address);
        Self { child, address }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[actix_web::main]
pub async fn serve(port: u16) {
    let app = || {
        App::new().route(
            "/",
            web::get()
                .to(|| async { HttpResponse::Ok().content_type("text/html").body("<p>Hello</p>") }),
        )
    };
    HttpServer::new(app)
        .tcp_nodelay(true)
        .bind(("127.0.0.1", port))
        .expect("the port is free")
        .run()
        .await
        .expect("it runs");
}
