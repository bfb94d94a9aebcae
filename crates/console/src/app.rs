//! Puts the console together: its routes, its header fields, and the format of its errors.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard;
use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse, Route};
use futures_util::future::ready;
use strongroom_web::client_ip::is_https;
use strongroom_web::metrics::http::HttpMetrics;
use strongroom_web::settings::WebSettings;
use strongroom_web::surface::Surface;

use crate::error::PageError;
use crate::flash::Flash;
use crate::headers::protect;
use crate::pages::audit::{event, export, trail, verification};
use crate::pages::credentials::{
    change, create, delete, detail, list, policy_delete, relay_policy, reveal, versions,
};
use crate::pages::settings::{form, rotation};
use crate::pages::{clients, home, keys, overview, sessions, sign_in, sign_out, system, tenants};
use crate::session::NoSession;
use crate::{assets, cookie, paths};

/// Where the console is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// Beside the API.
    Shared,
    /// On a listener of its own.
    Own,
}

/// The console's routes and the format of its errors, for the server.
#[must_use]
pub fn surface(listener: Listener) -> Surface {
    let operations = routes().into_iter();
    Surface {
        prefix: paths::CONSOLE,
        own_listener: listener == Listener::Own,
        operations: operations
            .map(|(path, method, _)| (path.to_owned(), method))
            .collect(),
        configure: match listener {
            Listener::Shared => configure,
            Listener::Own => configure_alone,
        },
        configure_metrics: |_, _| (),
        render: |_, is_https, refusal| PageError::refused(refusal, is_https).into(),
        error_code,
    }
}

/// A route for reads: what answers GET answers HEAD, too (RFC 9110 § 9.1).
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

type Routes = Vec<(&'static str, Method, Route)>;

fn routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    let mut routes = vec![
        get(paths::CONSOLE, read().to(home::handle)),
        get(paths::SIGN_IN, read().to(sign_in::show)),
        post(paths::SIGN_IN, web::post().to(sign_in::sign_in)),
        post(paths::SIGN_OUT, web::post().to(sign_out::sign_out)),
        post(
            paths::CLOSE_SESSIONS,
            web::post().to(sign_out::close_sessions),
        ),
        get(paths::SESSIONS, read().to(sessions::handle)),
        post(paths::END_SESSION, web::post().to(sessions::end)),
        get(paths::ASSET, read().to(assets::handle)),
        get(paths::ORGANIZATION, read().to(overview::handle)),
    ];
    routes.extend(credential_routes());
    routes.extend(key_routes());
    routes.extend(tenant_routes());
    routes.extend(audit_routes());
    routes.extend(settings_routes());
    routes
}

fn audit_routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    vec![
        get(paths::AUDIT, read().to(trail::handle)),
        get(paths::AUDIT_EXPORT, read().to(export::handle)),
        get(paths::AUDIT_EVENT, read().to(event::handle)),
        post(paths::VERIFICATIONS, web::post().to(verification::begin)),
        get(paths::VERIFICATION, read().to(verification::show)),
    ]
}

fn settings_routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    vec![
        get(paths::SETTINGS, read().to(form::show)),
        post(paths::SETTINGS, web::post().to(form::change)),
        get(paths::NEW_ROTATION, read().to(rotation::show)),
        post(paths::ROTATIONS, web::post().to(rotation::start)),
        get(paths::SYSTEM, read().to(system::handle)),
    ]
}

fn credential_routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    vec![
        get(paths::CREDENTIALS, read().to(list::handle)),
        post(paths::CREDENTIALS, web::post().to(create::create)),
        get(paths::NEW_CREDENTIAL, read().to(create::show)),
        get(paths::CREDENTIAL, read().to(detail::handle)),
        post(paths::REVEAL, web::post().to(reveal::handle)),
        get(paths::EDIT, read().to(change::show)),
        post(paths::EDIT, web::post().to(change::change)),
        post(paths::DELETE, web::post().to(delete::delete)),
        post(paths::RESTORE, web::post().to(delete::restore)),
        post(paths::PROMOTE, web::post().to(versions::promote)),
        get(paths::DESTROY, read().to(versions::ask)),
        post(paths::DESTROY, web::post().to(versions::destroy)),
        get(paths::POLICY, read().to(relay_policy::show)),
        get(paths::POLICY_DELETE, read().to(policy_delete::ask)),
        post(paths::POLICY, web::post().to(relay_policy::put)),
        post(paths::POLICY_DELETE, web::post().to(relay_policy::delete)),
        post(paths::POLICY_TEST, web::post().to(relay_policy::test)),
    ]
}

