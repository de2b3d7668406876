//! GraphiQL for browsers: one page at `/graphql`, and what it loads, from the binary.
//!
//! `page/` is its source, `built/` what npm made of it; a test holds that they belong together. The page loads
//! nothing from any other host, and its policy would not let it.

mod asset;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use self::asset::{Asset, Kind};

/// The page; names of its assets in double braces.
const PAGE: &str = include_str!("page/src/page.html");

/// Scripts and styles from this server alone; images also from the style sheet itself. `connect-src` covers the
/// socket. Nobody may frame the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its assets.
struct Graphiql {
    page: String,
    assets: Vec<Asset>,
}

/// The routes of the API, with the page for who prefers it, and its assets.
pub fn beside(api: Router) -> Router {
    let graphiql = Arc::new(Graphiql::built());
    let assets = Router::new().route("/graphql/assets/{name}", get(asset)).with_state(Arc::clone(&graphiql));
    api.layer(middleware::from_fn_with_state(graphiql, page_or_api)).merge(assets)
}

impl Graphiql {
    /// What the binary carries.
    fn built() -> Self {
        let assets = vec![
            Asset::packed("graphiql", Kind::Script, include_bytes!("built/graphiql.js.gz")),
            Asset::packed("graphiql", Kind::Style, include_bytes!("built/graphiql.css.gz")),
            Asset::plain("licenses.txt", include_bytes!("built/licenses.txt")),
        ];
        let named = |page: String, asset: &Asset| page.replace(&asset.placeholder, &asset.name);
        let page = assets.iter().fold(PAGE.to_owned(), named);
        Self { page, assets }
    }
}

async fn page_or_api(State(graphiql): State<Arc<Graphiql>>, request: Request, next: Next) -> Response {
    if !is_browser(&request) {
        return next.run(request).await;
    }
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept"),
    ];
    (headers, Html(graphiql.page.clone())).into_response()
}

async fn asset(
    State(graphiql): State<Arc<Graphiql>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match graphiql.assets.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(&headers),
        None => (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({ "error": "nothing is here" })))
            .into_response(),
    }
}

/// Whether somebody opened the address in a browser: a GET without a query that would rather have HTML than anything
/// the API says. What only accepts everything is a program.
fn is_browser(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::GET
        && !request.headers().contains_key(header::UPGRADE)
        && !query.split('&').any(|parameter| parameter.starts_with("query="))
        && prefers_html(request.headers())
}

fn prefers_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut html, mut api) = (0.0f32, 0.0f32);
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let best = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => &mut html,
            "application/json" | "application/graphql-response+json" | "text/event-stream" => &mut api,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        *best = best.max(quality);
    }
    html > api
}
