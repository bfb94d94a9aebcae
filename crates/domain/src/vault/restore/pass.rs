//! One pass over a backup: verifies it, compares it with a database and, in the second pass,
//! restores it.

use std::collections::HashMap;

use strongroom_crypto::RandomSource;

use crate::backup::record::{End, OrganizationRow, Record};
use crate::backup::rules::{OrganizationPlan, RestoreRules};
use crate::backup::seal::Seal;
use crate::caller::RequestInfo;
use crate::ids::{CredentialId, OrgId};
use crate::ports::backup::RestoreTarget;
use crate::ports::clock::Clock;
use crate::vault::restore::error::{RestoreError, damaged};
use crate::vault::restore::opened::OpenedBackup;
use crate::vault::restore::organization::{Comparison, OrgPass, RestoreObserver};
use crate::vault::restore::target::TargetKeys;

/// The parameters of the second pass.
struct Apply<'a> {
    plans: HashMap<OrgId, OrganizationPlan>,
    request: RequestInfo,
    clock: &'a dyn Clock,
}

/// One pass over a backup, line by line. Without a database it only verifies.
pub struct RestorePass<'a> {
    backup: &'a OpenedBackup,
    comparison: Option<Comparison<'a>>,
    only: Option<OrgId>,
    rules: RestoreRules,
    apply: Option<Apply<'a>>,
    seal: Seal,
    organization: Option<OrgPass<'a>>,
    organizations: u64,
    plans: Vec<OrganizationPlan>,
    ended: bool,
}

impl<'a> RestorePass<'a> {
    /// A pass over the lines after the header of `backup`, for the organization `only` or for all.
    #[must_use]
    pub fn new(backup: &'a OpenedBackup, only: Option<OrgId>, rules: RestoreRules) -> Self {
        Self {
            backup,
            comparison: None,
            only,
            rules,
            apply: None,
            seal: backup.seal(),
            organization: None,
            organizations: 0,
            plans: Vec::new(),
            ended: false,
        }
    }

    /// Also compares with the database `target`, and writes nothing.
    #[must_use]
    pub fn comparing(
        mut self,
        target: &'a dyn RestoreTarget,
        keys: &'a TargetKeys,
        random: &'a dyn RandomSource,
    ) -> Self {
        self.comparison = Some(Comparison {
            target,
            keys,
            random,
            undo: None,
        });
        self
    }

    /// Compares only the `credentials`, or all if none are given, to put them back as they were:
    /// [`OrganizationPlan::undo`].
    #[must_use]
    pub fn undoing(mut self, credentials: &'a [CredentialId]) -> Self {
        if let Some(comparison) = &mut self.comparison {
            comparison.undo = Some(credentials);
        }
        self
    }

    /// Restores according to `plans`, the result of an earlier pass.
    #[must_use]
    pub fn applying(
        mut self,
        plans: &[OrganizationPlan],
        request: RequestInfo,
        clock: &'a dyn Clock,
    ) -> Self {
        let plans = plans.iter().map(|plan| (OrgId(plan.org_id), plan.clone()));
        self.apply = Some(Apply {
            plans: plans.collect(),
            request,
            clock,
        });
        self
    }

    /// Processes the next line, including its line end.
    ///
    /// # Errors
    /// [`RestoreError::Damaged`] if the backup is not as written, or an error of the database.
    /// After an error, organizations that were restored before stay, and nothing of the current one
    /// does.
    pub async fn line(
        &mut self,
        line: &[u8],
        observer: &mut dyn RestoreObserver,
    ) -> Result<(), RestoreError> {
        if self.ended {
            return Err(damaged("it contains data after its end"));
        }
        let record = serde_json::from_slice(line).map_err(|_| {
            damaged(format!(
                "line {} has an unknown form",
                self.seal.lines() + 1
            ))
        })?;
        if let Record::End(end) = &record {
            return self.end(end);
        }
        self.seal.add(line);
        match (record, &mut self.organization) {
            (Record::Organization(row), None) => {
                let started = self.start(Some(row)).await?;
                self.organization = Some(started);
            }
            (Record::Installation {}, None) => {
                let started = self.start(None).await?;
                self.organization = Some(started);
            }
            (Record::OrganizationEnd(end), Some(organization)) => {
                organization.end(&end, observer).await?;
                self.finish_organization().await?;
            }
            (Record::Header(_) | Record::Organization(_) | Record::Installation {}, _)
            | (_, None) => {
                return Err(damaged("its lines are out of order"));
            }
            (record, Some(organization)) => organization.take(record, observer).await?,
        }
        Ok(())
    }

    /// Ends the pass. Returns the plan of each organization.
    ///
    /// # Errors
    /// [`RestoreError::Damaged`] if the end is missing.
    pub fn finish(self) -> Result<Vec<OrganizationPlan>, RestoreError> {
        if self.ended {
            Ok(self.plans)
        } else {
            Err(damaged("it was cut short"))
        }
    }

    async fn start(&mut self, row: Option<OrganizationRow>) -> Result<OrgPass<'a>, RestoreError> {
        let org = row
            .as_ref()
            .map_or(OrgId::INSTALLATION, |row| OrgId(row.org_id));
        let selected = self.only.is_none_or(|only| only == org);
        let writing = self.apply.as_ref().is_some_and(|apply| {
            let plan = apply.plans.get(&org);
            plan.is_some_and(|plan| plan.refused.is_none() && plan.writes(self.rules) > 0)
        });
        let needed = selected && (self.apply.is_none() || writing);
        let comparison = self.comparison.filter(|_| needed);
        OrgPass::start(self.backup, row, comparison, self.rules, writing).await
    }

    async fn finish_organization(&mut self) -> Result<(), RestoreError> {
        let Some(organization) = self.organization.take() else {
            return Ok(());
        };
        self.organizations += 1;
        let org = organization.org();
        let mut plan = organization.plan.clone();
        plan.seal = self.seal.digest();
        plan.refused = plan.refusal(self.rules);
        match &self.apply {
            None => organization.abandon().await?,
            Some(apply) => {
                // The second pass must read the same file and find the same database.
                let planned = apply.plans.get(&org);
                if planned.is_some_and(|planned| planned.seal != plan.seal) {
                    return Err(damaged("it changed between the two passes"));
                }
                let changed = planned.is_none_or(|planned| *planned != plan);
                organization
                    .finish(changed, &apply.request, apply.clock)
                    .await?;
            }
        }
        if self.only.is_none_or(|only| only == org) {
            self.plans.push(plan);
        }
        Ok(())
    }

    fn end(&mut self, end: &End) -> Result<(), RestoreError> {
        let genuine = self.organization.is_none()
            && end.organizations == self.organizations
            && end.records == self.seal.lines()
            && end.mac == self.seal.digest();
        if !genuine {
            return Err(damaged(
                "its lines were altered, removed, added or moved after they were written",
            ));
        }
        self.ended = true;
        Ok(())
    }
}
