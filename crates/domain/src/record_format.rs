//! The format of records that servers write.
//!
//! A server of an earlier version cannot read a newer format. The database therefore names the
//! newest format to write, and that advances once every running server reads it.

/// The newest record format that this program reads and writes. With 2, audit events have
/// details, and sealed blobs are bound to their label.
pub const RECORD_FORMAT: i32 = 2;
