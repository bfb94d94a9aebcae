//! The list of routes.

use std::collections::BTreeMap;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::web::ServiceConfig;
use actix_web::{FromRequest, Responder, Route, web};
use strongroom_domain::permission::Permission::{
    AuditRead, CredentialsDelete, CredentialsList, CredentialsReveal, CredentialsUse,
    CredentialsWrite, KeysManage, OrganizationsManage,
};
use strongroom_web::metrics::http::HttpMetrics;
use utoipa::Path;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

use crate::openapi::document::PLAIN_TAG;
use crate::paths::{CREDENTIAL, CREDENTIAL_BY_LABEL, CREDENTIALS, RELAY};
use crate::routes::access::Access::{
    AnyKey, Client, Needs, NeedsEither, NeedsOnDeleted, NeedsOrAnonymous, Public,
};
use crate::routes::access::{Access, PathAccess};
use crate::routes::control::{
    create_api_key, create_suborganization, delete_api_key, delete_organization, get_config,
    get_organization, list_api_keys, list_suborganizations, replace_api_key, restore_organization,
    start_rotation, update_config, update_organization,
};
use crate::routes::described::{Described, method};
use crate::routes::fallback;
use crate::routes::lifecycle::{
    destroy_version, get_adoption, list_versions, promote_version, restore_credential,
};
use crate::routes::oauth::{
    create_client, delete_client, get_client, introspect_token, issue_token, list_clients,
    replace_secret, revoke_token, update_client,
};
use crate::routes::pieces::{create, delete, update};
use crate::routes::relay::{
    delete_policy, get_policy, mint_token, put_policy, test_policy, use_credential,
};
use crate::routes::service::{docs, docs_file, healthz, metrics, openapi_json, readyz};
use crate::routes::slashid::{
    create_credential, delete_credentials, get_operation, list_audit_events, list_credentials,
    list_rotations, reveal_by_label, reveal_credential, update_credential,
};

/// Paths that are matched before all others. Patterns are tried one after the other, and these have
/// the most requests. A label may look like a path of the relay, so its pattern precedes.
const FIRST: [&str; 4] = [CREDENTIALS, CREDENTIAL, CREDENTIAL_BY_LABEL, RELAY];

/// Adds each module's `handle` and its annotation to the routes, under a tag of the document, with
/// who may call it.
macro_rules! routes {
    ($routes:expr, $($tag:expr => [$($($module:ident)::+ => $access:expr),+ $(,)?])+) => {
        $routes$($(.add(
            ($tag, $access),
            $($module)::+::__path_handle,
            $($module)::+::handle,
        ))+)+
    };
}

/// Every route of the service.
pub(crate) fn all() -> Routes {
    service(control_plane(credentials(Routes::default())))
}

fn credentials(routes: Routes) -> Routes {
    routes! {
        routes,
        "credentials" => [
            list_credentials => Needs(CredentialsList),
            create_credential => Needs(CredentialsWrite),
            delete_credentials => Needs(CredentialsDelete),
            reveal_credential => Needs(CredentialsReveal),
            update_credential => Needs(CredentialsWrite),
            reveal_by_label => Needs(CredentialsReveal),
            list_versions => Needs(CredentialsList),
            promote_version => Needs(CredentialsWrite),
            destroy_version => Needs(CredentialsWrite),
            get_adoption => Needs(CredentialsList),
            restore_credential => Needs(CredentialsWrite),
            get_policy => NeedsEither(CredentialsWrite, CredentialsUse),
            put_policy => Needs(CredentialsWrite),
            delete_policy => Needs(CredentialsWrite),
            test_policy => Needs(CredentialsWrite),
            use_credential => Needs(CredentialsUse),
            mint_token => Needs(CredentialsUse),
        ]
        PLAIN_TAG => [
            create => NeedsOrAnonymous(CredentialsWrite),
            update => NeedsOrAnonymous(CredentialsWrite),
            delete => NeedsOrAnonymous(CredentialsDelete),
        ]
    }
}

fn control_plane(routes: Routes) -> Routes {
    routes! {
        routes,
        "organization" => [
            get_organization => AnyKey,
            update_organization => Needs(OrganizationsManage),
            delete_organization => Needs(OrganizationsManage),
            restore_organization => NeedsOnDeleted(OrganizationsManage),
            list_suborganizations => AnyKey,
            create_suborganization => Needs(OrganizationsManage),
            get_config => AnyKey,
            update_config => Needs(OrganizationsManage),
            list_audit_events => Needs(AuditRead),
            list_rotations => Needs(OrganizationsManage),
            start_rotation => Needs(OrganizationsManage),
            get_operation => AnyKey,
        ]
        "api keys" => [
            list_api_keys => Needs(KeysManage),
            create_api_key => Needs(KeysManage),
            replace_api_key => Needs(KeysManage),
            delete_api_key => Needs(KeysManage),
        ]
        "oauth2" => [
            create_client => Needs(KeysManage),
            list_clients => AnyKey,
            get_client => AnyKey,
            update_client => Needs(KeysManage),
            delete_client => Needs(KeysManage),
            replace_secret => Needs(KeysManage),
            issue_token => Client,
            introspect_token => Client,
            revoke_token => Client,
        ]
    }
}

