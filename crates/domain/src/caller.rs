//! Callers, and what they may do.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use crate::api_key::StoredApiKey;
use crate::api_key::limits::KeyLimits;
use crate::api_key::reach::CredentialReach;
use crate::credential::SealedCredential;
use crate::error::{Denial, VaultError};
use crate::ids::{KeyId, OrgId};
use crate::oauth::client::StoredClient;
use crate::oauth::token::StoredToken;
use crate::permission::{Permission, PermissionSet};
pub use crate::scope::OrgScope;

/// The origin of a request, for the audit trail.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The request id.
    pub id: String,
    /// The peer's IP address, or `command-line`.
    pub source: String,
}

impl RequestInfo {
    /// The peer's IP address, if the request came over a network.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.source.parse().ok()
    }
}

/// The identity that performs an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The holder of an API key.
    Key(KeyId),
    /// An OAuth 2.0 client, by its secret or by an access token.
    Client(KeyId),
    /// A caller without an API key, if the operator allows anonymous access.
    Anonymous,
    /// The user of the `strongroom` command, which has the database's credentials and the root key.
    Operator,
}

/// An authenticated caller, acting in one organization.
#[derive(Debug, Clone)]
pub struct Caller {
    org: OrgId,
    /// The organization that issued the caller's key: `org`, or an ancestor of it.
    home: OrgId,
    actor: Actor,
    /// The access token by which a client identified itself.
    token: Option<KeyId>,
    /// The session of the console through which the request came.
    session: Option<KeyId>,
    limits: Arc<KeyLimits>,
    /// The time from which the caller's key is refused.
    expires_at: Option<DateTime<Utc>>,
    request: Arc<RequestInfo>,
}

/// What the operator may do. Secrets are not among it.
static OPERATOR: LazyLock<Arc<KeyLimits>> = LazyLock::new(|| {
    let permissions = [
        Permission::AuditRead,
        Permission::KeysManage,
        Permission::OrganizationsManage,
        Permission::SystemRead,
    ];
    Arc::new(KeyLimits::of_permissions(permissions.into_iter().collect()))
});

/// What an anonymous caller may do: nothing but manage users' keys.
static ANONYMOUS: LazyLock<Arc<KeyLimits>> =
    LazyLock::new(|| Arc::new(KeyLimits::of_permissions(PermissionSet::default())));

impl Caller {
    /// The operator, acting in `org`.
    #[must_use]
    pub fn operator(org: OrgId, request: RequestInfo) -> Self {
        Self {
            org,
            home: org,
            actor: Actor::Operator,
            token: None,
            session: None,
            limits: OPERATOR.clone(),
            expires_at: None,
            request: Arc::new(request),
        }
    }

    pub(crate) fn anonymous(org: OrgId, request: RequestInfo) -> Self {
        Self {
            org,
            home: org,
            actor: Actor::Anonymous,
            token: None,
            session: None,
            limits: ANONYMOUS.clone(),
            expires_at: None,
            request: Arc::new(request),
        }
    }

    /// The holder of `key`, which ends at `expires_at`, acting in its organization.
    pub(crate) fn key(
        key: &StoredApiKey,
        expires_at: Option<DateTime<Utc>>,
        request: RequestInfo,
    ) -> Self {
        Self {
            org: key.org,
            home: key.org,
            actor: Actor::Key(key.id),
            token: None,
            session: None,
            limits: key.limits.clone(),
            expires_at,
            request: Arc::new(request),
        }
    }

    /// The OAuth 2.0 client `client`, acting in its organization. With an access token, it has only
    /// the token's permissions.
    ///
    /// What the caller grants is compared with what the client holds: the client, and not its
    /// token, is the one that grants, and a client does not expire.
    pub(crate) fn client(
        client: &StoredClient,
        token: Option<&StoredToken>,
        request: RequestInfo,
    ) -> Self {
        let limits = match token {
            None => client.limits.clone(),
            Some(token) => Arc::new(KeyLimits {
                permissions: client.limits.permissions.intersection(token.scopes),
                ..KeyLimits::clone(&client.limits)
            }),
        };
        Self {
            org: client.org,
            home: client.org,
            actor: Actor::Client(client.id),
            token: token.map(|token| token.id),
            session: None,
            limits,
            expires_at: None,
            request: Arc::new(request),
        }
    }

    /// The same caller, acting in `org`, a descendant of its own organization.
    pub(crate) fn acting_in(self, org: OrgId) -> Self {
        Self { org, ..self }
    }

    /// The same caller, through the session `id` of the console.
    pub(crate) fn through(self, id: KeyId) -> Self {
        let session = Some(id);
        Self { session, ..self }
    }

    /// The organization in which the caller acts.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The organization that issued the caller's key.
    #[must_use]
    pub fn home(&self) -> OrgId {
        self.home
    }

    /// The caller's identity.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The access token by which a client identified itself.
    #[must_use]
    pub fn token(&self) -> Option<KeyId> {
        self.token
    }

    /// The session of the console through which the request came.
    #[must_use]
    pub fn session(&self) -> Option<KeyId> {
        self.session
    }

    /// What the caller may do, and where.
    #[must_use]
    pub fn limits(&self) -> &KeyLimits {
        &self.limits
    }

    /// The time from which the caller's key is refused; `None` if it does not expire.
    #[must_use]
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// The first member in which `limits` allow more than the caller may grant; `None` if it may
    /// grant them. The operator grants everything, since it could also read the root key, and it
    /// alone grants `system:read`.
    pub(crate) fn exceeded_by(&self, limits: &KeyLimits) -> Option<&'static str> {
        if self.actor == Actor::Operator {
            return None;
        }
        let shows_system = limits.permissions.contains(Permission::SystemRead);
        let exceeded = self.limits.exceeded_by(limits);
        exceeded.or(shows_system.then_some("permissions"))
    }

    /// The credentials that the caller reaches; `None` for all.
    #[must_use]
    pub fn reach(&self) -> Option<&CredentialReach> {
        self.limits.credentials.as_ref()
    }

    /// Whether the caller reaches the credential of `row`.
    #[must_use]
    pub fn reaches(&self, row: &SealedCredential) -> bool {
        let contains =
            |reach: &CredentialReach| reach.contains(row.id, row.provider, row.kind, &row.label);
        self.reach().is_none_or(contains)
    }

    /// The origin of the request.
    #[must_use]
    pub fn request(&self) -> &Arc<RequestInfo> {
        &self.request
    }

    pub(crate) fn scope(&self) -> OrgScope {
        OrgScope::new(self.org)
    }

    /// Checks that the caller has `permission`.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if the caller does not have it.
    pub fn require(&self, permission: Permission) -> Result<(), VaultError> {
        match self.limits.permissions.contains(permission) {
            true => Ok(()),
            false => Err(VaultError::Forbidden(Denial::Permission(permission))),
        }
    }

    /// Checks that the caller may manage users' keys: with `permission`, or anonymously.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if it may not.
    pub fn require_for_user_keys(&self, permission: Permission) -> Result<(), VaultError> {
        match self.actor {
            Actor::Anonymous => Ok(()),
            Actor::Key(_) | Actor::Client(_) | Actor::Operator => self.require(permission),
        }
    }

    /// Checks that the caller is the operator.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] if it is not.
    pub fn require_operator(&self) -> Result<(), VaultError> {
        match self.actor {
            Actor::Operator => Ok(()),
            Actor::Key(_) | Actor::Client(_) | Actor::Anonymous => {
                Err(VaultError::Forbidden(Denial::Operator))
            }
        }
    }
}
