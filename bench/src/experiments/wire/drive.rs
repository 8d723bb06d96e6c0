//! Clients that say what they have to say, one message after the other, each waiting for its
//! answer; and what that costs.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use tallymap::Lengths;

use super::conn::{Conn, Speech};
use super::documents;
use super::encode::Script;
use super::process::Threads;
use super::system::Server;
use crate::daily::COUNTERS;
use crate::error::{Error, Result};
use crate::rate::processor_time;
use crate::tally::{Grid, Verified};

/// Clients of a server, with what they say.
pub struct Drive<'a> {
    server: &'a Server,
    script: &'a Script,
    clients: Vec<Client>,
}

/// One of them. It goes through the messages in turn, again and again.
struct Client {
    conn: Conn,
    /// The message that it began with.
    first: usize,
    /// How many it has sent.
    sent: usize,
}

/// What a load took.
pub struct Load {
    /// Hits that were counted.
    pub hits: usize,
    pub wall: Duration,
    /// Time of processors in the server.
    pub server: Duration,
    /// That in the clients, which are this process.
    pub client: Duration,
    /// How long each message waited for its answer.
    pub calls: Lengths,
}

impl<'a> Drive<'a> {
    /// So many clients, at different places of the script.
    ///
    /// # Errors
    /// The system's.
    pub fn of(server: &'a Server, script: &'a Script, clients: usize) -> Result<Drive<'a>> {
        let client = |at: usize| {
            let first = at * script.messages.len() / clients;
            Ok(Client { conn: server.connect()?, first, sent: 0 })
        };
        let clients = (0..clients).map(client).collect::<Result<_>>()?;
        Ok(Drive { server, script, clients })
    }

    /// Does the same on each connection.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn each(&mut self, work: impl Fn(&mut Conn) -> Result<()>) -> Result<()> {
        self.clients.iter_mut().try_for_each(|client| work(&mut client.conn))
    }

    /// All clients at once, each for so long, and at least one message.
    ///
    /// # Errors
    /// Those of the connections; [`Error::WrongSum`] if an update is not answered as it should.
    pub fn run(&mut self, time: Duration) -> Result<Load> {
        let script = self.script;
        let before: usize = self.clients.iter().map(|client| client.sent).sum();
        // This thread too, which reads the clocks.
        let start = Barrier::new(self.clients.len() + 1);
        let threads = Threads::of(self.server.id())?;
        let (mut wall, mut client) = (Instant::now(), processor_time());
        let outcomes: Vec<Result<Lengths>> = std::thread::scope(|scope| {
            let started: Vec<_> = self
                .clients
                .iter_mut()
                .map(|client| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        client.run(script, time)
                    })
                })
                .collect();
            (wall, client) = (Instant::now(), processor_time());
            start.wait();
            let join = |it: std::thread::ScopedJoinHandle<'_, _>| it.join().expect("a client");
            started.into_iter().map(join).collect()
        });
        let (wall, client) = (wall.elapsed(), processor_time() - client);
        let server = Threads::of(self.server.id())?.since(&threads);
        let mut calls = Lengths::default();
        for outcome in outcomes {
            calls.absorb(&outcome?);
        }
        let sent = self.clients.iter().map(|client| client.sent).sum::<usize>() - before;
        Ok(Load { hits: sent * script.per, wall, server, client, calls })
    }

    /// Compares what the server has with what was sent, in all.
    ///
    /// # Errors
    /// [`Error::WrongSum`]; the server's.
    pub fn verify(mut self, pages: &[String]) -> Result<Verified> {
        let speech = self.server.system.speech();
        if speech == Speech::Echo {
            return self.verify_echo();
        }
        let len = self.script.messages.len();
        let mut times = vec![0; len];
        for client in &self.clients {
            let (passes, rest) = ((client.sent / len) as u32, client.sent % len);
            times.iter_mut().for_each(|times| *times += passes);
            (0..rest).for_each(|at| times[(client.first + at) % len] += 1);
        }
        let mut sums = Grid::new(pages.len(), COUNTERS);
        for (message, times) in times.into_iter().enumerate() {
            for hit in self.script.hits_of(message) {
                let counters = hit.counters();
                counters.into_iter().for_each(|at| sums.add_many(hit.page as usize, at, times));
            }
        }
        let none = || Error::WrongSum("no client".to_owned());
        let conn = &mut self.clients.first_mut().ok_or_else(none)?.conn;
        sums.verify(|page, counters| documents::read(conn, speech, &pages[page], counters))
    }

    /// An echo counts the messages of each connection.
    fn verify_echo(&mut self) -> Result<Verified> {
        let mut sums = Grid::new(self.clients.len(), 1);
        for (at, client) in self.clients.iter().enumerate() {
            sums.add_many(at, 0, client.sent as u32 + 1);
        }
        let (clients, message) = (&mut self.clients, &self.script.messages[0]);
        sums.verify(|at, counters| {
            counters[0] = clients[at].conn.echoed(message)? as i64;
            Ok(())
        })
    }
}

impl Client {
    fn run(&mut self, script: &Script, time: Duration) -> Result<Lengths> {
        let mut calls = Lengths::default();
        let start = Instant::now();
        let mut last = start;
        loop {
            let message = &script.messages[(self.first + self.sent) % script.messages.len()];
            self.conn.count(message, script.per)?;
            self.sent += 1;
            let now = Instant::now();
            calls.add(now - last);
            last = now;
            if last - start >= time {
                return Ok(calls);
            }
        }
    }
}
