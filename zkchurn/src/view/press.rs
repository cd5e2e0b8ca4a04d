// SPDX-License-Identifier: MIT
//! What a key does.

use super::{
    View,
    draw::name,
    dumps::{self, Seen},
    key::{Key, Seek, Wish},
    offers::Offers,
    page::{Entry, Page},
    prompt::{Prompt, What},
    snapshot::{Family, id},
};

/// How far the arrows go in a recording, and the brackets.
const STEP_NS: i64 = 1_000_000_000;
const JUMP_NS: i64 = 10 * STEP_NS;
/// How fast a recording may play.
const SPEEDS: [u32; 6] = [1, 2, 5, 10, 30, 60];

impl View {
    /// Does what a key asks for.
    pub(crate) fn press(&mut self, key: Key) -> Option<Wish> {
        self.notice = None;
        self.message = None;
        match key {
            Key::Control('c') => return Some(Wish::Quit),
            Key::Control('z') => return Some(Wish::Suspend),
            Key::Control('l') => return Some(Wish::Redraw),
            _ => {}
        }
        if self.prompt.is_some() {
            return self.typed(key);
        }
        if let Some(page) = self.help {
            let is_last = page + 1 >= self.help_pages;
            let leaves = is_last || matches!(key, Key::Escape | Key::Char('q'));
            self.help = (!leaves).then_some(page + 1);
            return None;
        }
        match key {
            Key::Char('q') => return Some(Wish::Quit),
            Key::Char('?') => self.help = Some(0),
            Key::Char('s') if self.pages.is_empty() => {
                self.order = self.order.next();
                self.release();
            }
            Key::Char('/') => self.ask_for_filter(),
            Key::Char('w') => return Some(Wish::Write),
            Key::Escape => self.back(),
            Key::Enter => self.enter(),
            Key::Up | Key::Char('k') => self.go(-1),
            Key::Down | Key::Char('j') => self.go(1),
            Key::PageUp => self.go(-(self.page_rows as i64)),
            Key::PageDown => self.go(self.page_rows as i64),
            _ if self.is_recording => return self.time_key(key),
            Key::Home => self.go(i64::MIN),
            Key::End => self.go(i64::MAX),
            Key::Char('p' | ' ') => self.freeze(),
            Key::Char('d') => self.offer_dump(),
            Key::Char('h') => self.offer_handshakes(),
            _ => {}
        }
        None
    }

    /// Asks whether the process under the cursor is to be asked for a thread dump.
    fn offer_dump(&mut self) {
        if !self.offers.dumps {
            self.notice = Some(Offers::NO_DUMPS.to_owned());
            return;
        }
        let key = self.pages.last().map(Page::family).or(self.selected);
        let rows = self.rows();
        let family = match key {
            Some(key) => rows.into_iter().find(|family| family.row.key == key),
            None => rows.first().copied(),
        };
        let process = family.and_then(|family| {
            let seen = Seen::of(self.suspect(family));
            Some((family.row.key.process()?, name(family), seen))
        });
        match process {
            Some((_, name, Seen::NoJvm)) => self.notice = Some(dumps::no_jvm(&name)),
            Some((_, name, Seen::Gone)) => self.notice = Some(dumps::gone(&name)),
            Some((process, name, seen)) => {
                let is_jvm = seen == Seen::Jvm;
                let what = What::Dump {
                    process,
                    name,
                    is_jvm,
                };
                self.prompt = Some(Prompt::new(what, String::new()));
            }
            None => self.notice = Some("no one process here: choose one with ↑ ↓".to_owned()),
        }
    }

