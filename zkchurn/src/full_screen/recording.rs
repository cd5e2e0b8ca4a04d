// SPDX-License-Identifier: MIT
//! A recording as a feed of the view: a time cursor that steps, jumps and plays.

use std::{
    cell::RefCell,
    io::Read,
    rc::Rc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use zkchurn_core::{
    filter::Filter,
    pipeline::Pipeline,
    recording::reader::Reader,
    render::Renderer,
    replay::player::{Player, Reached},
    tape::{Tape, Taping},
};

use super::{
    Feed,
    recorded_page::RecordedPage,
    run::{NEWS_EVERY, News},
};
use crate::view::{
    key::{Seek, Wish},
    snapshot::{Position, Snapshot, Want},
};

/// Frames that are read before keys are looked at again.
const AT_ONCE: usize = 20_000;
/// How long it is read before something is shown.
const SHOW_AFTER: Duration = Duration::from_millis(200);

pub(super) type Played = Player<Box<dyn Read>, Box<dyn Renderer>>;

/// Begins the recording anew, with what it is rendered by.
pub(crate) type Open<'a> =
    Box<dyn FnMut(Box<dyn Renderer>, Option<Filter>) -> anyhow::Result<Played> + 'a>;
/// What writes the report at the end.
pub(crate) type ReportTo<'a> = Box<dyn Fn() -> Box<dyn Renderer> + 'a>;

/// The recording that is shown.
pub(crate) struct Recording<'a> {
    open: Open<'a>,
    report_to: ReportTo<'a>,
    filter: Option<Filter>,
    player: Played,
    tape: Rc<RefCell<Tape>>,
    /// Begin and end of the recording, nanoseconds of its clock. The end is known once it
    /// was reached.
    from_ns: u64,
    until_ns: Option<u64>,
    /// Where the cursor stands, or is on its way to.
    cursor_ns: u64,
    is_moving: bool,
    /// Since when it plays, and how fast.
    plays: Option<(Instant, u32)>,
    has_news: bool,
    page: RecordedPage,
    /// What there is to say.
    notice: Option<String>,
}

impl<'a> Recording<'a> {
    /// A recording, shown as of its end. Times are in `zone`.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn new(
        mut open: Open<'a>,
        report_to: ReportTo<'a>,
        filter: Option<Filter>,
        zone: TimeZone,
    ) -> anyhow::Result<Self> {
        let tape = Rc::new(RefCell::new(Tape::default()));
        let player = open(taping(&tape, report_to()), filter.clone())?;
        Ok(Self {
            open,
            report_to,
            filter,
            player,
            tape,
            from_ns: 0,
            until_ns: None,
            cursor_ns: u64::MAX,
            is_moving: true,
            plays: None,
            has_news: true,
            page: RecordedPage::new(zone),
            notice: None,
        })
    }

    /// The recording with what was played of it.
    pub(crate) fn into_player(self) -> (Played, u64) {
        self.page.settle();
        (self.player, self.cursor_ns)
    }

    fn seek(&mut self, seek: Seek) {
        let until_ns = self.until_ns.unwrap_or(u64::MAX);
        let target = match seek {
            Seek::Start => self.from_ns,
            Seek::End => until_ns,
            Seek::By(ns) => self.cursor_ns.saturating_add_signed(ns),
            Seek::To(ns) => self.from_ns.saturating_add(ns),
        };
        self.go_to(target.clamp(self.from_ns, until_ns));
        if let Some((since, _)) = &mut self.plays {
            *since = Instant::now();
        }
    }

    fn go_to(&mut self, target_ns: u64) {
        // What happened cannot be taken back: the way back is from the beginning.
        if target_ns < self.cursor_ns && !self.begin_anew() {
            return;
        }
        self.cursor_ns = target_ns;
        self.is_moving = true;
    }

    /// Goes to the beginning; whether the recording can still be read.
    fn begin_anew(&mut self) -> bool {
        let tape = Rc::new(RefCell::new(Tape::default()));
        let to = taping(&tape, (self.report_to)());
        let player = (self.open)(to, self.filter.clone());
        let is_open = player.is_ok();
        if let Ok(player) = player {
            (self.player, self.tape) = (player, tape);
        }
        is_open
    }

    /// Counts what the filter selects, from the beginning to where the cursor stands.
    fn select(&mut self, filter: Option<Filter>) {
        self.filter = filter;
        self.is_moving |= self.begin_anew();
    }

    /// Begins a page of what is shown.
    fn write(&mut self) {
        let (open, filter) = (&mut self.open, self.filter.clone());
        let said = self.page.begin(self.cursor_ns, |memory, zone| {
            open(memory.page(zone), filter)
        });
        self.notice = Some(said);
    }

    /// Moves the cursor by the time that has passed.
    fn play_on(&mut self) {
        let Some((since, speed)) = &mut self.plays else {
            return;
        };
        let now = Instant::now();
        let passed = now.duration_since(*since).as_nanos() as u64;
        *since = now;
        let on = passed.saturating_mul(u64::from(*speed));
        let until_ns = self.until_ns.unwrap_or(u64::MAX);
        self.cursor_ns = self.cursor_ns.saturating_add(on).min(until_ns);
        self.is_moving = true;
        if self.cursor_ns == until_ns {
            self.plays = None;
        }
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.is_moving && began.elapsed() < SHOW_AFTER {
            self.has_news = true;
            match self.player.play(self.cursor_ns, AT_ONCE)? {
                Reached::NotYet => {}
                Reached::Moment => self.is_moving = false,
                Reached::End => {
                    self.is_moving = false;
                    let end_ns = self.player.mark(0).monotonic_ns;
                    self.until_ns = Some(end_ns);
                    self.cursor_ns = self.cursor_ns.min(end_ns);
                }
            }
        }
        if let Some(start) = self.player.pipeline().start() {
            self.from_ns = start.clock.monotonic_ns;
        }
        Ok(())
    }
}

