//! Aggregations over a collection.
