//! What a page about an organization or the installation shows: numbers, totals per day, status.
//! No call of the HTTP API has them, so these tests open the vault in their own process, on the
//! database of a server.

mod counts;
mod daily_totals;
mod opened;
mod system;
