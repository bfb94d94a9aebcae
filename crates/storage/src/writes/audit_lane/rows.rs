//! Audit events with their positions in a lane, as they are stored.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;

use bytes::BytesMut;
use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::format::EventFormat;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::mark::Mark;
use strongroom_domain::crypto::Digest;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::sql;
use crate::transaction::statement::Step;

/// The last event of an organization in a lane, and its mark.
#[derive(Clone, Copy)]
pub(super) struct LaneEnd {
    pub(super) head: LaneHead,
    pub(super) mark: Mark,
}

/// Ends of lanes that become valid when the transaction commits.
pub(crate) struct Appended {
    pub(super) ends: HashMap<OrgId, LaneEnd>,
    pub(super) named_at: HashMap<OrgId, DateTime<Utc>>,
    pub(super) events: usize,
    pub(super) newest: Option<DateTime<Utc>>,
}

/// Events with their positions in the lane.
pub(crate) struct Chained<'e> {
    pub(super) links: Vec<Link<'e>>,
    pub(crate) appended: Appended,
}

/// An event as it is stored.
pub(super) struct Link<'e> {
    pub(super) org: Uuid,
    pub(super) lane: Uuid,
    pub(super) seq: i64,
    pub(super) heads: Option<Vec<u8>>,
    pub(super) proof_key: Option<i32>,
    pub(super) details: Option<String>,
    pub(super) mac: Bytea,
    pub(super) after_mark: Option<i16>,
    pub(super) digest: Option<Bytea>,
    pub(super) texts: (&'static str, &'static str),
    pub(super) about: (Option<Uuid>, Option<Uuid>),
    pub(super) event: Cow<'e, Event>,
}

impl<'e> Link<'e> {
    /// `event` of an organization at the end of a lane, which names `heads`.
    pub(super) fn of(
        event: Cow<'e, Event>,
        (org, end): (OrgId, LaneHead),
        (heads, format): (Option<Vec<u8>>, EventFormat),
        after_mark: Option<i16>,
    ) -> Self {
        Self {
            org: org.0,
            lane: end.lane.0,
            seq: end.seq,
            heads,
            proof_key: format.proof_key(),
            details: event.details.as_ref().map(|d| d.as_str().to_owned()),
            mac: Bytea(end.mac),
            after_mark,
            digest: event.digest.map(Bytea),
            texts: (event.action.as_str(), event.outcome.as_str()),
            about: (event.credential.map(|id| id.0), event.key.map(|id| id.0)),
            event,
        }
    }
}

/// A digest as a parameter for a `bytea`.
#[derive(Debug)]
pub(super) struct Bytea(pub(super) Digest);

impl ToSql for Bytea {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.as_slice().to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&[u8] as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

impl Chained<'_> {
    /// The step that stores the events.
    pub(crate) fn step(&self) -> Step<'_> {
        Step::insert(&sql::AUDIT_INSERT, self.params())
    }

    /// The rows of the events, for [`sql::AUDIT_INSERT`].
    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> =
            Vec::with_capacity(self.links.len() * sql::AUDIT_INSERT.columns);
        for link in &self.links {
            let event = &link.event;
            params.extend_from_slice(&[
                &link.org,
                &link.lane,
                &link.seq,
                &event.at,
                &link.texts.0,
                &link.texts.1,
                &event.actor,
                &event.request.id,
                &event.request.source,
                &link.about.0,
                &link.about.1,
                &event.version,
                &link.digest,
                &link.heads,
                &link.proof_key,
                &link.details,
                &link.mac,
                &link.after_mark,
            ]);
        }
        params
    }
}
