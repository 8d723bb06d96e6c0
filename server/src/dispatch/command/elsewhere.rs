//! Commands of replica sets, shards and transactions: what a standalone says to them.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};

/// Of a replica set.
pub fn replica_set(call: &Call<'_>) -> Outcome<Builder> {
    let message = match call.name {
        "replSetInitiate" => "This node was not started with the replSet option",
        "appendOplogNote" => "Must have replication set up to run \"appendOplogNote\"",
        _ => "not running with --replSet",
    };
    Err(Failure::numbered(76, "NoReplicationEnabled", message))
}

/// Of the log of a replica set.
pub fn no_oplog(_: &Call<'_>) -> Outcome<Builder> {
    Err(Failure::new(Reason::NamespaceNotFound, "oplog does not exist"))
}

/// The end of a transaction.
pub fn no_transaction(call: &Call<'_>) -> Outcome<Builder> {
    let message = format!("{} must be run within a transaction", call.name);
    Err(Failure::numbered(125, "CommandFailed", message))
}

/// Concerns for all clients of a replica set.
pub fn no_defaults(call: &Call<'_>) -> Outcome<Builder> {
    let message = format!("'{}' is not supported on standalone nodes.", call.name);
    Err(Failure::new(Reason::Location(51300), message))
}

/// Of a cluster's routing.
pub fn not_sharded(_: &Call<'_>) -> Outcome<Builder> {
    Err(Failure::numbered(203, "ShardingStateNotInitialized", "Sharding is not enabled"))
}

/// Of a shard.
pub fn no_shard(_: &Call<'_>) -> Outcome<Builder> {
    let message = "Cannot accept sharding commands if not started with --shardsvr";
    Err(Failure::numbered(193, "NoShardingEnabled", message))
}
