//! The document around the page, on the server.
//!
//! Two forms: [`page_html`] with a public page in it, which the browser's program takes over,
//! and [`shell_html`], the same for everybody and every address, which it mounts on. Neither
//! holds anything of a person, nor a script or a style of its own, so both may be kept by the
//! service worker and stand under a policy that allows only files of this build.

use crate::{App, words};
use leptos::prelude::*;
use leptos_router::location::RequestUrl;

/// The theme's background, light and dark, for the browser's own bars.
const PAPER: [(&str, &str); 2] = [("light", "#fcfaf6"), ("dark", "#13100d")];

/// The public page at this path (`/` or one below `/auth`), rendered.
#[must_use]
pub fn page_html(build: &str, path: &str) -> String {
    let owner = Owner::new_root(None);
    let body = owner.with(|| {
        provide_context(RequestUrl::new(path));
        view! { <App /> }.to_html()
    });
    owner.unset_with_forced_cleanup();
    document(build, &title_of(path), "", &body)
}

/// The document that belongs to no address: its body is empty.
#[must_use]
pub fn shell_html(build: &str) -> String {
    document(build, words::NAME, " data-shell", "")
}

fn title_of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    words::document_title(match path {
        "/auth/login" => words::SIGN_IN,
        "/auth/register" => words::SIGN_UP,
        "/auth/forgot" => words::settings::FORGOT_TITLE,
        "/auth/reset" => words::settings::RESET_TITLE,
        _ => words::NAME,
    })
}

fn document(build: &str, title: &str, mark: &str, body: &str) -> String {
    let description = words::DESCRIPTION;
    let themes: String = PAPER
        .iter()
        .map(|(scheme, colour)| {
            format!(
                "<meta name=\"theme-color\" media=\"(prefers-color-scheme: {scheme})\" content=\"{colour}\">\n"
            )
        })
        .collect();
    // `theme.js` is the one script that the first paint waits for: it is a few lines long and
    // keeps the page from blinking in the wrong theme.
    format!(
        r#"<!DOCTYPE html>
<html lang="en" data-build="{build}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<title>{title}</title>
<meta name="description" content="{description}">
{themes}<script src="/b/{build}/theme.js"></script>
<link rel="stylesheet" href="/b/{build}/pkg/daybook.css">
<link rel="preload" as="font" type="font/woff2" href="/b/{build}/fonts/literata.woff2" crossorigin>
<link rel="modulepreload" href="/b/{build}/pkg/daybook.js">
<link rel="preload" as="fetch" type="application/wasm" href="/b/{build}/pkg/daybook.wasm" crossorigin>
<script type="module" src="/b/{build}/boot.js"></script>
<link rel="manifest" href="/manifest.webmanifest">
<link rel="icon" href="/icons/icon.svg" type="image/svg+xml">
<link rel="apple-touch-icon" href="/icons/apple-touch-180.png">
</head>
<body{mark}>{body}</body>
</html>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [&str; 5] = [
        "/",
        "/auth/login",
        "/auth/register",
        "/auth/forgot",
        "/auth/reset",
    ];

    fn documents() -> Vec<String> {
        let pages = PAGES.map(|path| page_html("b1", path));
        pages.into_iter().chain([shell_html("b1")]).collect()
    }

    #[test]
    fn no_document_has_a_script_or_a_style_of_its_own() {
        for html in documents() {
            for script in html.split("<script").skip(1) {
                let tag = script.split('>').next().expect("a tag");
                assert!(tag.contains(" src=\"/b/b1/"), "{tag}");
            }
            for inline in ["<style", " style=", " onclick=", "javascript:"] {
                assert!(!html.contains(inline), "{inline} in {html}");
            }
        }
    }

    #[test]
    fn every_file_of_the_build_is_asked_for_by_its_build() {
        for html in documents() {
            for attribute in ["src=\"", "href=\""] {
                for url in html
                    .split(attribute)
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                {
                    let fixed = ["/", "/auth/", "/icons/", "/manifest.webmanifest", "#main"];
                    let known =
                        url.starts_with("/b/b1/") || fixed[1..].iter().any(|f| url.starts_with(f));
                    assert!(known || url == fixed[0], "{url}");
                }
            }
        }
    }

    #[test]
    fn the_shell_is_empty_and_the_same_as_ever() {
        let html = shell_html("b1");
        assert!(html.contains("<body data-shell></body>"), "{html}");
        assert!(html.contains("<html lang=\"en\" data-build=\"b1\">"));
        assert_eq!(html, shell_html("b1"));
        assert_eq!(shell_html("b2").replace("b2", "b1"), html);
    }

    #[test]
    fn public_pages_come_whole_from_the_server() {
        for (path, heading) in [
            ("/", words::WELCOME_TITLE),
            ("/auth/login", words::SIGN_IN_TITLE),
            ("/auth/login?next=/trash", words::SIGN_IN_TITLE),
            ("/auth/register", words::SIGN_UP_TITLE),
            ("/auth/forgot", words::settings::FORGOT_TITLE),
            ("/auth/reset", words::settings::RESET_TITLE),
        ] {
            let html = page_html("b1", path);
            assert!(html.contains(heading), "{path}: {html}");
            assert!(!html.contains("data-shell"));
            assert!(!html.contains("class=\"bar\""));
        }
        assert!(page_html("b1", "/").contains("<h1>"));
    }

    #[test]
    fn a_password_is_never_put_into_an_address() {
        for path in &PAGES[1..] {
            let html = page_html("b1", path);
            assert!(html.contains("method=\"post\""), "{html}");
            assert!(html.contains("disabled"), "{html}");
        }
    }
}
