// SPDX-License-Identifier: MIT
//! `zkchurn timewait`: a trace that ends with the owners of TIME_WAIT sockets.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use zkchurn_core::render::{FORMS, Form};

use super::{
    output,
    trace::{BUFFER_KIB, TABLE_SIZE},
    values::{self, JvmValue, SideValue},
};
use crate::{
    exit::{Code, Failure},
    live::{self, early::EarlyEnd, settings::TraceSettings},
};

/// Options of `timewait`.
#[derive(Debug, Args)]
pub(crate) struct TimeWaitArgs {
    /// Ports whose sockets to list, comma-separated.
    #[arg(long, value_name = "PORTS", value_delimiter = ',', default_value = "2181", value_parser = values::ports)]
    pub port: Vec<values::Ports>,

    /// Which side of the connections this host is.
    #[arg(long, value_enum, default_value_t = SideValue::Client)]
    pub side: SideValue,

    /// How long to trace before listing the sockets; Ctrl-C lists them at once. A
    /// socket stays in TIME_WAIT for 60 s, so after 60s it has seen each of them begin.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::watch)]
    pub watch: Duration,

    /// Also list the sockets one by one.
    #[arg(long)]
    pub rows: bool,

    /// How to inspect a process that churns and is a JVM: a dump shows the full name
    /// of the thread that owned the sockets.
    #[arg(long, value_enum, default_value_t = JvmValue::Name)]
    pub jvm: JvmValue,

    /// Also write the raw records to this new file; it is called FILE.partial until
    /// the trace ends.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Load this eBPF object instead of the built-in one.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub bpf_object: Option<PathBuf>,

    /// Output format.
    #[arg(long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,

    /// No colours. Pipes and NO_COLOR switch them off, too.
    #[arg(long)]
    pub no_color: bool,
}

impl TimeWaitArgs {
    /// The trace that tells the owners.
    ///
    /// # Errors
    ///
    /// There are too many ports.
    pub(crate) fn settings(&self) -> Result<TraceSettings, Failure> {
        Ok(TraceSettings {
            ports: values::all_ports(&self.port)?,
            process: None,
            filter: None,
            sides: self.side.into(),
            duration: Some(self.watch),
            interval: Duration::ZERO,
            record: self.record.clone(),
            reports: Vec::new(),
            metrics: None,
            ndjson: None,
            otlp: None,
            listen: None,
            jvm: self.jvm.into(),
            logs: false,
            handshake: None,
            table_size: TABLE_SIZE,
            buffer_kib: BUFFER_KIB,
            hook: None,
            bpf_object: self.bpf_object.clone(),
            verbose: 0,
            top: 10,
            time_wait_rows: self.rows,
        })
    }
}

/// Traces, and lists the sockets.
///
/// # Errors
///
/// Tracing is not possible here, or an output cannot be written.
pub(crate) fn run(args: &TimeWaitArgs) -> Result<Code, Failure> {
    let renderer = |to| output::time_wait_renderer(args.format, args.no_color, to);
    let early = EarlyEnd::watch(false);
    live::run(&args.settings()?, None, None, &renderer, early)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]
mod tests {
    use std::{
        cell::RefCell,
        io::{self, Write},
        path::Path,
        rc::Rc,
    };

    use insta::{Settings, assert_snapshot};
    use jiff::tz::TimeZone;
    use serde_json::Value;
    use zkchurn_core::{
        pipeline::{Pipeline, View},
        recording::reader::Reader,
        render::{FORMS, Form, Options, TimeWaitOnly},
        replay::play,
    };

    /// Keeps what a renderer writes, which takes its writer away.
    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `zkchurn timewait --rows` prints of the sockets that a recording holds.
    fn printed(recording: &Path, form: &dyn Form) -> String {
        let kept = Kept::default();
        let options = Options::plain(TimeZone::UTC);
        let view = View {
            top: 10,
            time_wait_rows: true,
        };
        let renderer = TimeWaitOnly(form.renderer(Box::new(kept.clone()), options));
        let mut reader = Reader::new(std::fs::File::open(recording).unwrap()).unwrap();
        assert!(play(&mut reader, &mut Pipeline::new(renderer, view)).unwrap());
        String::from_utf8(kept.0.take()).unwrap()
    }

    #[test]
    fn sockets_of_both_sides_in_all_forms() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut settings = Settings::new();
        settings.set_snapshot_path(tests.join("snapshots/timewait"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for recording in ["incident", "server_side"] {
            let file = tests.join(format!("recordings/{recording}.zkchurn"));
            // A page has its own tests; two of them here would be half a megabyte.
            for form in FORMS.into_iter().filter(|form| form.name() != "html") {
                let name = format!("{recording}_{}", form.name());
                let mut printed = printed(&file, form);
                if form.name() == "json" {
                    let lines = printed.lines().map(serde_json::from_str::<Value>);
                    let lines = lines.map(|line| format!("{:#}", line.unwrap()));
                    printed = lines.collect::<Vec<_>>().join("\n");
                }
                settings.bind(|| assert_snapshot!(name, printed));
            }
        }
    }
}
