//! The same servers with a task instead of a thread for each connection.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bson::RawDocument;
use tallymap::Engine;
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::dispatch::call::Client;
use tallymap_server::wire::frame::{HEADER_LEN, Header, Opcode};
use tallymap_server::wire::op_msg;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use super::echo::{HEAD_LEN, Head, READ_LEN, put_answer};

/// Runs `serve` for each connection on as many workers as there are processors.
fn listen<F>(port: u16, serve: impl Fn(TcpStream, SocketAddr) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime = Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, from) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, from));
        }
    })
}

/// A bare echo.
pub fn echo(port: u16) -> io::Result<()> {
    listen(port, |stream, _| talk(stream))
}

async fn talk(mut stream: TcpStream) -> io::Result<()> {
    let (input, mut output) = stream.split();
    let mut input = BufReader::with_capacity(READ_LEN, input);
    let (mut head, mut answer) = ([0; HEAD_LEN], Vec::new());
    for count in 1.. {
        input.read_exact(&mut head).await?;
        let Some(Head { mut rest, answer: len }) = Head::read(head) else { break };
        while rest > 0 {
            let came = input.fill_buf().await?.len().min(rest);
            if came == 0 {
                return Ok(());
            }
            input.consume(came);
            rest -= came;
        }
        put_answer(&mut answer, len, count);
        output.write_all(&answer).await?;
    }
    Ok(())
}

/// The server's commands.
pub fn serve(port: u16, dbpath: &Path) -> io::Result<()> {
    let engine = Engine::open(dbpath).map_err(io::Error::other)?;
    let dispatcher = Arc::new(Dispatcher::new(engine).on_port(port));
    listen(port, |stream, from| connection(dispatcher.clone(), stream, from))
}

/// As the server's own, as far as the lab needs it: commands as `OP_MSG`.
async fn connection(
    dispatcher: Arc<Dispatcher>,
    mut stream: TcpStream,
    from: SocketAddr,
) -> io::Result<()> {
    let client = dispatcher.client(from.to_string());
    let (input, mut output) = stream.split();
    let mut input = BufReader::with_capacity(READ_LEN, input);
    let (mut head, mut message, mut answer) = ([0; HEADER_LEN], Vec::new(), Vec::new());
    for number in 1.. {
        input.read_exact(&mut head).await?;
        let Some(header) = Header::read(&head).filter(|it| it.opcode == Opcode::Msg) else { break };
        message.clear();
        message.extend_from_slice(&head);
        let rest = header.len - HEADER_LEN;
        if (&mut input).take(rest as u64).read_to_end(&mut message).await? < rest {
            break;
        }
        dispatcher.count_received(message.len());
        if !answer_to(&dispatcher, &client, header, &message, number, &mut answer) {
            break;
        }
        output.write_all(&answer).await?;
        dispatcher.count_sent(answer.len());
    }
    Ok(())
}

/// Puts the answer to a message into `out`; false if the connection is to be ended.
fn answer_to(
    dispatcher: &Dispatcher,
    client: &Client,
    header: Header,
    message: &[u8],
    number: i32,
    out: &mut Vec<u8>,
) -> bool {
    let Some(op_msg::Message { flags, request }) = op_msg::parse(message) else { return false };
    let document = match request {
        // Who waits for the disk lets other tasks have its worker; else they would not wait
        // together. Other commands are shorter than it takes to hand a worker over.
        Ok(request) if waits(request.body()) => {
            tokio::task::block_in_place(|| dispatcher.answer(client, &request))
        }
        Ok(request) => dispatcher.answer(client, &request),
        Err(failure) => failure.reply(),
    };
    op_msg::put_reply(out, number, header.request, &document, flags);
    true
}

/// Is it to wait for the journal?
fn waits(body: &[u8]) -> bool {
    let concern = RawDocument::from_bytes(body).map(|body| body.get_document("writeConcern"));
    matches!(concern, Ok(Ok(concern)) if concern.get_bool("j").unwrap_or(false))
}