fn service(routes: Routes) -> Routes {
    routes! {
        routes,
        "service" => [
            healthz => Public,
            healthz::head => Public,
            readyz => Public,
            readyz::head => Public,
            metrics => Public,
            openapi_json => Public,
            docs => Public,
            docs::slash => Public,
            docs_file => Public,
        ]
    }
}

/// Routes of the service. The path and the method of each come from its handler's annotation, so a
/// route cannot be served without being described, or described without being served.
#[derive(Default)]
pub(crate) struct Routes {
    served: BTreeMap<String, Vec<(Method, Route, Access)>>,
    described: Vec<Described>,
}

impl Routes {
    /// Adds the operation `P`, which `handler` executes, under `tag`, for callers with `access`.
    fn add<P, H, A>(mut self, (tag, access): (&str, Access), _: P, handler: H) -> Self
    where
        P: Path,
        H: Handler<A>,
        A: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let methods = P::methods();
        for described in &methods {
            let method = method(described);
            let route = web::method(method.clone()).to(handler.clone());
            self.served
                .entry(P::path())
                .or_default()
                .push((method, route, access));
            self.described.push(Described {
                path: P::path(),
                method: described.clone(),
                tag: tag.to_owned(),
                access,
                is_one_of_several: methods.len() > 1,
                annotation: P::operation,
            });
        }
        self
    }

    /// The path and method of every operation.
    pub(crate) fn operations(&self) -> Vec<(String, Method)> {
        let operations = self.described.iter();
        operations
            .map(|one| (one.path.clone(), method(&one.method)))
            .collect()
    }

    /// Who may call each operation, by path and method.
    #[cfg(test)]
    pub(super) fn access(&self) -> impl Iterator<Item = (&str, Method, Access)> {
        self.served.iter().flat_map(|(path, methods)| {
            let methods = methods.iter();
            methods.map(move |(method, _, access)| (path.as_str(), method.clone(), *access))
        })
    }

    /// Every operation with its path and method, made one after the other.
    pub(crate) fn described(self) -> impl Iterator<Item = (String, HttpMethod, Operation)> {
        let described = self.described.into_iter();
        described.map(|one| {
            let operation = one.operation();
            (one.path, one.method, operation)
        })
    }

    /// Removes the routes at `paths`, and their descriptions.
    pub(crate) fn without(mut self, paths: &[&str]) -> Self {
        self.served
            .retain(|served, _| !paths.contains(&served.as_str()));
        self.described
            .retain(|described| !paths.contains(&described.path.as_str()));
        self
    }

    /// Removes all routes but those at `path`.
    pub(crate) fn only(mut self, path: &str) -> Self {
        self.served.retain(|served, _| served == path);
        self
    }

    /// Serves the routes and counts their requests on `metrics`. Any other method of a path is
    /// answered 405, and any other path 404.
    pub(crate) fn serve(mut self, config: &mut ServiceConfig, metrics: &HttpMetrics) {
        let first: Vec<_> = FIRST
            .iter()
            .filter_map(|path| self.served.remove_entry(*path))
            .collect();
        for (path, routes) in first.into_iter().chain(self.served) {
            let methods: Vec<_> = routes.iter().map(|(method, ..)| method.as_str()).collect();
            let refused = fallback::method_not_allowed(methods.join(", "));
            let metrics = metrics.route(&path);
            let access = routes
                .iter()
                .map(|(method, _, access)| (method.clone(), *access));
            let resource = web::resource(pattern(&path))
                .app_data(metrics)
                .app_data(PathAccess::new(access));
            let resource = resource.default_service(refused);
            let resource = routes
                .into_iter()
                .fold(resource, |resource, (_, route, _)| resource.route(route));
            config.service(resource);
        }
        config.default_service(web::to(fallback::not_found));
    }
}

/// The pattern of a path. A label and a path may contain slashes.
fn pattern(path: &str) -> String {
    let path = path.replace("{label}", "{label:.*}");
    path.replace("{path}", "{path:.*}")
}
