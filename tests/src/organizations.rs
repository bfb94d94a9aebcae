//! Organizations and their API keys, made with `strongroom`, which the argument `run` runs.

use serde_json::Value;

use crate::api::Api;
use crate::command::Finished;

/// Creates an organization; returns its admin and its member, as callers of the server at `url`.
pub(crate) fn create(run: impl Fn(&[&str]) -> Finished, url: &str, name: &str) -> (Api, Api) {
    let made = run(&["org", "create", "--name", name, "--json"]).json();
    let org = made["org_id"].as_str().unwrap();
    let admin = new_key(&run, url, org, "admin");
    (admin, new_key(run, url, org, "member"))
}

/// An admin of `org` that acts in all its descendants.
pub(crate) fn root(run: impl Fn(&[&str]) -> Finished, url: &str, org: &str) -> Api {
    let args = [
        "key",
        "create",
        "--org",
        org,
        "--role",
        "admin",
        "--name",
        "root",
        "--descendants",
        "--json",
    ];
    let made = run(&args).json();
    Api::new(url, org, made["api_key"].as_str().unwrap())
}

pub(crate) fn keys(run: impl Fn(&[&str]) -> Finished, org: &str) -> Vec<Value> {
    let listed = run(&["key", "list", "--org", org, "--json"]).json();
    listed.as_array().unwrap().clone()
}

pub(crate) fn revoke(run: impl Fn(&[&str]) -> Finished, org: &str, key_id: &str) {
    run(&["key", "revoke", "--org", org, "--key", key_id]).assert_success();
}

pub(crate) fn new_key(run: impl Fn(&[&str]) -> Finished, url: &str, org: &str, role: &str) -> Api {
    let args = [
        "key", "create", "--org", org, "--role", role, "--name", role, "--json",
    ];
    let made = run(&args).json();
    Api::new(url, org, made["api_key"].as_str().unwrap())
}