    fn freeze(&mut self) {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => self.latest.clone(),
        };
        self.hold_newcomers();
    }

    /// Keys of the time cursor.
    fn time_key(&mut self, key: Key) -> Option<Wish> {
        let seek = match key {
            Key::Left => Seek::By(-STEP_NS),
            Key::Right => Seek::By(STEP_NS),
            Key::Char('[') => Seek::By(-JUMP_NS),
            Key::Char(']') => Seek::By(JUMP_NS),
            Key::Home => Seek::Start,
            Key::End => Seek::End,
            Key::Char('t') => {
                self.prompt = Some(Prompt::new(What::Time, String::new()));
                return None;
            }
            Key::Char('p' | ' ') => return Some(self.play_or_pause()),
            Key::Char('+' | '=') => return self.faster(1),
            Key::Char('-') => return self.faster(-1),
            _ => return None,
        };
        Some(Wish::Seek(seek))
    }

    pub(super) fn plays(&self) -> bool {
        let position = self.latest.as_ref().and_then(|latest| latest.position);
        position.is_some_and(|position| position.speed.is_some())
    }

    fn play_or_pause(&self) -> Wish {
        match self.plays() {
            true => Wish::Pause,
            false => Wish::Play(self.speed),
        }
    }

    fn faster(&mut self, by: i64) -> Option<Wish> {
        let at = SPEEDS.iter().position(|speed| *speed == self.speed)?;
        let at = (at as i64 + by).clamp(0, SPEEDS.len() as i64 - 1);
        self.speed = SPEEDS[at as usize];
        self.notice = Some(format!("plays at {}× ", self.speed));
        self.plays().then_some(Wish::Play(self.speed))
    }

    /// Esc: out of a page, then the cursor goes, then nothing.
    fn back(&mut self) {
        if self.pages.pop().is_none() {
            self.selected = None;
            self.held.clear();
        }
    }

    fn enter(&mut self) {
        let next = match self.pages.last() {
            None => {
                let first = self.rows().first().map(|family| family.row.key);
                let key = self.selected.or(first);
                key.map(|key| Page::Family { key, cursor: 0 })
            }
            Some(Page::Family { key, cursor }) => {
                let (key, cursor) = (*key, *cursor);
                let shown = self.shown().and_then(|shown| shown.family(&key));
                let entry = shown.and_then(|family| self.entries(family).get(cursor).copied());
                entry.map(|entry| match entry {
                    Entry::Evidence => Page::Evidence { key, scroll: 0 },
                    Entry::Process => Page::Process { key, scroll: 0 },
                    Entry::Connections => Page::Connections {
                        key,
                        tid: None,
                        cursor: None,
                    },
                    Entry::Thread(tid) => Page::Connections {
                        key,
                        tid: Some(tid),
                        cursor: None,
                    },
                })
            }
            Some(Page::Connections { key, tid, cursor }) => {
                let first = self.connections(*tid).first().map(|kept| id(kept));
                let id = cursor.or(first);
                id.map(|id| Page::Connection {
                    key: *key,
                    id,
                    scroll: 0,
                })
            }
            Some(_) => None,
        };
        if let Some(page) = next {
            if self.pages.is_empty() {
                self.hold();
                self.selected = Some(page.family());
            }
            self.pages.push(page);
        }
    }

    /// What can be looked at of a family.
    pub(super) fn entries(&self, family: &Family) -> Vec<Entry> {
        let mut entries = Vec::new();
        if family.row.finding.is_some() {
            entries.push(Entry::Evidence);
        }
        if self.suspect(family).is_some() {
            entries.push(Entry::Process);
        }
        entries.push(Entry::Connections);
        let threads = family.row.threads.iter();
        entries.extend(threads.map(|thread| Entry::Thread(thread.tid)));
        entries
    }

    /// Moves the cursor, or scrolls.
    fn go(&mut self, by: i64) {
        let last_connection = match self.pages.last() {
            Some(Page::Connections { tid, cursor, .. }) => {
                let ids = self.connections(*tid);
                let ids: Vec<_> = ids.iter().map(|kept| id(kept)).collect();
                Some(moved(&ids, *cursor, by))
            }
            _ => None,
        };
        let entries = match self.pages.last() {
            Some(Page::Family { key, .. }) => {
                let family = self.shown().and_then(|shown| shown.family(key));
                family.map_or(0, |family| self.entries(family).len())
            }
            _ => 0,
        };
        match self.pages.last_mut() {
            None => {
                self.hold();
                let keys: Vec<_> = self.rows().iter().map(|family| family.row.key).collect();
                self.selected = moved(&keys, self.selected, by);
            }
            Some(Page::Family { cursor, .. }) => {
                let last = entries.saturating_sub(1);
                *cursor = (*cursor as i64).saturating_add(by).clamp(0, last as i64) as usize;
            }
            Some(Page::Connections { cursor, .. }) => *cursor = last_connection.flatten(),
            Some(page) => {
                if let Some(scroll) = page.scroll() {
                    // Drawing stops it at the end.
                    *scroll = (*scroll as i64).saturating_add(by).clamp(0, 1 << 20) as usize;
                }
            }
        }
    }
}

/// The one that is so many after `from`; the first where there is none yet.
fn moved<T: Copy + PartialEq>(all: &[T], from: Option<T>, by: i64) -> Option<T> {
    let at = from.and_then(|from| all.iter().position(|one| *one == from));
    let last = all.len().checked_sub(1)?;
    let to = match at {
        Some(at) => (at as i64).saturating_add(by).clamp(0, last as i64) as usize,
        None if by == i64::MAX => last,
        None => 0,
    };
    all.get(to).copied()
}
