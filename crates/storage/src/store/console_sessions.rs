//! Sessions of the console.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_domain::KeyId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::console_session::StoredSession;
use strongroom_domain::ports::audit::EventEvidence;
use strongroom_domain::ports::console_sessions::{
    ConsoleSessionStore, ConsoleSessionWrite, OpenSessions,
};
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::get;
use crate::store::PgStore;
use crate::store::audit::evidence_of;
use crate::writes::write::WriteOp;
use crate::{rows, sql};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

#[async_trait]
impl ConsoleSessionStore for PgStore {
    async fn console_session(
        &self,
        scope: OrgScope,
        id: KeyId,
    ) -> StoreResult<Option<StoredSession>> {
        let params: Params<'_> = &[&scope.org().0, &id.0];
        let found = self.query(scope, sql::CONSOLE_SESSION, params).await?;
        found.first().map(rows::console_session).transpose()
    }

    async fn console_sessions_of(&self, scope: OrgScope, holder: KeyId) -> StoreResult<Vec<KeyId>> {
        let params: Params<'_> = &[&scope.org().0, &holder.0];
        let found = self.query(scope, sql::CONSOLE_SESSIONS_OF, params).await?;
        let ids = found.iter().map(|row| get(row, "session_id").map(KeyId));
        ids.collect()
    }

    async fn open_console_sessions(
        &self,
        scope: OrgScope,
        open: OpenSessions,
        limit: i64,
    ) -> StoreResult<Vec<StoredSession>> {
        let params: Params<'_> = &[
            &scope.org().0,
            &open.holder.map(|id| id.0),
            &open.created_after,
            &open.seen_after,
            &limit,
        ];
        let found = self.query(scope, sql::CONSOLE_SESSIONS_OPEN, params);
        found.await?.iter().map(rows::console_session).collect()
    }

    async fn console_sign_ins(
        &self,
        scope: OrgScope,
        ids: &[KeyId],
    ) -> StoreResult<Vec<EventEvidence>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let params: Params<'_> = &[&scope.org().0, &ids];
        let found = self.query(scope, sql::CONSOLE_SIGN_INS, params);
        found.await?.iter().map(evidence_of).collect()
    }

    async fn write_console_session(
        &self,
        scope: OrgScope,
        write: ConsoleSessionWrite,
        event: Event,
    ) -> StoreResult<()> {
        let operation = WriteOp::ConsoleSession(Box::new(write));
        self.write(scope, operation, event).await
    }

    async fn see_console_session(
        &self,
        scope: OrgScope,
        id: KeyId,
        at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let params: Params<'_> = &[&scope.org().0, &id.0, &at];
        let seen = self.execute(scope, sql::CONSOLE_SESSION_SEE, params);
        seen.await.map(drop)
    }

    async fn forget_console_sessions(
        &self,
        scopes: &[OrgScope],
        before: DateTime<Utc>,
    ) -> StoreResult<()> {
        let statements = (sql::CONSOLE_SESSIONS_OLD, sql::CONSOLE_SESSIONS_FORGET_SOME);
        self.delete_old_rows(scopes, before, statements).await
    }
}
