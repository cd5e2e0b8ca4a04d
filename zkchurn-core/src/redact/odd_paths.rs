// SPDX-License-Identifier: MIT
//! Paths that cannot be told in prose by how they look: `/srv/Acme Corp/app log.log`. They are known
//! where they stand in a field of their own, and are looked for from then on.

/// Paths that are looked for; each text is searched for each.
const MOST: usize = 500;

/// Paths with something other than letters, digits, dots, hyphens and underscores in them.
#[derive(Debug, Default)]
pub(super) struct OddPaths(Vec<String>);

impl OddPaths {
    /// Notes a path and the folders above it, as far as they are odd.
    pub(super) fn learn(&mut self, path: &str) {
        let mut path = path.trim_end_matches('/');
        while path.starts_with('/') && path.contains(is_odd) {
            self.insert(path);
            path = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }

    /// The longest come first.
    fn insert(&mut self, path: &str) {
        if self.0.len() >= MOST || self.0.iter().any(|known| known == path) {
            return;
        }
        let place = self.0.partition_point(|known| known.len() >= path.len());
        self.0.insert(place, path.to_owned());
    }

    /// Where the first of them stands in a text, from and to: of those that begin there the
    /// longest.
    pub(super) fn find(&self, text: &str) -> Option<(usize, usize)> {
        let found = self
            .0
            .iter()
            .filter_map(|path| Some((text.find(path.as_str())?, path.len())));
        let (at, length) = found.min_by_key(|(at, length)| (*at, usize::MAX - length))?;
        Some((at, at + length))
    }
}

fn is_odd(character: char) -> bool {
    !character.is_ascii_alphanumeric() && !"/._-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_whole_and_what_is_below_a_known_folder_by_that() {
        let mut paths = OddPaths::default();
        paths.learn("/srv/Acme Corp/app log.log");
        paths.learn("/srv/plain/app.log");
        let found = |text: &'static str| paths.find(text).map(|(from, to)| &text[from..to]);
        let whole = "/srv/Acme Corp/app log.log";
        assert_eq!(found("in /srv/Acme Corp/app log.log: no"), Some(whole));
        assert_eq!(found("in /srv/Acme Corp/x.jar"), Some("/srv/Acme Corp"));
        assert_eq!(found("in /srv/plain/app.log"), None);
        assert_eq!(found("/srv/Acme"), None);
    }
}
