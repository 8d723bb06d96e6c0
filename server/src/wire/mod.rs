//! The wire protocol: messages in frames over TCP, one thread for each connection.
//!
//! [`frame`] is how long a message is and what kind; [`op_msg`] and [`op_query`] are the two kinds
//! that are spoken; [`connection`] reads, has the command answered, and writes; [`server`] listens.
//!
//! W1. Nothing is allocated by a length that a frame claims: memory follows the bytes that come.
//! W2. Commands are parsed where they lie in the message.
//! W3. Whatever comes, the answer is an error or the end of the connection; other connections see
//!     nothing of it.

pub mod connection;
pub mod crc32c;
pub mod frame;
pub mod op_msg;
pub mod op_query;
pub mod server;

/// Longest message, bytes, header included.
pub const MESSAGE_LEN_MAX: usize = 48_000_000;
/// Most connections at a time.
pub const CONNECTIONS_MAX: usize = 10_000;
