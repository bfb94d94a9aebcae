//! Tenants in the order of a tree.

use std::collections::{HashMap, HashSet};

use strongroom_domain::OrgId;
use strongroom_domain::organization::Organization;

/// A tenant, and its place.
pub(super) struct Node {
    pub(super) organization: Organization,
    /// 1 for a child of the organization that the page is about.
    pub(super) depth: usize,
    /// The names of those above it, from the top.
    pub(super) above: Vec<String>,
}

/// `organizations` with each parent before its children, and siblings by name.
pub(super) fn tree(organizations: Vec<Organization>) -> Vec<Node> {
    let ids: HashSet<OrgId> = organizations.iter().map(|one| one.id).collect();
    let mut children: HashMap<Option<OrgId>, Vec<Organization>> = HashMap::new();
    for one in organizations {
        let parent = one.parent.filter(|parent| ids.contains(parent));
        children.entry(parent).or_default().push(one);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_cached_key(|one| (one.name.to_lowercase(), one.id));
    }
    let mut nodes = Vec::with_capacity(ids.len());
    let mut waiting = below(&mut children, None, &[]);
    while let Some(node) = waiting.pop() {
        let mut names = node.above.clone();
        names.push(node.organization.name.clone());
        waiting.extend(below(&mut children, Some(node.organization.id), &names));
        nodes.push(node);
    }
    nodes
}

/// The children of `parent`, the last first.
fn below(
    children: &mut HashMap<Option<OrgId>, Vec<Organization>>,
    parent: Option<OrgId>,
    above: &[String],
) -> Vec<Node> {
    let found = children.remove(&parent).unwrap_or_default();
    let node = |organization| Node {
        organization,
        depth: above.len() + 1,
        above: above.to_vec(),
    };
    found.into_iter().rev().map(node).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn parents_stand_before_children_and_siblings_by_name() {
        let id = |last: u8| {
            let text = format!("0190a1b2-0000-7000-8000-0000000000{last:02}");
            OrgId::parse(&text).unwrap()
        };
        let one = |last, name: &str, parent| Organization {
            id: id(last),
            name: name.to_owned(),
            parent: Some(id(parent)),
            created_at: DateTime::UNIX_EPOCH,
            deleted_at: None,
            destroy_after: None,
            destroyed_at: None,
        };
        let all = vec![
            one(1, "b", 99),
            one(2, "x", 3),
            one(3, "A", 99),
            one(4, "c", 1),
            one(5, "a", 1),
        ];
        let found = tree(all);
        let found: Vec<_> = found
            .iter()
            .map(|node| {
                (
                    node.depth,
                    node.above.join("/") + "/" + &node.organization.name,
                )
            })
            .collect();
        let wanted = [(1, "/A"), (2, "A/x"), (1, "/b"), (2, "b/a"), (2, "b/c")];
        assert_eq!(found, wanted.map(|(depth, path)| (depth, path.to_owned())));
    }
}
