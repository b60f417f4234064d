// Copyright the iocp authors. MIT license.
//! peer-tokio ROLE: a server as one writes it with tokio: a task for each
//! connection, all in one thread.

mod pattern;

use std::env::args;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; pattern::BLOCK];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

async fn sink(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; pattern::BLOCK];
    let mut total = 0u64;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.write_all(&total.to_le_bytes()).await;
        }
        total += length as u64;
    }
}

async fn source(mut stream: TcpStream, bytes: Arc<[u8]>) -> io::Result<()> {
    let mut position = 0;
    loop {
        let start = pattern::start(position);
        let block = &bytes[start..start + pattern::BLOCK];
        position += stream.write(block).await?;
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(4096)?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

async fn serve(role: &str) -> io::Result<()> {
    let listener = listen()?;
    let bytes: Arc<[u8]> = pattern::pattern().into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        /* A connection that fails ends; the others go on. */
        match role {
            "sink" => drop(tokio::spawn(sink(stream))),
            "source" => drop(tokio::spawn(source(stream, bytes.clone()))),
            _ => drop(tokio::spawn(echo(stream))),
        }
    }
}

fn main() -> io::Result<()> {
    let role = args().next_back().unwrap_or_default();
    if !["echo", "sink", "source"].contains(&role.as_str()) {
        return Err(io::Error::other(format!("no role {role}")));
    }
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(&role))
}
