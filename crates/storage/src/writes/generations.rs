//! Which generations of organizations' keys a batch's rows name, and whether these are still the
//! active ones.

use std::collections::HashMap;

use strongroom_domain::OrgId;
use uuid::Uuid;

use crate::transaction::statement::Step;

/// Most organizations whose generations are kept in memory; beyond that, they are checked again.
const MAX_CHECKED: usize = 100_000;

/// The key generations that the rows of a batch use, each once.
pub(crate) struct Used {
    orgs: Vec<Uuid>,
    generations: Vec<i32>,
    /// The epoch in which all of these were found active.
    checked: Option<Uuid>,
}

impl Used {
    /// The generations of changed and of new rows.
    pub(crate) fn of(
        changed: Vec<(OrgId, i32)>,
        new: impl Iterator<Item = (OrgId, i32)>,
        checked: &Checked,
    ) -> Self {
        let mut used = changed;
        used.extend(new);
        used.sort_unstable();
        used.dedup();
        let checked = checked.epoch_of(&used);
        let (orgs, generations) = used.into_iter().map(|(org, used)| (org.0, used)).unzip();
        Self {
            orgs,
            generations,
            checked,
        }
    }

    /// The step that fails unless all generations are active.
    pub(crate) fn check(&self) -> Option<Step<'_>> {
        let check = Step::CheckGenerations {
            used: [&self.orgs, &self.generations],
            checked: &self.checked,
        };
        (!self.orgs.is_empty()).then_some(check)
    }

    fn each(&self) -> impl Iterator<Item = (OrgId, i32)> {
        let orgs = self.orgs.iter().map(|org| OrgId(*org));
        orgs.zip(self.generations.iter().copied())
    }
}

/// Generations that were found active in an epoch, and need no second check while it lasts.
#[derive(Default)]
pub(crate) struct Checked {
    epoch: Uuid,
    generations: HashMap<OrgId, i32>,
}

impl Checked {
    fn epoch_of(&self, used: &[(OrgId, i32)]) -> Option<Uuid> {
        let known = |(org, used): &(OrgId, i32)| self.generations.get(org) == Some(used);
        used.iter().all(known).then_some(self.epoch)
    }

    /// All of `used` were active in `epoch`.
    pub(crate) fn note(&mut self, used: &Used, epoch: Uuid) {
        if used.checked == Some(epoch) {
            return;
        }
        if epoch != self.epoch || self.generations.len() > MAX_CHECKED {
            self.generations.clear();
        }
        self.epoch = epoch;
        self.generations.extend(used.each());
    }
}
