//! Keys and clients, with their names.

use strongroom_domain::KeyId;
use strongroom_domain::actor_names::{ActorNames, actor_id};
use strongroom_domain::audit::stored::parse_actor;
use strongroom_domain::permission::Permission;

use crate::error::PageError;
use crate::listing::{html_len, short};
use crate::paths;
use crate::session::Session;

/// A key, client or other actor as pages show it.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) id: String,
    /// What the database says; `None` if it has none, or the caller may not read it.
    pub(crate) name: Option<String>,
    /// The path of its events, if the caller may read them.
    pub(crate) events: Option<String>,
}

/// The names of the keys and clients on a page.
pub(crate) struct Actors {
    names: ActorNames,
    /// The path of the trail, for a caller who may read it.
    trail: Option<String>,
}

impl Actor {
    /// The bytes of its texts.
    pub(crate) fn weight(&self) -> usize {
        html_len(&self.id) + self.name.as_deref().map_or(0, html_len)
    }
}

impl Actors {
    /// Reads the names of `ids`, if the caller may.
    ///
    /// # Errors
    /// Those of the read.
    pub(crate) async fn named(
        session: &Session,
        ids: impl IntoIterator<Item = KeyId> + Send,
    ) -> Result<Self, PageError> {
        let reads_trail = session.may(Permission::AuditRead);
        let names = match reads_trail || session.may(Permission::KeysManage) {
            true => {
                let names = session.vault.actor_names(&session.caller, ids);
                session.state.with_deadline(names).await?
            }
            false => ActorNames::default(),
        };
        Ok(Self {
            names,
            trail: reads_trail.then(|| paths::audit(session.caller.org())),
        })
    }

    /// The actor of an event.
    pub(crate) fn actor(&self, actor: &str) -> Actor {
        Actor {
            // Rows that were altered may have any text.
            id: short(actor),
            name: self.names.of_actor(actor).map(short),
            events: parse_actor(actor).and_then(|actor| self.events(&actor)),
        }
    }

    /// The key or client that an event concerns, or that used something last.
    pub(crate) fn key(&self, id: KeyId) -> Actor {
        match self.names.of_id(id) {
            Some(found) => self.actor(&found.actor()),
            None => Actor {
                id: id.to_string(),
                name: None,
                events: None,
            },
        }
    }

    // Ids of keys and clients have no character that a query reserves.
    fn events(&self, actor: &str) -> Option<String> {
        let trail = self.trail.as_ref()?;
        Some(format!("{trail}?actor={actor}"))
    }
}

/// The ids of actors of events.
pub(crate) fn ids<'a>(actors: impl Iterator<Item = &'a str>) -> Vec<KeyId> {
    actors.filter_map(actor_id).collect()
}
