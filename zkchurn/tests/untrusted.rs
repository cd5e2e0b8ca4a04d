// SPDX-License-Identifier: MIT
//! Text that a hostile process wrote: whatever it puts into its name, its
//! command line, its paths, its logs and the names of its Java threads, nothing
//! of it acts on a terminal, JSON stays JSON, and a page has no markup but its own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod hostile_frames;
mod shared_bytes;

use hostile_frames::{frames, hostile};
use proptest::prelude::*;
use serde_json::Value;
use shared_bytes::Shared;
use zkchurn_core::{
    diff::{self, Taken},
    pipeline::{Pipeline, View},
    render::{FORMS, Form, Options, html},
    replay::collector::Collector,
    text::is_printable,
};

/// What a form makes of all frames with `evil` in all their texts.
fn printed(form: &dyn Form, options: Options, evil: &str) -> String {
    let to = Shared::default();
    let view = View {
        top: 10,
        time_wait_rows: true,
    };
    let mut pipeline = Pipeline::new(form.renderer(Box::new(to.clone()), options), view);
    frames(evil, |frame| pipeline.accept(frame).unwrap());
    drop(pipeline);
    to.text()
}

/// What a form makes of a comparison with them.
fn compared(form: &dyn Form, options: &Options, evil: &str) -> String {
    let diff = diff::compare(&taken(evil), &taken("good")).unwrap();
    let mut to = Vec::new();
    form.diff(&mut to, &diff, options).unwrap();
    String::from_utf8(to).unwrap()
}

fn taken(text: &str) -> Taken {
    let collector = Collector::default();
    let view = View {
        top: 1,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(collector.clone(), view);
    frames(text, |frame| pipeline.accept(frame).unwrap());
    collector.take()
}

/// Everything, and what fits one screen.
fn all_options() -> impl Iterator<Item = Options> {
    let plain = || Options::plain(jiff::tz::TimeZone::UTC);
    let screen = Options {
        columns: Some(80),
        details: false,
        ..plain()
    };
    [plain(), screen].into_iter()
}

/// Tags that a page has, by their names.
fn tags(page: &str) -> Vec<String> {
    let behind = page.to_ascii_lowercase();
    let names = behind.split('<').skip(1).map(|tag| {
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!');
        tag[..end.unwrap_or(tag.len())].to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

proptest! {
    #[test]
    fn nothing_acts_on_a_terminal(evil in hostile()) {
        for (form, options) in FORMS.iter().flat_map(|form| all_options().map(move |o| (form, o))) {
            let text = compared(*form, &options, &evil) + &printed(*form, options, &evil);
            let acts = |character: &char| *character != '\n' && !is_printable(*character);
            prop_assert_eq!(text.chars().find(acts), None, "{}: {:?}", form.name(), text);
            // A line of its own would be taken for zkchurn's words.
            let is_forged = |line: &str| {
                line.starts_with("# All is well") || line.starts_with("{\"type\":\"report\",\"answer\"")
            };
            prop_assert!(!text.lines().any(is_forged), "{}: {}", form.name(), text);
        }
    }

    #[test]
    fn json_stays_json(evil in hostile()) {
        let options = Options::plain(jiff::tz::TimeZone::UTC);
        let diff = compared(named("json"), &options, &evil);
        let diff: Value = serde_json::from_str(&diff).unwrap();
        prop_assert_eq!(&diff["type"], "diff");
        let text = printed(named("json"), options, &evil);
        let mut types = Vec::new();
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            types.push(value["type"].as_str().unwrap().to_owned());
            if types.ends_with(&["report".to_owned()]) {
                prop_assert_eq!(&value["suspects"][0]["jvm"]["threads"][0]["name"], &Value::from(evil.as_str()));
            }
        }
        prop_assert_eq!(types.iter().filter(|name| *name == "report").count(), 1);
    }

    #[test]
    fn a_page_has_no_markup_but_its_own(evil in hostile()) {
        let options = Options::plain(jiff::tz::TimeZone::UTC);
        let diff = compared(named("html"), &options, &evil);
        prop_assert_eq!((diff.matches("<a ").count(), diff.matches("<script").count()), (0, 1));
        let page = printed(named("html"), options, &evil);
        // The only link leads to the evidence on the page itself.
        prop_assert_eq!(page.matches("<a ").count(), page.matches("<a class=\"skip\"").count());
        let scripts = page.matches("<script").count();
        prop_assert_eq!((scripts, page.matches("</script").count()), (2, 2), "{}", page);
        for tag in tags(&page).into_iter().chain(tags(&diff)) {
            prop_assert!(!["img", "iframe", "link", "object", "base"].contains(&tag.as_str()), "{tag}");
        }
        prop_assert_eq!(html::again(page.as_bytes()).unwrap(), page);
    }
}

fn named(name: &str) -> &'static dyn Form {
    let mut forms = FORMS.iter();
    *forms.find(|form| form.name() == name).unwrap()
}
