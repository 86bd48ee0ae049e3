//! Links from one document to another file of the project: they must lead somewhere.

use std::collections::BTreeSet;

use super::source::{Fault, Source};
use super::{Finding, Findings};

/// How a link's target begins in Markdown, and how it ends.
const LINKS: [(&str, char); 3] = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')];

/// The faults of all documents.
pub(super) fn check(sources: &[Source]) -> Vec<Fault> {
    let mut there = BTreeSet::new();
    for source in sources {
        let mut path = source.path.as_str();
        there.insert(path);
        while let Some((folder, _)) = path.rsplit_once('/') {
            there.insert(folder);
            path = folder;
        }
    }
    let documents = sources.iter().filter(|source| source.is(&["md"]));
    documents
        .flat_map(|document| {
            broken(document, &there)
                .into_iter()
                .map(|finding| Fault::at(document, finding))
        })
        .collect()
}

fn broken(document: &Source, there: &BTreeSet<&str>) -> Findings {
    let folder = document
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    let mut in_code = false;
    for (line, text) in document.lines() {
        in_code ^= text.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for target in targets(text) {
            let target = target.split(['#', ' ']).next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains(':');
            if !elsewhere
                && !resolve(folder, target)
                    .is_some_and(|path| path.is_empty() || there.contains(path.as_str()))
            {
                findings.push(Finding::new(
                    line,
                    format!("the link leads nowhere: {target}"),
                ));
            }
        }
    }
    findings
}

fn targets(text: &str) -> impl Iterator<Item = &str> {
    LINKS.into_iter().flat_map(move |(start, end)| {
        text.match_indices(start).filter_map(move |(at, _)| {
            text[at + start.len()..]
                .split_once(end)
                .map(|(target, _)| target)
        })
    })
}

/// The target from the workspace's root; `None` if it leads out of it.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<_> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().filter(|part| !part.is_empty())?),
            name => parts.push(name),
        }
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nothing_is_found_and_others_are_not() {
        let text = "[a](../README.md#x) [b](build.md) [c](https://x.org/y) [d](#here)\n\
                    [e](gone.md) <img src=\"../public/icon.svg\">\n\
                    ```\n[f](code.md)\n```\n\
                    [g](../../out.md) [h](../src)\n";
        let sources = [
            Source::new("docs/decisions.md", text),
            Source::new("docs/build.md", ""),
            Source::new("README.md", ""),
            Source::new("src/main.rs", ""),
            Source::new("public/icon.svg", ""),
        ];
        let faults: Vec<_> = check(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "docs/decisions.md:2: the link leads nowhere: gone.md",
                "docs/decisions.md:6: the link leads nowhere: ../../out.md",
            ]
        );
    }
}
