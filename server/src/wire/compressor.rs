//! Compressors: their names, their numbers on the wire, and what they do with bytes.
//!
//! Z1. Decompressing never gives more than it is allowed to, and takes memory only for what really
//!     came out, whatever the bytes claim.

use std::fmt;
use std::str::FromStr;

/// A way to make messages smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressor {
    /// Snappy, the fastest.
    Snappy,
    /// Deflate with zlib's header.
    Zlib,
    /// Zstandard, the smallest.
    Zstd,
}

impl Compressor {
    /// All of them.
    pub const ALL: [Compressor; 3] = [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd];
    /// Those of a server that is not told which, in mongod's order.
    pub const DEFAULT: [Compressor; 3] = [Compressor::Snappy, Compressor::Zstd, Compressor::Zlib];

    /// Its name, as clients and servers tell each other.
    pub fn name(self) -> &'static str {
        match self {
            Compressor::Snappy => "snappy",
            Compressor::Zlib => "zlib",
            Compressor::Zstd => "zstd",
        }
    }

    /// Its number in messages.
    pub fn number(self) -> u8 {
        match self {
            Compressor::Snappy => 1,
            Compressor::Zlib => 2,
            Compressor::Zstd => 3,
        }
    }

    /// The list that an option gives, as `snappy,zstd`; `disabled` stands for none.
    ///
    /// # Errors
    /// Which name is unknown.
    pub fn list(names: &str) -> Result<Vec<Compressor>, String> {
        match names {
            "disabled" => Ok(Vec::new()),
            names => names.split(',').map(|name| name.trim().parse()).collect(),
        }
    }
}

impl FromStr for Compressor {
    type Err = String;

    fn from_str(name: &str) -> Result<Compressor, String> {
        Compressor::ALL.into_iter().find(|compressor| compressor.name() == name).ok_or_else(|| {
            format!("'{name}' is no compressor; there are snappy, zstd, zlib, or disabled alone")
        })
    }
}

impl fmt::Display for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
