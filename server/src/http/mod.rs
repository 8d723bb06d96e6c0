//! `--http`: the figures of a server for Prometheus, and whether it is well, by HTTP/1.1.
//!
//! Two pages for one kind of caller need no framework: a thread that listens, and one for as long
//! as each request takes. [`request`] reads, [`metrics`] has the figures, [`exposition`] writes
//! them.
//!
//! H1. A request has at most 8 KiB and five seconds, and so has its answer. At most sixteen callers
//!     are waited for: one more takes the place of the oldest. At most sixteen are answered at a
//!     time. Who is slow hinders nobody, and who asks too often only his own kind.
//! H2. Every connection has one answer and is closed then.

pub mod exposition;
pub mod metrics;
pub mod request;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::request::{Method, Request};

/// Callers that are waited for, and as many that are answered, at a time (H1).
const REQUESTS_MAX: usize = 16;
/// Time that a request has, and its answer (H1).
const PATIENCE: Duration = Duration::from_secs(5);
/// Time to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// What Prometheus calls its own format of text.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// What the pages show.
pub trait Pages: Send + Sync + 'static {
    /// The figures.
    fn metrics(&self) -> String;
    /// Why the server is not well; none if it is.
    fn ailment(&self) -> Option<String>;
}

/// Listens at `address` and answers from a thread of its own, as long as the process lives.
/// Answers where it listens.
///
/// # Errors
/// The system's.
pub fn serve(address: &str, pages: impl Pages) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let pages = Arc::new(pages);
    thread::Builder::new().name("http".to_owned()).spawn(move || listen(&listener, &pages))?;
    Ok(address)
}

fn listen<P: Pages>(listener: &TcpListener, pages: &Arc<P>) {
    let callers = Arc::new(Callers::default());
    for number in 0.. {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        callers.wait_for(number, &stream);
        let (waiting, pages) = (callers.clone(), pages.clone());
        let builder = thread::Builder::new().name("http".to_owned());
        let spawned = builder.spawn(move || {
            // Who goes away is not answered.
            let _ = answer(number, &stream, &*pages, &waiting, PATIENCE);
            waiting.comes(number);
        });
        if spawned.is_err() {
            callers.comes(number);
        }
    }
}

/// Who is there (H1).
#[derive(Debug, Default)]
struct Callers {
    /// Those that something is to come from, oldest first.
    waited_for: Mutex<VecDeque<(u64, TcpStream)>>,
    answered: AtomicUsize,
}

/// One fewer is answered when it is dropped.
struct Answered<'a>(&'a Callers);

impl Drop for Answered<'_> {
    fn drop(&mut self) {
        self.0.answered.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Callers {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, TcpStream)>> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to come from this one: the oldest of too many is waited for no more.
    fn wait_for(&self, number: u64, stream: &TcpStream) {
        let Ok(stream) = stream.try_clone() else { return };
        let mut waited_for = self.lock();
        if waited_for.len() >= REQUESTS_MAX
            && let Some((_, oldest)) = waited_for.pop_front()
        {
            let _ = oldest.shutdown(Shutdown::Both);
        }
        waited_for.push_back((number, stream));
    }

    /// It has come, or never will. Answers whether it was waited for still.
    fn comes(&self, number: u64) -> bool {
        let mut waited_for = self.lock();
        let before = waited_for.len();
        waited_for.retain(|(other, _)| *other != number);
        waited_for.len() < before
    }

    /// Begins an answer; none if too many are being answered.
    fn answer(&self) -> Option<Answered<'_>> {
        let answered = Answered(self);
        (self.answered.fetch_add(1, Ordering::AcqRel) < REQUESTS_MAX).then_some(answered)
    }
}

fn answer(
    number: u64,
    stream: &TcpStream,
    pages: &impl Pages,
    callers: &Callers,
    patience: Duration,
) -> io::Result<()> {
    let within = || Impatient { stream, until: Instant::now() + patience };
    let request = request::read(&mut within())?;
    if !callers.comes(number) {
        return Ok(());
    }
    let Some(answered) = callers.answer() else { return Ok(()) };
    let (method, reply) = match request {
        Ok(request) => (request.method, reply(&request, pages)),
        Err(status) => (Method::Get, Reply::new(status, format!("{status}\n"))),
    };
    within().write_all(&reply.to_bytes(method))?;
    drop(answered);
    // What the caller sent beyond its request must not become a reset that takes the answer away.
    stream.shutdown(Shutdown::Write)?;
    callers.wait_for(number, stream);
    io::copy(&mut within().take(1 << 16), &mut io::sink())?;
    Ok(())
}

