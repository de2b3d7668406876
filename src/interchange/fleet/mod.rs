//! Fleet's YAML, and our own form, which is its newer spelling and more.

mod agent_options;
mod gitops;
mod items;
mod kinds;
mod packs;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use agent_options::agent_options;
pub(super) use gitops::{ROLES, gitops, items, references};
pub(super) use kinds::kind;

use super::files::{Content, Files};
use super::node::Node;

/// The SQL of queries by name, for packs that name them.
#[derive(Default)]
pub(super) struct Named {
    /// By text and name: two texts may each have their own.
    own: HashMap<(Arc<str>, String), String>,
    /// By name: the last one.
    all: HashMap<String, String>,
}

impl Named {
    /// Those of all texts.
    pub(super) fn of(files: &Files) -> Self {
        let mut named = Self::default();
        for file in &files.files {
            let Content::Documents(documents) = &file.content else { continue };
            for document in documents {
                let listed =
                    ["queries", "reports"].iter().filter_map(|name| document.get(name)?.items()).flatten();
                let items = document.items().unwrap_or_default().iter();
                for node in document.get("spec").into_iter().chain(listed).chain(items) {
                    named.note(&file.name, node);
                }
            }
        }
        named
    }

    fn note(&mut self, file: &Arc<str>, node: &Node) {
        let text = |name| node.get(name).and_then(Node::text);
        if let (Some(name), Some(sql)) = (text("name"), text("query")) {
            self.own.insert((Arc::clone(file), name.to_owned()), sql.to_owned());
            self.all.insert(name.to_owned(), sql.to_owned());
        }
    }

    /// The SQL that a name stands for in a text.
    fn get(&self, file: &Arc<str>, name: &str) -> Option<&String> {
        self.own.get(&(Arc::clone(file), name.to_owned())).or_else(|| self.all.get(name))
    }
}
