// SPDX-License-Identifier: MIT
//! How a trace without end forgets: a second pipeline begins with nothing counted, and takes
//! the place of the first once it has seen enough (docs/adr/0035). So what is diagnosed is
//! always the last ten to twenty minutes, and nothing grows with the weeks.

use zkchurn_core::{
    clock::ClockPair,
    frame::{Frame, Mark},
    pipeline::Pipeline,
    render::{Renderer, Several},
};

use crate::host::clock::clock_pair;

/// What the first pipeline has seen at least, but in the beginning: the finding of a slow
/// leak needs as much.
const AT_LEAST_NS: u64 = 600_000_000_000;

type Output = Pipeline<Box<dyn Renderer>>;

/// The pipeline that is next.
#[derive(Default)]
pub(super) struct Successor(Option<(Output, u64)>);

impl Successor {
    /// Takes any frame, behind the one whose place it takes in time.
    pub(super) fn take(&mut self, frame: Frame<'_>, present: &mut Output) {
        // What it writes to is nothing.
        if let Some((next, _)) = &mut self.0
            && !matches!(frame, Frame::End(_))
        {
            let _ = next.accept(frame);
        }
        if let Frame::Interval(mark) = frame {
            self.end_interval(mark, present);
        }
    }

    fn end_interval(&mut self, mark: &Mark, present: &mut Output) {
        let began_ns = match &self.0 {
            Some((_, began_ns)) => *began_ns,
            // The trace itself has only begun.
            None => present.start().map_or(0, |start| start.clock.monotonic_ns),
        };
        if mark.monotonic_ns.saturating_sub(began_ns) < AT_LEAST_NS {
            return;
        }
        if let Some((mut next, _)) = self.0.take() {
            next.exchange_renderers(present);
            *present = next;
        }
        let now = clock_pair();
        // Moments of records are those of one clock; the other is as of now.
        let clock = ClockPair {
            monotonic_ns: mark.monotonic_ns,
            realtime_ns: now.realtime_ns.saturating_sub(
                i64::try_from(now.monotonic_ns.saturating_sub(mark.monotonic_ns))
                    .unwrap_or_default(),
            ),
        };
        let nothing = Box::new(Several(Vec::new())) as Box<dyn Renderer>;
        let next = present.anew(clock, mark, nothing).ok();
        self.0 = next.map(|next| (next, mark.monotonic_ns));
    }
}