/// A stream whose reads, or writes, together end by a certain time.
struct Impatient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Impatient<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Impatient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into)
    }
}

impl Write for Impatient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reply(request: &Request, pages: &impl Pages) -> Reply {
    if request.method == Method::Other {
        return Reply::new("405 Method Not Allowed", "only GET and HEAD are answered\n".to_owned());
    }
    match request.path.as_str() {
        "/" => Reply::new("200 OK", "tallymap: /metrics /healthz\n".to_owned()),
        "/healthz" => match pages.ailment() {
            None => Reply::new("200 OK", "ok\n".to_owned()),
            Some(why) => Reply::new("503 Service Unavailable", format!("{why}\n")),
        },
        "/metrics" => Reply { kind: METRICS_TYPE, ..Reply::new("200 OK", pages.metrics()) },
        _ => Reply::new("404 Not Found", "there are /metrics and /healthz\n".to_owned()),
    }
}

/// An answer.
struct Reply {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Reply {
    fn new(status: &'static str, body: String) -> Reply {
        Reply { status, kind: TEXT_TYPE, body }
    }

    fn to_bytes(&self, method: Method) -> Vec<u8> {
        let allow = if self.status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let mut out = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len(),
        );
        if method != Method::Head {
            out.push_str(&self.body);
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Option<&'static str>);

    impl Pages for Fixed {
        fn metrics(&self) -> String {
            "a 1\n".to_owned()
        }

        fn ailment(&self) -> Option<String> {
            self.0.map(str::to_owned)
        }
    }

    fn ask(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        stream.write_all(text.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply
    }

    #[test]
    fn pages_and_what_is_none() {
        let address = serve("127.0.0.1:0", Fixed(None)).expect("listens");
        let get = |path| ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let metrics = get("/metrics?x=1");
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("Content-Type: text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.contains("Content-Length: 4\r\n"), "{metrics}");
        assert!(metrics.ends_with("\r\n\r\na 1\n"), "{metrics}");
        assert!(get("/healthz").ends_with("\r\n\r\nok\n"));
        assert!(get("/nothing").starts_with("HTTP/1.1 404 "));
        let head = ask(address, "HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let post = ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nxx");
        assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("Allow: GET"), "{post}");
        assert!(ask(address, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(10_000));
        assert!(ask(address, &long).starts_with("HTTP/1.1 431 "));
    }

    #[test]
    fn who_is_not_well_says_why() {
        let address = serve("127.0.0.1:0", Fixed(Some("the journal has failed"))).expect("listens");
        let reply = ask(address, "GET /healthz HTTP/1.1\r\n\r\n");
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
        assert!(reply.ends_with("the journal has failed\n"), "{reply}");
    }

    #[test]
    fn those_who_say_nothing_do_not_hinder_others() {
        let address = serve("127.0.0.1:0", Fixed(None)).expect("listens");
        let silent: Vec<_> =
            (0..3 * REQUESTS_MAX).map(|_| TcpStream::connect(address).expect("connects")).collect();
        let began = Instant::now();
        let reply = ask(address, "GET /healthz HTTP/1.1\r\n\r\n");
        assert!(reply.ends_with("ok\n"), "{reply}");
        // The oldest were waited for no more, whenever that was.
        let mut oldest = &silent[0];
        oldest.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        assert_eq!(oldest.read(&mut [0]).expect("the end"), 0, "{:?}", began.elapsed());
    }

    /// A page that is longer than what the system takes of it.
    struct Long;

    impl Pages for Long {
        fn metrics(&self) -> String {
            "x".repeat(64 << 20)
        }

        fn ailment(&self) -> Option<String> {
            None
        }
    }

    #[test]
    fn who_reads_slowly_is_not_answered_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let mut client = TcpStream::connect(listener.local_addr().expect("one")).expect("connects");
        let (stream, _) = listener.accept().expect("one");
        client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("sent");
        let callers = Callers::default();
        callers.wait_for(1, &stream);
        let patience = Duration::from_millis(100);
        // It may be given up before anything was written.
        client.set_read_timeout(Some(patience)).expect("a timeout");
        thread::scope(|s| {
            let answer = s.spawn(|| answer(1, &stream, &Long, &callers, patience));
            while !answer.is_finished() {
                // Some at a time, so that some more can always be written.
                let _ = client.read(&mut [0; 4096]);
                thread::sleep(patience / 20);
            }
            let error = answer.join().expect("no panic").expect_err("given up");
            let kinds = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
            assert!(kinds.contains(&error.kind()), "{error}");
        });
        assert_eq!(callers.answered.into_inner(), 0);
    }
}