impl Feed for Recording<'_> {
    fn news(&mut self, want: &Want) -> anyhow::Result<News> {
        self.play_on();
        self.read()?;
        if let Some(said) = self.page.read(SHOW_AFTER).or_else(|| self.notice.take()) {
            return Ok(News::Notice(said));
        }
        let reached_ns = match self.is_moving {
            true => self.player.mark(0).monotonic_ns,
            false => self.cursor_ns,
        };
        let position = Position {
            from_ns: self.from_ns,
            now_ns: reached_ns,
            until_ns: self.until_ns.unwrap_or(reached_ns),
            speed: self.plays.map(|(_, speed)| speed),
            is_moving: self.is_moving,
        };
        let is_asked = want.family.is_some();
        if !std::mem::take(&mut self.has_news) && !is_asked {
            return Ok(News::Nothing);
        }
        let mark = self.player.mark(reached_ns);
        let pipeline: &Pipeline<_> = self.player.pipeline();
        let tape = self.tape.borrow();
        let snapshot = Snapshot::of(pipeline, &tape, &mark, want, Some(position));
        Ok(snapshot.map_or(News::Nothing, |snapshot| News::Snapshot(Box::new(snapshot))))
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Seek(seek) => self.seek(seek),
            Wish::Play(speed) => {
                if Some(self.cursor_ns) == self.until_ns {
                    self.seek(Seek::Start);
                }
                self.plays = Some((Instant::now(), speed));
            }
            Wish::Pause => self.plays = None,
            Wish::Filter(filter) => self.select(filter),
            Wish::Write => self.write(),
            // Nobody is there any more who could be asked.
            Wish::Dump(_) | Wish::Handshakes | Wish::Quit | Wish::Suspend | Wish::Redraw => {}
        }
        self.has_news = true;
    }

    fn pause(&self) -> Option<Duration> {
        Some(match self.is_moving || self.page.is_being_made() {
            true => NEWS_EVERY - SHOW_AFTER,
            false => NEWS_EVERY,
        })
    }

    fn takes_signals(&self) -> bool {
        true
    }
}

/// A recording that is rendered by `to`.
pub(crate) fn player(
    reader: Reader<Box<dyn Read>>,
    filter: Option<Filter>,
    to: Box<dyn Renderer>,
    top: usize,
) -> Played {
    let view = zkchurn_core::pipeline::View {
        top,
        time_wait_rows: false,
    };
    let pipeline = Pipeline::new(to, view).with_filter(filter);
    Player::new(reader, pipeline)
}

/// Keeps connections on the tape, and hands the report on.
fn taping(tape: &Rc<RefCell<Tape>>, to: Box<dyn Renderer>) -> Box<dyn Renderer> {
    Box::new(Taping::new(Rc::clone(tape), to))
}
