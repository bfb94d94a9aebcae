//! Names of API keys and OAuth 2.0 clients, for people who read their ids.
//!
//! No proof covers the name of an API key: an administrator of the database can change it. The id
//! is what the audit trail proves.

use std::collections::HashMap;

use crate::ids::{KeyId, OrgId};
use crate::oauth::client::{client_id, parse_client_id};

/// The most ids whose names are read for one page.
pub const MAX_NAMED: usize = 200;

/// The name of an API key or an OAuth 2.0 client, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorName {
    /// The organization that issued it.
    pub org: OrgId,
    /// The id of the key or client.
    pub id: KeyId,
    /// Whether it is a client.
    pub is_client: bool,
    /// The name.
    pub name: String,
}

/// The names of some API keys and OAuth 2.0 clients.
#[derive(Debug, Clone, Default)]
pub struct ActorNames {
    keys: HashMap<KeyId, ActorName>,
    clients: HashMap<KeyId, ActorName>,
}

impl ActorName {
    /// The form of the actor in audit events.
    #[must_use]
    pub fn actor(&self) -> String {
        match self.is_client {
            true => client_id(self.org, self.id),
            false => self.id.to_string(),
        }
    }
}

impl ActorNames {
    /// The name of an actor in the form of audit events, if it is known.
    #[must_use]
    pub fn of_actor(&self, actor: &str) -> Option<&str> {
        let found = match parse_client_id(actor) {
            Some((org, id)) => self.clients.get(&id).filter(|client| client.org == org),
            None => self.keys.get(&KeyId::parse(actor)?),
        };
        found.map(|found| found.name.as_str())
    }

    /// The key or client with this id, if it is known.
    #[must_use]
    pub fn of_id(&self, id: KeyId) -> Option<&ActorName> {
        self.keys.get(&id).or_else(|| self.clients.get(&id))
    }
}

impl FromIterator<ActorName> for ActorNames {
    fn from_iter<T: IntoIterator<Item = ActorName>>(names: T) -> Self {
        let mut all = Self::default();
        for name in names {
            let same = match name.is_client {
                true => &mut all.clients,
                false => &mut all.keys,
            };
            same.insert(name.id, name);
        }
        all
    }
}

/// The id of the key or client that is an actor in the form of audit events.
#[must_use]
pub fn actor_id(actor: &str) -> Option<KeyId> {
    let client = parse_client_id(actor).map(|(_, id)| id);
    client.or_else(|| KeyId::parse(actor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_one_kind_and_one_organization() {
        let org = |last| OrgId::parse(&format!("0190a1b2-0000-7000-8000-00000000000{last}"));
        let (org, other) = (org(1).unwrap(), org(2).unwrap());
        let id = KeyId::parse("0190a1b2-0000-7000-8000-000000000003").unwrap();
        let name = |is_client| ActorName {
            org,
            id,
            is_client,
            name: "billing".into(),
        };
        let keys = ActorNames::from_iter([name(false)]);
        assert_eq!(keys.of_actor(&id.to_string()), Some("billing"));
        assert_eq!(keys.of_actor(&client_id(org, id)), None);
        let clients = ActorNames::from_iter([name(true)]);
        assert_eq!(clients.of_actor(&client_id(org, id)), Some("billing"));
        assert_eq!(clients.of_actor(&client_id(other, id)), None);
        assert_eq!(clients.of_actor(&id.to_string()), None);
        for names in [keys, clients] {
            let found = names.of_id(id).unwrap();
            assert_eq!(names.of_actor(&found.actor()), Some("billing"));
            assert_eq!(actor_id(&found.actor()), Some(id));
        }
        assert_eq!(actor_id("operator"), None);
    }
}
