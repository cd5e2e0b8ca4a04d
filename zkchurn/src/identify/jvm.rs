// SPDX-License-Identifier: MIT
//! Which application a JVM runs, told from its command line.

/// Options of the `java` launcher whose value is the next argument
/// (`java --help`, JDK 8 to 25).
const OPTIONS_WITH_VALUE: [&str; 12] = [
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
    "--limit-modules",
    "--source",
];

/// Main classes whose simple name says less than the product's.
const KNOWN_MAIN_CLASSES: [(&str, &str); 4] = [
    ("org.apache.catalina.startup.Bootstrap", "tomcat"),
    ("org.eclipse.jetty.start.Main", "jetty"),
    ("org.apache.zookeeper.ZooKeeperMain", "zkCli"),
    ("kafka.Kafka", "kafka"),
];

/// A short name of what a JVM runs; `None` when the process is no JVM or its
/// command line does not tell.
pub fn application(executable: Option<&str>, command: &[String]) -> Option<String> {
    if !is_java(executable, command) {
        return None;
    }
    let mut arguments = command.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-jar" => return arguments.next().map(|jar| file_name(jar).to_owned()),
            "-m" | "--module" => return arguments.next().map(|module| class_label(module)),
            option if OPTIONS_WITH_VALUE.contains(&option) => {
                arguments.next();
            }
            option if option.starts_with('-') || option.starts_with('@') => {}
            main_class => return Some(class_label(main_class)),
        }
    }
    None
}

fn is_java(executable: Option<&str>, command: &[String]) -> bool {
    let launched = command.first().map(|name| file_name(name));
    executable.map(file_name) == Some("java") || launched == Some("java")
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

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::application;

    fn of(command: &str) -> Option<String> {
        let command: Vec<_> = command.split(' ').map(str::to_owned).collect();
        application(None, &command)
    }

    #[test]
    fn names_the_application_of_common_command_lines() {
        let tomcat = "/usr/bin/java -Xmx1g -Dcatalina.base=/srv/t -classpath /a.jar:/b.jar \
                      org.apache.catalina.startup.Bootstrap start";
        assert_eq!(of(&tomcat.replace("  ", "")).as_deref(), Some("tomcat"));
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
        assert_eq!(of("java -version"), None);
        assert_eq!(of("/usr/bin/python3 app.py"), None);
    }
}
