//! Changes of the installation.

use async_trait::async_trait;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::installation::{InstallationChange, InstallationStore};

use crate::store::PgStore;
use crate::writes::write::WriteOp;

#[async_trait]
impl InstallationStore for PgStore {
    async fn change_installation(
        &self,
        scope: OrgScope,
        change: InstallationChange,
        event: Event,
    ) -> StoreResult<()> {
        self.write(scope, WriteOp::Installation(change), event)
            .await
    }
}
