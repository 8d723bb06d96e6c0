//! The wire protocol: messages in frames over TCP, unix sockets and TLS, one thread for each
//! connection.
//!
//! [`server`] listens at what [`options`] say, by [`listener`], and gives each connection a thread;
//! [`stream`] is what it is talked over: a [`socket`], with [`tls`] or without. [`connection`]
//! reads into an [`inbox`], has it answered by [`talk`], and writes. [`frame`] is how long a
//! message is and what kind; [`op_msg`], [`op_query`], [`op_read`], [`op_write`] and
//! [`op_compressed`] are those spoken.
//!
//! W1. Nothing is allocated by a length that a frame claims: memory follows the bytes that come.
//! W2. Commands are parsed where they lie in the message.
//! W3. Whatever comes, the answer is an error or the end of the connection; other connections see
//!     nothing of it.

pub mod codec;
pub mod compressor;
pub mod connection;
pub mod crc32c;
pub mod error;
pub mod frame;
pub mod inbox;
pub mod listener;
pub mod op_compressed;
pub mod op_msg;
pub mod op_query;
pub mod op_read;
pub mod op_write;
pub mod options;
mod registry;
pub mod server;
pub mod socket;
pub mod stream;
pub mod talk;
pub mod tls;

pub use self::error::{ListenError, TlsError};
pub use self::options::{Options, Tls, TlsMode, UnixSocket};

/// Longest message, bytes, header included.
pub const MESSAGE_LEN_MAX: usize = 48_000_000;
/// Most connections at a time, if nobody says fewer: nobody can say more.
pub const CONNECTIONS_MAX: usize = 65_536;
