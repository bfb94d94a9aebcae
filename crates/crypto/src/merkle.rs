//! Merkle trees over SHA-256 (RFC 9162 § 2.1).

use sha2::{Digest as _, Sha256};

use crate::mac::Digest;

/// A tree over leaves.
#[derive(Debug)]
pub struct MerkleTree {
    /// From the hashes of the leaves up to the root, with two nodes of a level under each of the
    /// next. An odd last node is in the next level as well, unchanged.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// The tree over `leaves` (RFC 9162 § 2.1.1).
    #[must_use]
    pub fn of(leaves: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        let hashes = leaves.into_iter().map(|leaf| hash_leaf(leaf.as_ref()));
        let mut levels = Vec::new();
        let mut level: Vec<Digest> = hashes.collect();
        while level.len() > 1 {
            let next = level.chunks(2).map(|pair| match pair {
                [left, right] => hash_node(left, right),
                alone => alone[0],
            });
            let next = next.collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root: for no leaf, the digest of an empty string.
    #[must_use]
    pub fn root(&self) -> Digest {
        let root = self.levels.last().and_then(|level| level.first());
        root.copied().unwrap_or_else(|| Sha256::digest(b"").into())
    }

    /// The inclusion proof of the leaf number `index`, from 0: the digests beside its way to the
    /// root, from the leaf on (RFC 9162 § 2.1.3.1).
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Digest> {
        let levels = self.levels.iter().enumerate();
        let beside = levels.filter_map(|(height, level)| level.get((index >> height) ^ 1));
        beside.copied().collect()
    }
}

/// Whether `leaf` is the leaf number `index`, from 0, of the tree with `leaves` leaves and the root
/// `root`, according to its `path` (RFC 9162 § 2.1.3.2).
#[must_use]
pub fn is_included(leaf: &[u8], index: u64, leaves: u64, path: &[Digest], root: &Digest) -> bool {
    if index >= leaves {
        return false;
    }
    let (mut number, mut last) = (index, leaves - 1);
    let mut hash = hash_leaf(leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if number % 2 == 1 || number == last {
            hash = hash_node(beside, &hash);
            while number % 2 == 0 && number != 0 {
                number /= 2;
                last /= 2;
            }
        } else {
            hash = hash_node(&hash, beside);
        }
        number /= 2;
        last /= 2;
    }
    last == 0 && hash == *root
}

// The prefixes keep a leaf from being taken for an inner node.
fn hash_leaf(leaf: &[u8]) -> Digest {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

fn hash_node(left: &Digest, right: &Digest) -> Digest {
    let hash = Sha256::new().chain_update([1]).chain_update(left);
    hash.chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The leaves and roots of the tests of Certificate Transparency's reference implementation.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [(usize, &str); 5] = [
        (
            0,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            1,
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            2,
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            3,
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            8,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        let decode = |leaf: &&str| HEXLOWER.decode(leaf.as_bytes()).unwrap();
        LEAVES.iter().take(count).map(decode).collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        for (count, root) in ROOTS {
            let tree = MerkleTree::of(leaves(count));
            assert_eq!(HEXLOWER.encode(&tree.root()), root, "{count} leaves");
        }
    }

    #[test]
    fn each_leaf_is_included_in_its_place_alone() {
        for count in 1..=LEAVES.len() {
            let leaves = leaves(count);
            let tree = MerkleTree::of(&leaves);
            for (number, leaf) in leaves.iter().enumerate() {
                let path = &tree.path(number);
                let (index, size) = (number as u64, count as u64);
                assert!(is_included(leaf, index, size, path, &tree.root()));
                assert!(!is_included(b"other", index, size, path, &tree.root()));
                assert!(!is_included(leaf, index, size, path, &[0; 32]));
                assert!(!is_included(leaf, index + 1, size, path, &tree.root()));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!is_included(leaf, index, size, shorter, &tree.root()));
                }
                let longer = [path.as_slice(), &[[7; 32]]].concat();
                assert!(!is_included(leaf, index, size, &longer, &tree.root()));
            }
        }
    }
}