fn key_routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    vec![
        get(paths::KEYS, read().to(keys::list::handle)),
        get(paths::NEW_KEY, read().to(keys::issue::show)),
        post(paths::NEW_KEY, web::post().to(keys::issue::issue)),
        get(paths::END_KEY, read().to(keys::end::show)),
        post(paths::END_KEY, web::post().to(keys::end::end)),
        post(
            paths::KEY_SESSIONS,
            web::post().to(keys::end::close_sessions),
        ),
        get(paths::CLIENTS, read().to(clients::list::handle)),
        get(paths::NEW_CLIENT, read().to(clients::create::show)),
        post(paths::NEW_CLIENT, web::post().to(clients::create::create)),
        get(paths::CLIENT, read().to(clients::change::show)),
        post(paths::CLIENT, web::post().to(clients::change::change)),
        post(
            paths::CLIENT_SESSIONS,
            web::post().to(clients::change::close_sessions),
        ),
        get(paths::CLIENT_SECRET, read().to(clients::secret::show)),
        post(
            paths::CLIENT_SECRET,
            web::post().to(clients::secret::replace),
        ),
        get(paths::DELETE_CLIENT, read().to(clients::delete::show)),
        post(
            paths::DELETE_CLIENT,
            web::post().to(clients::delete::delete),
        ),
    ]
}

fn tenant_routes() -> Routes {
    let get = |path, route: Route| (path, Method::GET, route);
    let post = |path, route: Route| (path, Method::POST, route);
    vec![
        get(paths::TENANTS, read().to(tenants::list::handle)),
        get(paths::NEW_TENANT, read().to(tenants::create::show)),
        post(paths::NEW_TENANT, web::post().to(tenants::create::create)),
        get(paths::TENANT, read().to(tenants::rename::show)),
        post(paths::TENANT, web::post().to(tenants::rename::rename)),
        get(paths::DELETE_TENANT, read().to(tenants::delete::show)),
        post(
            paths::DELETE_TENANT,
            web::post().to(tenants::delete::delete),
        ),
        post(
            paths::RESTORE_TENANT,
            web::post().to(tenants::delete::restore),
        ),
    ]
}

fn configure(config: &mut ServiceConfig, _: &WebSettings, metrics: &HttpMetrics) {
    let scope = web::scope(paths::CONSOLE)
        .wrap(from_fn(protected))
        .default_service(web::to(without_slash));
    let mut by_path: Vec<(&str, Vec<(Method, Route)>)> = Vec::new();
    for (path, method, route) in routes() {
        match by_path.iter_mut().find(|(known, _)| *known == path) {
            Some((_, routes)) => routes.push((method, route)),
            None => by_path.push((path, vec![(method, route)])),
        }
    }
    let scope = by_path.into_iter().fold(scope, |scope, (path, routes)| {
        let below = path.strip_prefix(paths::CONSOLE).unwrap_or(path);
        let allowed = allowed(routes.iter().map(|(method, _)| method));
        let refuse = move || ready(Err::<&str, _>(PageError::method_not_allowed(allowed)));
        let resource = web::resource(below)
            .app_data(metrics.route(path))
            .default_service(web::to(refuse));
        let routes = routes.into_iter().map(|(_, route)| route);
        scope.service(routes.fold(resource, actix_web::Resource::route))
    });
    config.service(scope);
}

fn configure_alone(config: &mut ServiceConfig, settings: &WebSettings, metrics: &HttpMetrics) {
    configure(config, settings, metrics);
    config.service(web::redirect("/", paths::CONSOLE));
    config.default_service(web::to(not_found));
}

async fn protected(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_https = is_https(request.request());
    let mut response = next.call(request).await?;
    let flash = response.response().extensions().get::<Flash>().copied();
    if let Some(flash) = flash {
        let request = response.request().clone();
        cookie::set_flash(&request, response.headers_mut(), Some(flash.word()));
    }
    protect(response.headers_mut(), is_https);
    Ok(response)
}

async fn not_found() -> Result<&'static str, PageError> {
    Err(PageError::unknown_path())
}

/// Leads from a path with a slash at its end to the one without it.
async fn without_slash(request: HttpRequest) -> Result<HttpResponse, PageError> {
    let path = request.path().trim_end_matches('/');
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    if !is_read || path == request.path() || !path.starts_with(paths::CONSOLE) {
        return Err(PageError::unknown_path());
    }
    let query = request.uri().query();
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, format!("{path}{query}")))
        .finish())
}

/// The value of `Allow` for a path with these methods.
fn allowed<'a>(methods: impl Iterator<Item = &'a Method>) -> &'static str {
    let methods: Vec<_> = methods.collect();
    match (
        methods.contains(&&Method::GET),
        methods.contains(&&Method::POST),
    ) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        _ => "POST",
    }
}

fn error_code(error: &Error) -> Option<&'static str> {
    if let Some(NoSession::Error(error)) = error.as_error() {
        return Some(error.code());
    }
    error.as_error::<PageError>().map(PageError::code)
}
