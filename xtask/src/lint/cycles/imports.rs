// SPDX-License-Identifier: MIT
//! What the modules of a crate name of each other, read from their sources.
//!
//! Modules are followed from the crate's root by their `mod` items, so a file that no
//! build sees is not read. What only tests name does not count.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, ItemMod, UseTree,
    visit::{self, Visit},
};

use super::graph::Graph;

/// The imports between the top modules of the crate in `folder`.
pub(crate) fn of_crate(folder: &Path) -> Result<Graph> {
    let source = folder.join("src");
    let mut graph = Graph::default();
    for root in ["lib.rs", "main.rs"] {
        let file = source.join(root);
        if file.exists() {
            let mut found = Found::default();
            read(&file, &source, &[], &mut found)?;
            for (from, to, file) in found.imports {
                // What is no module is an item of the root itself.
                if found.modules.contains(&to) {
                    graph.add(&from, &to, &file);
                }
            }
        }
    }
    Ok(graph)
}

/// The top modules, and what each names.
#[derive(Default)]
struct Found {
    modules: Vec<String>,
    imports: Vec<(String, String, String)>,
}

/// Reads the module `path` in `file`, whose own modules lie in `children`.
fn read(file: &Path, children: &Path, path: &[String], found: &mut Found) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let syntax = syn::parse_file(&text).with_context(|| file.display().to_string())?;
    let mut names = Names {
        depth: path.len(),
        roots: Vec::new(),
        modules: Vec::new(),
    };
    for item in &syntax.items {
        names.visit_item(item);
    }
    if let Some(top) = path.first() {
        let file = format!("{} ({})", path.join("::"), file.display());
        for root in names.roots {
            found.imports.push((top.clone(), root, file.clone()));
        }
    }
    for module in names.modules {
        let path = [path, std::slice::from_ref(&module)].concat();
        if let [top] = path.as_slice() {
            found.modules.push(top.clone());
            found
                .imports
                .push((top.clone(), top.clone(), String::new()));
        }
        let inside = children.join(&module);
        read(&file_of(children, &module), &inside, &path, found)?;
    }
    Ok(())
}

/// `name.rs`, or `name/mod.rs`.
fn file_of(folder: &Path, module: &str) -> PathBuf {
    let flat = folder.join(format!("{module}.rs"));
    match flat.exists() {
        true => flat,
        false => folder.join(module).join("mod.rs"),
    }
}

/// What a file names of the crate's root, and the modules that lie in files of their own.
struct Names {
    /// How many `super` lead from here to the root.
    depth: usize,
    roots: Vec<String>,
    modules: Vec<String>,
}

impl Names {
    /// A path by its first words: `crate::x`, or as many `super` as lead to the root.
    fn path(&mut self, words: &[String]) {
        let supers = words.iter().take_while(|word| *word == "super").count();
        let is_root = words.first().is_some_and(|word| word == "crate");
        let name = match (is_root, supers) {
            (true, _) => words.get(1),
            (false, supers) if supers > 0 && supers == self.depth => words.get(supers),
            _ => None,
        };
        self.roots.extend(name.cloned());
    }

    fn tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.path(&with(&name.ident)),
            UseTree::Rename(name) => self.path(&with(&name.ident)),
            UseTree::Glob(_) => self.path(before),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before);
                }
            }
        }
    }

    /// Paths in the arguments of macros, which are not parsed.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut after_crate = 0;
        for token in tokens {
            after_crate = match token {
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    0
                }
                TokenTree::Ident(name) if name == "crate" => 1,
                TokenTree::Punct(colon) if colon.as_char() == ':' && after_crate > 0 => {
                    after_crate + 1
                }
                TokenTree::Ident(name) if after_crate == 3 => {
                    self.roots.push(name.to_string());
                    0
                }
                _ => 0,
            };
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &[]);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        match &item.content {
            None => self.modules.push(item.ident.to_string()),
            Some((_, items)) => {
                self.depth += 1;
                for item in items {
                    self.visit_item(item);
                }
                self.depth -= 1;
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.path(&words);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`
fn is_for_tests(attribute: &Attribute) -> bool {
    let mut is_test = false;
    if attribute.path().is_ident("cfg") {
        // A cfg of another form is not for tests alone.
        let _ = attribute.parse_nested_meta(|meta| {
            is_test |= meta.path.is_ident("test");
            Ok(())
        });
    }
    is_test
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_in_every_form_and_those_of_tests_are_not() {
        let folder = tempfile::tempdir().expect("a temporary directory takes files");
        let write = |name: &str, text: &str| {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().expect("it has one"))
                .expect("a temporary directory takes folders");
            fs::write(path, text).expect("a temporary directory takes files");
        };
        write(
            "lib.rs",
            "mod a; mod b; mod c; mod d; mod e; pub struct Root;",
        );
        write(
            "a/mod.rs",
            "mod inner; use crate::{b::B as X, Root};\n\
             #[cfg(test)] mod tests { use crate::e::E; }",
        );
        write(
            "a/inner.rs",
            "fn f() { super::super::c::g(); assert!(crate::d::D) }\n\
             mod deeper { use super::super::super::d::D; }",
        );
        write("b.rs", "pub struct B; use super::a;");
        write("c.rs", "");
        write("d.rs", "use crate::d::D;");
        write("e.rs", "");
        let graph = of_crate(folder.path()).expect("the sources parse");
        assert_eq!(graph.cycles(), [vec!["a", "b"]]);
        let all = ["a", "b", "c", "d", "e"];
        let edges: Vec<_> = graph
            .edges_within(&all)
            .map(|(from, to, _)| format!("{from}{to}"))
            .collect();
        assert_eq!(edges, ["ab", "ac", "ad", "ba"]);
    }
}
