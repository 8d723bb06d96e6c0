//! One connection: reads a message, has it answered, writes the answer, until either side ends it.

use std::io::{self, BufReader, Read, Write};

use super::frame::{HEADER_LEN, Header, Opcode};
use super::{op_msg, op_query};
use crate::dispatch::Dispatcher;
use crate::dispatch::call::Client;
use crate::dispatch::request::Request;

/// Bytes that are read at a time.
const READ_LEN: usize = 16 << 10;
/// Memory that a connection keeps between messages, bytes.
const KEPT_LEN_MAX: usize = 1 << 20;

/// Talks to a client until it goes away or sends what is no message.
///
/// # Errors
/// The stream's.
pub fn serve(
    dispatcher: &Dispatcher,
    client: &Client,
    input: impl Read,
    mut output: impl Write,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(READ_LEN, input);
    let mut message = Vec::new();
    let mut number = 0_i32;
    while let Some(header) = read(&mut input, &mut message)? {
        dispatcher.count_received(message.len());
        number = number.wrapping_add(1);
        match answer(dispatcher, client, header, &message, number) {
            Answer::Message(answer) => {
                output.write_all(&answer)?;
                dispatcher.count_sent(answer.len());
            }
            Answer::Nothing => {}
            Answer::Close => break,
        }
        if message.capacity() > KEPT_LEN_MAX {
            message = Vec::new();
        }
    }
    Ok(())
}

/// What becomes of a message.
enum Answer {
    Message(Vec<u8>),
    Nothing,
    Close,
}

/// Reads one message into `message`; none at the end, or if it cannot be one.
fn read(input: &mut impl Read, message: &mut Vec<u8>) -> io::Result<Option<Header>> {
    let mut header = [0; HEADER_LEN];
    match input.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let Some(read) = Header::read(&header) else { return Ok(None) };
    message.clear();
    message.extend_from_slice(&header);
    // W1: this grows by what comes.
    let rest = read.len - HEADER_LEN;
    let came = input.by_ref().take(rest as u64).read_to_end(message)?;
    Ok((came == rest).then_some(read))
}

fn answer(
    dispatcher: &Dispatcher,
    client: &Client,
    header: Header,
    message: &[u8],
    number: i32,
) -> Answer {
    match header.opcode {
        Opcode::Msg => {
            let Some(op_msg::Message { flags, request }) = op_msg::parse(message) else {
                return Answer::Close;
            };
            let document = match request {
                Ok(request) => dispatcher.answer(client, &request),
                Err(failure) => failure.reply(),
            };
            match flags.is_unanswered() {
                true => Answer::Nothing,
                false => Answer::Message(op_msg::reply(number, header.request, &document, flags)),
            }
        }
        Opcode::Query => {
            let Some(command) = op_query::command(message) else { return Answer::Close };
            let document = match Request::new(&command, Vec::new()) {
                Ok(request) => dispatcher.answer(client, &request),
                Err(failure) => failure.reply(),
            };
            Answer::Message(op_query::reply(number, header.request, &document))
        }
        // Nobody sends it any more, and nobody waits for an answer.
        Opcode::KillCursors => Answer::Nothing,
        Opcode::Reply => Answer::Close,
    }
}
