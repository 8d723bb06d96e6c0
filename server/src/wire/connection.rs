//! One connection: reads a message, has it answered, writes the answer, until either side ends it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::inbox::Inbox;
use super::stream::Link;
use super::talk::{Answer, Talk};
use crate::dispatch::Dispatcher;
use crate::dispatch::call::Client;

/// Time without a word after which a connection gives back the memory that its messages took.
const REST_AFTER: Duration = Duration::from_secs(1);

/// Talks to a client until it goes away, sends what is no message, or the server ends.
///
/// # Errors
/// The stream's.
pub fn serve(
    dispatcher: &Dispatcher,
    client: &Client,
    mut link: impl Link,
    is_stopping: &AtomicBool,
) -> io::Result<()> {
    let mut inbox = Inbox::default();
    let mut talk = Talk::new(dispatcher, client);
    let mut is_timed = false;
    while !is_stopping.load(Ordering::Acquire) {
        let header = match inbox.wait(&mut link) {
            Ok(Some(header)) => header,
            Ok(None) => break,
            // Only those that hold memory are woken, once; a slow sender keeps what it sent.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && is_timed => {
                inbox.rest();
                talk.rest();
                is_timed = !inbox.is_empty();
                if !is_timed {
                    link.set_read_timeout(None)?;
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        dispatcher.count_received(header.len);
        let mut next = Some(header);
        while let Some(header) = next.take_if(|_| !is_stopping.load(Ordering::Acquire)) {
            match talk.answer(header, inbox.first(header.len)) {
                Answer::Message(answer) => {
                    link.write_all(answer)?;
                    // TLS may have taken it and not sent it yet.
                    link.flush()?;
                    dispatcher.count_sent(answer.len());
                }
                Answer::Nothing => {}
                Answer::Close => return Ok(()),
            }
            next = talk.again(header);
        }
        inbox.forget(header.len);
        talk.trim();
        if !is_timed && (inbox.is_large() || talk.is_large()) {
            link.set_read_timeout(Some(REST_AFTER))?;
            is_timed = true;
        }
    }
    Ok(())
}
