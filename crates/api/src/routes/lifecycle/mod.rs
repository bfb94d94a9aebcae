//! What becomes of credentials: their other values, who has read the current one, and the
//! restoration of deleted ones.

pub(super) mod destroy_version;
pub(super) mod get_adoption;
pub(super) mod list_versions;
pub(super) mod promote_version;
pub(super) mod restore_credential;
mod version_write;
