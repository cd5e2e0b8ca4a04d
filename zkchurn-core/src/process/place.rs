// SPDX-License-Identifier: MIT
//! Names of files and directories that tell one program from others of its kind.

/// Names that half of all programs have, without their extension.
const COMMON: [&str; 24] = [
    "__main__", "app", "base", "bin", "build", "catalina", "cli", "current", "dist", "index",
    "instance", "latest", "lib", "main", "manage", "out", "run", "server", "service", "src",
    "start", "tomcat", "worker", "wsgi",
];
/// Directories that say nothing of what lies in them.
const ROOTS: [&str; 10] = [
    "data", "etc", "home", "local", "opt", "share", "srv", "tmp", "usr", "var",
];
/// Parts of a path that are shown at most.
const MOST: usize = 3;

/// The end of a path, as long as it takes to hold a name that is not common to many:
/// `sync.js`, but `shop/dist/index.js`.
pub(super) fn told_apart(path: &str) -> String {
    let mut shown = Vec::new();
    for part in parts(path).take(MOST) {
        if !shown.is_empty() && ROOTS.contains(&part) {
            break;
        }
        shown.insert(0, part);
        if !is_common(part) {
            break;
        }
    }
    shown.join("/")
}

/// The innermost directory of a path whose name is not common to many.
pub(super) fn telling(path: &str) -> Option<&str> {
    let found = parts(path).find(|part| !is_common(part))?;
    (!ROOTS.contains(&found)).then_some(found)
}

/// Innermost first.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.rsplit('/');
    parts.filter(|part| !matches!(*part, "" | "." | ".."))
}

fn is_common(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part);
    COMMON.contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_shown_as_tells_them_apart() {
        for (path, shown) in [
            ("/srv/shop/sync.js", "sync.js"),
            ("/srv/shop/index.js", "shop/index.js"),
            ("/srv/shop/dist/index.js", "shop/dist/index.js"),
            ("/opt/main.py", "main.py"),
            ("./app.py", "app.py"),
            ("shop.sync", "shop.sync"),
        ] {
            assert_eq!(told_apart(path), shown, "{path}");
        }
        assert_eq!(telling("/srv/shop/tomcat/"), Some("shop"));
        assert_eq!(telling("/opt/tomcat"), None);
        assert_eq!(telling("/"), None);
    }
}
