//! What happened, for the page that follows a form.
//!
//! The cookie holds a word, never a text: another host of the same domain may have planted it.

use actix_web::HttpRequest;

use crate::cookie;

/// Makes the words and texts.
macro_rules! flashes {
    ($($(#[$doc:meta])* $name:ident = $word:literal => $text:literal,)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Flash { $($(#[$doc])* $name,)+ }

        impl Flash {
            /// The word in the cookie.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The text on the page.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

flashes! {
    /// The session was ended by its holder.
    SignedOut = "signed-out" => "You are signed out.",
    /// The session that the browser named is not valid.
    SessionEnded = "session-ended" => "Your session has ended. Sign in again to go on.",
    /// All sessions of the key were ended.
    SessionsClosed = "sessions-closed" => "All sessions of this key are closed.",
    /// A credential was created.
    Created = "created" => "The credential was created.",
    /// A credential was changed.
    Changed = "changed" => "The change is saved.",
    /// A pending value was stored.
    Staged = "staged" => "The secret is stored as pending. Make it current when all is ready.",
    /// A credential was deleted, which cannot be undone.
    DeletedForGood = "deleted-for-good" => "The credential was deleted for good.",
    /// A deleted credential was restored.
    Restored = "restored" => "The credential is restored.",
    /// Another value became the current one.
    Promoted = "promoted" => "This value is the current one now.",
    /// Another value was destroyed.
    Destroyed = "destroyed" => "The value is destroyed.",
    /// A relay policy was stored.
    PolicySaved = "policy-saved" => "The policy is saved.",
    /// A relay policy was deleted.
    PolicyDeleted = "policy-deleted" => "The relay policy is deleted.",
    /// A key was revoked.
    KeyRevoked = "key-revoked" => "The key is revoked.",
    /// The end of a key was scheduled.
    KeyEnds = "key-ends" => "The key ends at the time that the list shows.",
    /// The sessions of another key or client were ended.
    OthersClosed = "others-closed" => "Its sessions of the console are closed.",
    /// One session was ended.
    OneClosed = "one-closed" => "The session is ended.",
    /// A client was changed.
    ClientChanged = "client-changed" => "The client is changed.",
    /// A client was deleted.
    ClientDeleted = "client-deleted" => "The client is deleted. Its tokens are no longer valid.",
    /// A tenant got another name.
    TenantRenamed = "tenant-renamed" => "The tenant has its new name.",
    /// A tenant was deleted.
    TenantDeleted = "tenant-deleted" => "The tenant is deleted. It can be restored for 7 days.",
    /// A tenant was deleted with those below it.
    TenantsDeleted = "tenants-deleted" => "The tenant and those below it are deleted. Each can be \
         restored for 7 days, parents first.",
    /// A deleted tenant was restored.
    TenantRestored = "tenant-restored" => "The tenant is restored.",
    /// A trail was verified so recently that it is not verified again.
    VerifiedRecently = "verified-recently" =>
        "This is the last result. A trail is verified at most once in a minute.",
    /// The settings of an organization were changed.
    SettingsSaved = "settings-saved" => "The settings are saved.",
    /// A rotation was started.
    RotationStarted = "rotation-started" => "The rotation is started. A server carries it out.",
}

impl Flash {
    /// What the cookie of `request` says.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        Self::parse(cookie::flash(request)?)
    }
}
