// Copyright the iocp authors. MIT license.
//! peer-compio ROLE: a server as one writes it with compio: a task for each
//! connection, all in one thread. With --driver it only says which driver the
//! kernel lets it use: io_uring or, without it, poll.

#[path = "../../pattern.rs"]
mod pattern;

use std::env::args;
use std::io;
use std::rc::Rc;

use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::{DriverType, ProactorBuilder};
use compio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use compio::net::{TcpListener, TcpSocket, TcpStream};
use compio::runtime::{Runtime, RuntimeBuilder};

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(pattern::BLOCK);
    loop {
        let BufResult(result, read) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return Ok(());
        }
        let BufResult(result, written) =
            stream.write_all(read.slice(..length)).await;
        result?;
        buffer = written.into_inner();
        buffer.clear();
    }
}

async fn sink(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(pattern::BLOCK);
    let mut total = 0u64;
    loop {
        let BufResult(result, read) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return stream.write_all(total.to_le_bytes()).await.0;
        }
        total += length as u64;
        buffer = read;
        buffer.clear();
    }
}

async fn source(mut stream: TcpStream, bytes: Rc<[u8]>) -> io::Result<()> {
    let mut position = 0;
    loop {
        let start = pattern::start(position);
        let block = bytes.clone().slice(start..start + pattern::BLOCK);
        position += stream.write(block).await.0?;
    }
}

async fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4().await?;
    socket.bind(([127, 0, 0, 1], 0).into()).await?;
    let listener = socket.listen(4096).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

async fn serve(role: &str) -> io::Result<()> {
    let listener = listen().await?;
    let bytes: Rc<[u8]> = pattern::pattern().into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        /* A connection that fails ends; the others go on. */
        match role {
            "sink" => compio::runtime::spawn(sink(stream)).detach(),
            "source" => {
                compio::runtime::spawn(source(stream, bytes.clone())).detach()
            }
            _ => compio::runtime::spawn(echo(stream)).detach(),
        }
    }
}

/* What a single thread may ask of the kernel, if the kernel knows it. */
fn open_runtime() -> io::Result<Runtime> {
    let mut driver = ProactorBuilder::new();
    driver
        .single_issuer(true)
        .coop_taskrun(true)
        .defer_taskrun(true);
    let runtime = RuntimeBuilder::new().with_proactor(driver.clone()).build();
    if let Ok(runtime) = runtime {
        return Ok(runtime);
    }
    driver
        .single_issuer(false)
        .coop_taskrun(false)
        .defer_taskrun(false);
    RuntimeBuilder::new().with_proactor(driver).build()
}

fn main() -> io::Result<()> {
    let role = args().next_back().unwrap_or_default();
    let runtime = open_runtime()?;
    if role == "--driver" {
        println!("{}", describe_driver(&runtime));
        return Ok(());
    }
    if !["echo", "sink", "source"].contains(&role.as_str()) {
        return Err(io::Error::other(format!("no role {role}")));
    }
    runtime.block_on(serve(&role))
}

fn describe_driver(runtime: &Runtime) -> &str {
    match runtime.driver_type() {
        DriverType::IoUring => "io_uring",
        DriverType::Poll => "poll",
        DriverType::IOCP => "IOCP",
    }
}
