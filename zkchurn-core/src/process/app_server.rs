// SPDX-License-Identifier: MIT
//! Programs that run the applications of others, and which one a command line names.

/// How a command line names the application.
#[derive(Clone, Copy)]
enum Names {
    /// `module:object`, anywhere (PEP 3333 says what it is; the servers' `--help`).
    Object,
    /// Likewise, or as the last word a module alone.
    ObjectOrModule,
    /// The value of one of these options.
    Option(&'static [&'static str]),
    /// The first word that is no option.
    FirstWord,
}

/// Their names, and how they are called.
const SERVERS: [(&str, Names); 13] = [
    ("gunicorn", Names::ObjectOrModule),
    ("uvicorn", Names::Object),
    ("hypercorn", Names::Object),
    ("daphne", Names::Object),
    ("granian", Names::Object),
    ("waitress-serve", Names::Object),
    ("uwsgi", Names::Object),
    ("celery", Names::Option(&["-A", "--app"])),
    ("flask", Names::Option(&["-A", "--app"])),
    ("manage.py", Names::FirstWord),
    ("tsx", Names::FirstWord),
    ("ts-node", Names::FirstWord),
    ("nodemon", Names::FirstWord),
];

/// `gunicorn shop:app`; the program's name alone where it names no application, and `None`
/// where it is no such program.
pub(super) fn application(program: &str, arguments: &[String]) -> Option<String> {
    // setproctitle: `gunicorn: worker [shop:app]`.
    let program = program.strip_suffix(':').unwrap_or(program);
    let (name, names) = SERVERS.iter().find(|(name, _)| *name == program)?;
    let found = match names {
        Names::Object => object(arguments),
        Names::ObjectOrModule => object(arguments).or_else(|| last_module(arguments)),
        Names::Option(options) => value(arguments, options),
        Names::FirstWord => {
            let mut words = arguments.iter().map(String::as_str);
            words.find(|word| !word.starts_with('-'))
        }
    };
    Some(match found {
        Some(found) => format!("{name} {found}"),
        None => (*name).to_owned(),
    })
}

/// The last one: gunicorn's `-c python:settings` comes before its application.
fn object(arguments: &[String]) -> Option<&str> {
    let words = arguments.iter().rev();
    let mut words = words.map(|word| word.trim_start_matches('[').trim_end_matches(']'));
    words.find(|word| {
        let object = word.split_once(':');
        object.is_some_and(|(module, object)| {
            is_dotted_name(module) && is_dotted_name(object.trim_end_matches("()"))
        })
    })
}

fn last_module(arguments: &[String]) -> Option<&str> {
    let (last, before) = arguments.split_last()?;
    // It may be the value of an option.
    let is_value = before
        .last()
        .is_some_and(|word| word.starts_with('-') && !word.contains('='));
    (is_dotted_name(last) && !is_value).then_some(last)
}

/// `--app NAME`, `--app=NAME`.
fn value<'a>(arguments: &'a [String], options: &[&str]) -> Option<&'a str> {
    let words = arguments.iter().enumerate();
    words.into_iter().find_map(|(index, word)| {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word.as_str(), arguments.get(index + 1).map(String::as_str)),
        };
        options.contains(&option).then_some(value)?
    })
}

/// Names of Python with dots between, which no port and no path is.
fn is_dotted_name(word: &str) -> bool {
    word.split('.').all(|part| {
        let inside = |character: char| character.is_alphanumeric() || character == '_';
        part.chars().all(inside) && part.starts_with(|first: char| !first.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<String> {
        let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
        application(words.first()?, &words[1..])
    }

    #[test]
    fn the_application_is_named_and_no_address_is_taken_for_it() {
        for (command, name) in [
            (
                "gunicorn -w 4 -b 127.0.0.1:28081 kz_app:app",
                "gunicorn kz_app:app",
            ),
            (
                "gunicorn kz_app:make() --bind localhost:8080",
                "gunicorn kz_app:make()",
            ),
            (
                "gunicorn -c python:settings shop.wsgi:app",
                "gunicorn shop.wsgi:app",
            ),
            ("gunicorn -w 4 shop.wsgi", "gunicorn shop.wsgi"),
            ("gunicorn shop:app -k gevent", "gunicorn shop:app"),
            ("gunicorn -k gevent", "gunicorn"),
            ("uvicorn --host :: --port 80 api:app", "uvicorn api:app"),
            ("uwsgi --http :9090 --module shop:app", "uwsgi shop:app"),
            ("celery -A shop worker", "celery shop"),
            ("celery worker --app=shop.tasks", "celery shop.tasks"),
            ("manage.py sync_nodes --once", "manage.py sync_nodes"),
            ("tsx watch.ts", "tsx watch.ts"),
            ("flask run", "flask"),
        ] {
            assert_eq!(of(command).as_deref(), Some(name), "{command}");
        }
        assert_eq!(of("nginx: worker process"), None);
    }
}
