use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};

use super::fallback::unknown_path;
use crate::document::{failure, responses, schemas, text};

/// The page loads nothing from elsewhere and talks to nobody else. Swagger UI sets styles and shows images that
/// stand in its own code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Its paths are relative, so that it also works behind a proxy that adds a prefix.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Strongroom</title>
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
"#;

schemas! {
    /// A file's content.
    Content => text();
}

/// Shows this document to people, with Swagger UI.
#[utoipa::path(
    get, path = "/docs", operation_id = "showPage",
    responses((
        status = 200, description = "A page that loads nothing from elsewhere.",
        content_type = "text/html", body = inline(Content),
        headers(("Content-Security-Policy" = String)),
    ))
)]
pub(super) async fn handle() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(PAGE)
}

responses! {
    /// There is no such file.
    NoSuchFile => [404 failure("The page has no such file.", &[], &unknown_path())];
}

/// The page's own files.
pub(super) mod file {
    use std::sync::{Arc, OnceLock};

    use actix_web::body::SizedStream;
    use actix_web::web::Bytes;
    use actix_web::{HttpRequest, HttpResponse};
    use futures_util::stream;
    use strongroom_domain::VaultError;
    use utoipa_swagger_ui::Config;

    use super::Content;
    use crate::document::{in_path, one_of, parameters};
    use crate::error::ApiError;
    use crate::routes::fallback::unknown_path;

    /// Starts Swagger UI. Its default for `validatorUrl` would send the document to a host of its makers.
    const START: &str = r##"SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"##;

    const START_NAME: &str = "start.js";
    /// Those of Swagger UI's files that the page loads.
    const FILES: [&str; 3] = [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "favicon-32x32.png",
    ];

    parameters! {
        /// A file's name.
        Name => [in_path("file", one_of(FILES.into_iter().chain([START_NAME])), "The file.")];
    }

    /// Serves the page's files.
    #[utoipa::path(
        get, path = "/docs/{file}", operation_id = "showPageFile",
        params(Name),
        responses(
            (status = 200, description = "The file.", content(
                (inline(Content) = "text/javascript"), (inline(Content) = "text/css"), (inline(Content) = "image/png"),
            )),
            super::NoSuchFile,
        )
    )]
    pub(crate) async fn handle(request: HttpRequest) -> Result<HttpResponse, ApiError> {
        let name = request.match_info().get("file").unwrap_or_default();
        if name == START_NAME {
            return Ok(HttpResponse::Ok()
                .content_type("text/javascript")
                .body(START));
        }
        if !FILES.contains(&name) {
            return Err(unknown_path());
        }
        let file = kept(name).ok_or_else(|| {
            VaultError::Internal("a file of Swagger UI is not in this program".into())
        })?;
        // In parts, so that a client who does not take them holds no copy of the whole.
        let parts = (0..file.bytes.len().div_ceil(PART)).map(move |nth| {
            let end = file.bytes.len().min((nth + 1) * PART);
            Ok::<_, actix_web::Error>(file.bytes.slice(nth * PART..end))
        });
        let body = SizedStream::new(file.bytes.len() as u64, stream::iter(parts));
        Ok(HttpResponse::Ok()
            .content_type(file.kind.as_str())
            .body(body))
    }

    /// Bytes of a file that are handed on at a time.
    const PART: usize = 16 * 1024;

    struct File {
        kind: String,
        bytes: Bytes,
    }

    /// One of [`FILES`], read once.
    fn kept(name: &str) -> Option<&'static File> {
        static KEPT: [OnceLock<Option<File>>; FILES.len()] =
            [const { OnceLock::new() }; FILES.len()];
        let at = FILES.iter().position(|file| *file == name)?;
        let read = || {
            let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("openapi.json")));
            let file = file.ok().flatten()?;
            Some(File {
                kind: file.content_type,
                bytes: Bytes::from(file.bytes.into_owned()),
            })
        };
        KEPT[at].get_or_init(read).as_ref()
    }
}
