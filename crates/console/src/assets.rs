//! The files of the console: style and script.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::error::PageError;
use crate::paths::CONSOLE;

/// Characters of a hash in a path.
const HASH: usize = 16;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
    hash: String,
}

/// Where the pages find their files.
pub(crate) struct AssetPaths {
    pub(crate) style: String,
    pub(crate) htmx: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    let script = "text/javascript; charset=utf-8";
    let asset = |name, kind, content| Asset {
        name,
        kind,
        content,
        hash: HEXLOWER.encode(&Sha256::digest(content))[..HASH].to_owned(),
    };
    [
        asset(
            "console.css",
            "text/css; charset=utf-8",
            include_bytes!("../assets/console.css").as_slice(),
        ),
        asset(
            "htmx.js",
            script,
            include_bytes!("../assets/htmx-2.0.11.min.js"),
        ),
        asset("console.js", script, include_bytes!("../assets/console.js")),
        asset(
            "icon.svg",
            "image/svg+xml",
            include_bytes!("../assets/icon.svg"),
        ),
    ]
});

/// The paths of the files, made once.
pub(crate) static PATHS: LazyLock<AssetPaths> = LazyLock::new(|| {
    let [style, htmx, script, icon] = &*ASSETS;
    let path = |asset: &Asset| format!("{CONSOLE}/assets/{}/{}", asset.hash, asset.name);
    AssetPaths {
        style: path(style),
        htmx: path(htmx),
        script: path(script),
        icon: path(icon),
    }
});

/// Answers a file.
pub(crate) async fn handle(request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (name, hash) = (part(&request, "name"), part(&request, "hash"));
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(PageError::unknown_path)?;
    // While servers are replaced, a page of one may load the file of another.
    let cached = match hash == asset.hash {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let tag = format!("\"{}\"", asset.hash);
    let sent = request.headers().get(IF_NONE_MATCH);
    let is_same = sent.is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    let mut response = match is_same {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, cached))
        .insert_header((CONTENT_TYPE, asset.kind));
    Ok(match is_same {
        true => response.finish(),
        false => response.body(asset.content),
    })
}

fn part<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.match_info().get(name).unwrap_or_default()
}
