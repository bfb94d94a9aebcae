use std::sync::{Arc, OnceLock};

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use strongroom_domain::VaultError;
use utoipa_swagger_ui::Config;

use crate::error::ApiError;
use crate::openapi::failure::failure;
use crate::openapi::parameters::{in_path, parameters};
use crate::openapi::responses::responses;
use crate::openapi::schemas::{one_of, schemas, text};
use crate::routes::fallback::unknown_path;

/// Starts Swagger UI. The document's path is relative to this script's, because the page may have
/// been loaded with or without a slash at the end. The default for `validatorUrl` would send the
/// document to its makers' host.
const START: &str = r##"SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"##;

const START_NAME: &str = "start.js";
/// The files of Swagger UI that the page loads.
const FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];
/// Bytes of a file that are sent at a time.
const PART: usize = 16 * 1024;

parameters! {
    /// The name of a file.
    Name => [in_path("file", one_of(FILES.into_iter().chain([START_NAME])), "The file.")];
}

schemas! {
    /// A file's content.
    Content => text();
}

responses! {
    /// There is no such file.
    NoSuchFile => [404 failure("The page has no such file.", &[], &unknown_path())];
}

/// Serves the page's files.
#[utoipa::path(
    get, path = "/docs/{file}", operation_id = "showPageFile",
    params(Name),
    responses(
        (status = 200, description = "The file.", content(
            (inline(Content) = "text/javascript"),
            (inline(Content) = "text/css"),
            (inline(Content) = "image/png"),
        )),
        NoSuchFile,
    )
)]
pub(in crate::routes) async fn handle(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().get("file").unwrap_or_default();
    if name == START_NAME {
        return Ok(HttpResponse::Ok()
            .content_type("text/javascript")
            .body(START));
    }
    if !FILES.contains(&name) {
        return Err(unknown_path());
    }
    let file = swagger_file(name).ok_or_else(|| {
        VaultError::Internal("a file of Swagger UI is not in this program".into())
    })?;
    // In parts, so that no copy of the whole file waits for a client that does not read it.
    let parts = (0..file.bytes.len().div_ceil(PART)).map(move |nth| {
        let end = file.bytes.len().min((nth + 1) * PART);
        Ok::<_, actix_web::Error>(file.bytes.slice(nth * PART..end))
    });
    let body = SizedStream::new(file.bytes.len() as u64, stream::iter(parts));
    Ok(HttpResponse::Ok()
        .content_type(file.kind.as_str())
        .body(body))
}

struct File {
    kind: String,
    bytes: Bytes,
}

/// One of [`FILES`], unpacked on first use.
fn swagger_file(name: &str) -> Option<&'static File> {
    static UNPACKED: [OnceLock<Option<File>>; FILES.len()] =
        [const { OnceLock::new() }; FILES.len()];
    let at = FILES.iter().position(|file| *file == name)?;
    let unpack = || {
        let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("openapi.json")));
        let file = file.ok().flatten()?;
        Some(File {
            kind: file.content_type,
            bytes: Bytes::from(file.bytes.into_owned()),
        })
    };
    UNPACKED[at].get_or_init(unpack).as_ref()
}
