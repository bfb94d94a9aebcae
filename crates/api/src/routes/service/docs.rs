use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};

use crate::openapi::schemas::{schemas, text};

/// The page loads and sends nothing elsewhere. Swagger UI contains inline styles and images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page, whose files are in the folder `$files`. The paths are relative, so that the page also
/// works behind a proxy that adds a prefix.
macro_rules! page {
    ($files:literal) => {
        concat!(
            r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Strongroom</title>
    <link rel="stylesheet" href=""#,
            $files,
            r#"swagger-ui.css">
    <link rel="icon" type="image/png" href=""#,
            $files,
            r#"favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src=""#,
            $files,
            r#"swagger-ui-bundle.js"></script>
    <script src=""#,
            $files,
            r#"start.js"></script>
  </body>
</html>
"#
        )
    };
}

schemas! {
    /// A page.
    Page => text();
}

/// Shows this document in Swagger UI.
#[utoipa::path(
    get, path = "/docs", operation_id = "showPage",
    responses((
        status = 200, description = "A page that loads nothing from elsewhere.",
        content_type = "text/html", body = inline(Page),
        headers(("Content-Security-Policy" = String)),
    ))
)]
pub(in crate::routes) async fn handle() -> HttpResponse {
    page(page!("docs/"))
}

fn page(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}

/// The same with a slash at the end.
pub(in crate::routes) mod slash {
    use actix_web::HttpResponse;

    use super::Page;

    /// Shows this document in Swagger UI, as `/docs` does.
    #[utoipa::path(
        get, path = "/docs/", operation_id = "showPageWithSlash",
        responses((
            status = 200, description = "A page that loads nothing from elsewhere.",
            content_type = "text/html", body = inline(Page),
            headers(("Content-Security-Policy" = String)),
        ))
    )]
    pub(in crate::routes) async fn handle() -> HttpResponse {
        super::page(page!(""))
    }
}
