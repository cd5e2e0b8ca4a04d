// SPDX-License-Identifier: MIT
//! Which application a JVM runs, told from its command line.

use super::{file_name, place};

/// Options of the `java` launcher whose value is the next argument
/// (`java --help`, JDK 8 to 25; `IsModuleOption` of the launcher's `java.c`).
const OPTIONS_WITH_VALUE: [&str; 14] = [
    "-cp",
    "-classpath",
    "--class-path",
    "-p",
    "--module-path",
    "--upgrade-module-path",
    "--add-modules",
    "--add-exports",
    "--add-opens",
    "--add-reads",
    "--patch-module",
    "--limit-modules",
    "--enable-native-access",
    "--source",
];

/// Main classes whose simple name says less than the product's.
const KNOWN_MAIN_CLASSES: [(&str, &str); 4] = [
    (TOMCAT, "tomcat"),
    ("org.eclipse.jetty.start.Main", "jetty"),
    ("org.apache.zookeeper.ZooKeeperMain", "zkCli"),
    ("kafka.Kafka", "kafka"),
];

const TOMCAT: &str = "org.apache.catalina.startup.Bootstrap";

/// A command line of the `java` launcher, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch<'a> {
    /// What comes before the program: options and their values. What comes
    /// after it belongs to the program and says nothing of the JVM.
    pub options: &'a [String],
    /// The program; `None` where the command line names none.
    pub program: Option<Program<'a>>,
}

/// What a `java` launcher was told to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program<'a> {
    /// `-jar FILE`.
    Jar(&'a str),
    /// A main class, or `-m MODULE/CLASS`.
    Class(&'a str),
}

impl<'a> Launch<'a> {
    /// Takes apart the arguments of a process, the first of which is the launcher.
    pub fn of(command: &'a [String]) -> Self {
        let arguments = command.get(1..).unwrap_or_default();
        let value = |index: usize| arguments.get(index + 1).map(String::as_str);
        let mut index = 0;
        while let Some(argument) = arguments.get(index) {
            let program = match argument.as_str() {
                "-jar" => value(index).map(Program::Jar),
                "-m" | "--module" => value(index).map(Program::Class),
                option if OPTIONS_WITH_VALUE.contains(&option) => {
                    index += 2;
                    continue;
                }
                option if option.starts_with('-') || option.starts_with('@') => {
                    index += 1;
                    continue;
                }
                main_class => Some(Program::Class(main_class)),
            };
            return Self {
                options: &arguments[..index],
                program,
            };
        }
        Self {
            options: arguments,
            program: None,
        }
    }

    /// The value of the system property `name`; the last one counts, as in the JVM.
    pub fn property(&self, name: &str) -> Option<&'a str> {
        self.options.iter().rev().find_map(|option| {
            let (found, value) = option.strip_prefix("-D")?.split_once('=')?;
            (found == name).then_some(value)
        })
    }
}

/// A short name of what a JVM runs; `None` when the process is no JVM or its
/// command line does not tell.
pub fn application(executable: Option<&str>, command: &[String]) -> Option<String> {
    if !is_java(executable, command) {
        return None;
    }
    let launch = Launch::of(command);
    match launch.program? {
        Program::Jar(jar) => Some(file_name(jar).to_owned()),
        Program::Class(class) if class == TOMCAT => Some(tomcat_label(&launch)),
        Program::Class(class) => Some(class_label(class)),
    }
}

/// Whether a process was started by the `java` launcher, by its executable or
/// by the name it was called with.
pub fn is_java(executable: Option<&str>, command: &[String]) -> bool {
    let launched = command.first().map(|name| file_name(name));
    executable.map(file_name) == Some("java") || launched == Some("java")
}

/// `tomcat shop` for an instance in `/srv/shop`, or in `/srv/shop/tomcat`: `catalina.base` is
/// what tells one Tomcat of a host from another (Tomcat: RUNNING.txt, "Multiple Tomcat
/// Instances").
fn tomcat_label(launch: &Launch<'_>) -> String {
    let base = launch.property("catalina.base").unwrap_or_default();
    match place::telling(base) {
        None => "tomcat".to_owned(),
        // `tomcat10`, `apache-tomcat-10.1`.
        Some(instance) if instance.contains("tomcat") => instance.to_owned(),
        Some(instance) => format!("tomcat {instance}"),
    }
}

fn class_label(main: &str) -> String {
    let class = main.rsplit('/').next().unwrap_or(main);
    for (known, label) in KNOWN_MAIN_CLASSES {
        if class == known {
            return label.to_owned();
        }
    }
    class.rsplit('.').next().unwrap_or(class).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split_whitespace().map(str::to_owned).collect()
    }

    fn of(command: &str) -> Option<String> {
        application(None, &words(command))
    }

    #[test]
    fn names_the_application_of_common_command_lines() {
        assert_eq!(
            of("java -jar /opt/shop/shop-1.2.jar --x").as_deref(),
            Some("shop-1.2.jar")
        );
        assert_eq!(
            of("java -cp lib/* com.example.Main").as_deref(),
            Some("Main")
        );
        assert_eq!(
            of("java -p mods -m shop/com.example.Shop").as_deref(),
            Some("Shop")
        );
        assert_eq!(
            of("java --patch-module a=b com.example.Main").as_deref(),
            Some("Main")
        );
        assert_eq!(of("java -version"), None);
        assert_eq!(of("java -jar"), None);
        assert_eq!(of("/usr/bin/python3 app.py"), None);
    }

    #[test]
    fn a_tomcat_is_named_after_its_instance() {
        let tomcat = |options: &str| {
            of(&format!(
                "/usr/bin/java -Xmx1g {options} -classpath /a.jar:/b.jar \
                 org.apache.catalina.startup.Bootstrap -Dcatalina.base=/not/an/option start"
            ))
        };
        assert_eq!(
            tomcat("-Dcatalina.base=/srv/shop").as_deref(),
            Some("tomcat shop")
        );
        assert_eq!(
            tomcat("-Dcatalina.base=/srv/old -Dcatalina.base=/srv/shop/").as_deref(),
            Some("tomcat shop")
        );
        for (base, label) in [
            ("/srv/shop/tomcat", "tomcat shop"),
            ("/var/lib/tomcat10", "tomcat10"),
            ("/opt/apache-tomcat-10.1.5", "apache-tomcat-10.1.5"),
        ] {
            let named = tomcat(&format!("-Dcatalina.base={base}"));
            assert_eq!(named.as_deref(), Some(label), "{base}");
        }
        for unnamed in ["", "-Dcatalina.base=/", "-Dcatalina.base=/opt/tomcat"] {
            assert_eq!(tomcat(unnamed).as_deref(), Some("tomcat"), "{unnamed}");
        }
    }

    #[test]
    fn options_end_where_the_program_begins() {
        let command = words("java -cp x -Da=1 -jar y.jar -Db=2");
        let launch = Launch::of(&command);
        assert_eq!(launch.options, words("-cp x -Da=1"));
        assert_eq!(launch.property("a"), Some("1"));
        assert_eq!(launch.property("b"), None);
    }
}
