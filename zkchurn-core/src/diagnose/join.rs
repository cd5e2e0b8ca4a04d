// SPDX-License-Identifier: MIT
//! From clusters to stories: what the rules say of each, and what is one story upwards.
//!
//! Put together are, as long as the whole still tells what its parts told, no less
//! surely: what one kind of thread did in two ways; threads of a process that do the
//! same; the few connections of a thread that ended otherwise, such as the first one of
//! a client whose server then went away; processes of one program.

use std::collections::BTreeMap;

use super::{
    case::Case,
    cases::Scope,
    churn::Churn,
    cluster::{Cluster, Owner},
    evidence,
    finding::{Confidence, Verdict},
    rules::{self, Rule},
};
use crate::ledger::manner::Way;

/// A client has a few servers; what goes to more of them is not judged one by one.
const MOST_PEERS_APART: usize = 5;

/// A cluster, and what the rules say of it.
pub(super) struct Story<'a> {
    pub owner: Owner,
    pub cluster: Cluster<'a>,
    pub case: Case<'a>,
    /// The surest first.
    pub verdicts: Vec<(&'static Rule, Verdict)>,
    /// What one of its threads met, and how many connections that were.
    pub before: Vec<Before>,
}

/// What a thread met that does something else now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub name: Churn,
    pub connections: u64,
    /// Whether all of it was over when the rest began: of several threads others may have begun
    /// by then.
    pub is_over: bool,
}

impl<'a> Story<'a> {
    /// Judges a cluster.
    pub(super) fn of(scope: &Scope<'a>, owner: Owner, cluster: Cluster<'a>) -> Self {
        let case = scope.case(owner, &cluster);
        Self::judged(owner, cluster, case)
    }

    /// Likewise, without the lines of its log that speak for one kind of churn.
    fn without_lines(scope: &Scope<'a>, owner: Owner, cluster: Cluster<'a>, name: Churn) -> Self {
        let mut case = scope.case(owner, &cluster);
        case.logs.retain(|line| !evidence::is_for(line, name));
        Self::judged(owner, cluster, case)
    }

    /// Judges a cluster of connections that stay open.
    pub(super) fn of_open(scope: &Scope<'a>, owner: Owner, cluster: Cluster<'a>) -> Self {
        let case = scope.case(owner, &cluster);
        let rule = &rules::OF_OPEN;
        let verdict = rule.verdict(&case).map(|verdict| (rule, verdict));
        Self::with(verdict.into_iter().collect(), owner, cluster, case)
    }

    /// Judges attempts to connect that wait for an answer.
    pub(super) fn of_waiting(scope: &Scope<'a>, owner: Owner, cluster: Cluster<'a>) -> Self {
        let case = scope.case(owner, &cluster);
        let rule = &rules::OF_WAITING;
        let verdict = rule.verdict(&case).map(|verdict| (rule, verdict));
        Self::with(verdict.into_iter().collect(), owner, cluster, case)
    }

    fn judged(owner: Owner, cluster: Cluster<'a>, case: Case<'a>) -> Self {
        Self::with(rules::verdicts(&case), owner, cluster, case)
    }

    fn with(
        verdicts: Vec<(&'static Rule, Verdict)>,
        owner: Owner,
        cluster: Cluster<'a>,
        case: Case<'a>,
    ) -> Self {
        Self {
            owner,
            cluster,
            verdicts,
            case,
            before: Vec::new(),
        }
    }

    /// How many ended connections it explains.
    pub(super) fn explains(&self) -> u64 {
        let before = self.before.iter().map(|before| before.connections);
        self.ended() + before.sum::<u64>()
    }

    /// Whether it is how a client met a server that was away, before this went on.
    fn came_before(&self, later: &Self) -> bool {
        const AWAY: [Churn; 4] = [
            Churn::Refused,
            Churn::Blackhole,
            Churn::Unreachable,
            Churn::NotServed,
        ];
        let may = self.lead().is_some_and(|(name, _)| AWAY.contains(&name))
            && self.ended() * 2 <= later.ended();
        let (Some(tid), true) = (self.case.who.tid(), may) else {
            return false;
        };
        let (Some((_, ended)), Some((begins, ends))) = (self.cluster.span(), later.cluster.span())
        else {
            return false;
        };
        match later.case.who.tid() {
            Some(later_tid) => later_tid == tid && ended <= begins,
            None => ended <= ends && later.cluster.parts.iter().any(|part| part.has_thread(tid)),
        }
    }

    /// Whether connections that ended otherwise may be a part of it. What is told of what was said
    /// first is told of those that said it.
    fn may_have(&self, other: &Self) -> bool {
        const OF_WHAT_WAS_SAID: [Churn; 5] = [
            Churn::FourLetterWordMonitor,
            Churn::FourLetterWordUnanswered,
            Churn::HttpAtPlaintextPort,
            Churn::TlsAtPlaintextPort,
            Churn::WrongProtocol,
        ];
        let is_of_what_was_said = |(name, _)| OF_WHAT_WAS_SAID.contains(&name);
        !(other.cluster.has_session() && self.lead().is_some_and(is_of_what_was_said))
            || self.cluster.began_as(&other.cluster)
    }

    /// What is told of it, and how surely.
    pub(super) fn lead(&self) -> Option<(Churn, Confidence)> {
        let (rule, verdict) = self.verdicts.first()?;
        Some((rule.name, verdict.confidence))
    }

    fn says(&self, name: Churn) -> bool {
        self.verdicts.iter().any(|(rule, _)| rule.name == name)
    }

    /// Whether one verdict could lead both: without it the whole need not be judged.
    fn may_agree(&self, other: &Self) -> bool {
        self.verdicts.is_empty()
            || other.verdicts.is_empty()
            || self.verdicts.iter().any(|(rule, _)| other.says(rule.name))
    }

    fn ended(&self) -> u64 {
        self.cluster.ended()
    }
}

/// The stories of one owner, most ended connections first.
pub(super) fn stories<'a>(
    scope: &Scope<'a>,
    owner: Owner,
    clusters: Vec<Cluster<'a>>,
) -> Vec<Story<'a>> {
    let clusters = clusters.into_iter();
    let mut stories: Vec<_> = clusters
        .flat_map(|cluster| by_peer(scope, owner, cluster))
        .collect();
    leave_lines_to_the_certain(scope, &mut stories);
    pair_up(scope, &mut stories, |one, other| {
        one.cluster.thread.is_some() && one.cluster.thread == other.cluster.thread
    });
    pair_up(scope, &mut stories, |one, other| one.lead() == other.lead());
    let (mut told, untold): (Vec<_>, Vec<_>) = stories
        .into_iter()
        .partition(|story| !story.verdicts.is_empty());
    let untold = attach(scope, &mut told, untold);
    let untold = pool_by_thread(scope, &mut told, owner, untold);
    told.extend(unexplained(scope, owner, untold));
    phases(told)
}

/// A cluster over several peers: one story, unless what was met at one of them is another
/// one, told no less surely.
fn by_peer<'a>(scope: &Scope<'a>, owner: Owner, cluster: Cluster<'a>) -> Vec<Story<'a>> {
    let whole = Story::of(scope, owner, cluster);
    if !(2..=MOST_PEERS_APART).contains(&whole.case.destinations.len()) {
        return vec![whole];
    }
    let apart = whole.cluster.by_peer().into_iter();
    let apart: Vec<_> = apart
        .map(|cluster| Story::of(scope, owner, cluster))
        .collect();
    let differs = |part: &Story<'_>| match (part.lead(), whole.lead()) {
        (None, _) => false,
        (Some(_), None) => true,
        // That all were cut at the same age is no accident, and does not show in the whole.
        (Some((Churn::IdleTimeout, _)), Some((of_whole, _))) => of_whole != Churn::IdleTimeout,
        (Some((name, surest)), Some((of_whole, confidence))) => {
            name != of_whole && surest >= confidence
        }
    };
    match apart.iter().any(differs) {
        true => apart,
        false => of_one_peer_by_log(scope, whole, apart),
    }
}

/// A line of the log may be of one of the peers, and does not say of which. Where what is met
/// at one of them is told without it, and at another one is not, it is that one's.
fn of_one_peer_by_log<'a>(
    scope: &Scope<'a>,
    whole: Story<'a>,
    apart: Vec<Story<'a>>,
) -> Vec<Story<'a>> {
    let Some((name, _)) = whole.lead() else {
        return vec![whole];
    };
    if !whole
        .case
        .logs
        .iter()
        .any(|line| evidence::is_for(line, name))
    {
        return vec![whole];
    }
    let bare = apart
        .iter()
        .map(|part| Story::without_lines(scope, part.owner, part.cluster.clone(), name));
    let bare: Vec<_> = bare.collect();
    let stands = |part: &Story<'_>| stands_without(part, name);
    if bare.iter().all(stands) || !bare.iter().any(stands) {
        return vec![whole];
    }
    let each = bare.into_iter().zip(apart);
    each.map(|(bare, with_lines)| if stands(&bare) { bare } else { with_lines })
        .collect()
}

/// A line that proves what was met at one peer is not taken for what was met at others, where
/// that is told without it.
fn leave_lines_to_the_certain<'a>(scope: &Scope<'a>, stories: &mut [Story<'a>]) {
    let proven = stories.iter().filter_map(|story| match story.lead()? {
        (name, Confidence::Certain) => Some((name, story.case.destinations.clone())),
        _ => None,
    });
    for (name, peers) in proven.collect::<Vec<_>>() {
        for story in &mut *stories {
            let is_there = story
                .case
                .destinations
                .iter()
                .any(|one| peers.contains(one));
            let has_line = story
                .case
                .logs
                .iter()
                .any(|line| evidence::is_for(line, name));
            if is_there || !has_line || !story.says(name) {
                continue;
            }
            let bare = Story::without_lines(scope, story.owner, story.cluster.clone(), name);
            if stands_without(&bare, name) {
                *story = bare;
            }
        }
    }
}

/// Whether something else is told, likely at least.
fn stands_without(story: &Story<'_>, name: Churn) -> bool {
    let lead = story.lead();
    lead.is_some_and(|(lead, surest)| lead != name && surest >= Confidence::Likely)
}

/// Puts what a thread met before into the story of what it met from then on.
fn phases(mut stories: Vec<Story<'_>>) -> Vec<Story<'_>> {
    let mut place = 0;
    while place < stories.len() {
        let story = &stories[place];
        let later = stories.iter().position(|later| story.came_before(later));
        match (later, story.lead()) {
            (Some(later), Some((name, _))) => {
                let connections = story.explains();
                let spans = (story.cluster.span(), stories[later].cluster.span());
                let is_over = matches!(spans, (Some((_, end)), Some((begin, _))) if end <= begin);
                stories[later].before.push(Before {
                    name,
                    connections,
                    is_over,
                });
                stories.remove(place);
            }
            _ => place += 1,
        }
    }
    stories
}

/// Puts pairs together that may be one story and are.
fn pair_up<'a>(
    scope: &Scope<'a>,
    stories: &mut Vec<Story<'a>>,
    may: impl Fn(&Story<'a>, &Story<'a>) -> bool,
) {
    let mut first = 0;
    while first < stories.len() {
        let mut second = first + 1;
        while second < stories.len() {
            let (one, other) = (&stories[first], &stories[second]);
            let both_tell = !one.verdicts.is_empty() && !other.verdicts.is_empty();
            let together = (both_tell && may(one, other)).then(|| joined(scope, one, other));
            if let Some(story) = together.flatten() {
                stories[first] = story;
                stories.remove(second);
                // The larger one may take what the smaller could not.
                second = first + 1;
            } else {
                second += 1;
            }
        }
        first += 1;
    }
}

/// Both as one, if that tells what each of them told, and no less surely.
fn joined<'a>(scope: &Scope<'a>, one: &Story<'a>, other: &Story<'a>) -> Option<Story<'a>> {
    let whole = whole(scope, one, other)?;
    let (name, confidence) = whole.lead()?;
    let agrees = |part: &Story<'_>| match part.lead() {
        // What it would rather be must not be lost.
        Some((lead, surest)) => part.says(name) && whole.says(lead) && confidence >= surest,
        None => true,
    };
    (agrees(one) && agrees(other)).then_some(whole)
}

/// Both as one, whatever that tells.
fn whole<'a>(scope: &Scope<'a>, one: &Story<'a>, other: &Story<'a>) -> Option<Story<'a>> {
    let may = one.may_agree(other) && !would_silence(&one.cluster, &other.cluster);
    may.then(|| Story::of(scope, one.owner, one.cluster.clone().and(&other.cluster)))
}

/// Likewise where both went the same way, and the whole decides what one could not tell: the
/// interval of seven is none yet, that of eight is.
fn decided<'a>(scope: &Scope<'a>, one: &Story<'a>, other: &Story<'a>) -> Option<Story<'a>> {
    let [(_, undecided), ..] = one.verdicts.as_slice() else {
        return None;
    };
    let whole = whole(scope, one, other)?;
    let (name, confidence) = whole.lead()?;
    let is_named = undecided.cannot_tell_from.contains(&name);
    (is_named && confidence > undecided.confidence).then_some(whole)
}

/// Whether one of them is about connections on which nobody spoke, and the other is not: what
/// spoke is none of those.
fn would_silence(one: &Cluster<'_>, other: &Cluster<'_>) -> bool {
    (one.is_silent() && other.has_spoken()) || (other.is_silent() && one.has_spoken())
}

/// What tells nothing may belong to what is told of each of its peers.
fn one_by_peer<'a>(scope: &Scope<'a>, story: Story<'a>) -> Vec<Story<'a>> {
    match story.case.destinations.len() {
        2..=MOST_PEERS_APART => {
            let apart = story.cluster.by_peer().into_iter();
            let judged = apart.map(|cluster| Story::of(scope, story.owner, cluster));
            judged.collect()
        }
        _ => vec![story],
    }
}

/// What tells nothing by itself goes to the story of the same kind of thread, where it
/// is the lesser part.
fn attach<'a>(scope: &Scope<'a>, told: &mut [Story<'a>], untold: Vec<Story<'a>>) -> Vec<Story<'a>> {
    let mut left = Vec::new();
    for story in untold
        .into_iter()
        .flat_map(|story| one_by_peer(scope, story))
    {
        let may_take = |host: &Story<'_>| {
            let peers = &host.case.destinations;
            host.cluster.thread == story.cluster.thread
                && story.ended() * 2 <= host.ended()
                && story
                    .case
                    .destinations
                    .iter()
                    .all(|one| peers.contains(one))
        };
        // Where others of that owner went the same way, it is of those.
        let (alike, others): (Vec<_>, Vec<_>) = told
            .iter_mut()
            .filter(|host| may_take(host))
            .partition(|host| host.cluster.goes_as(&story.cluster));
        let others = others.into_iter().filter(|host| host.may_have(&story));
        let alike = alike.into_iter().map(|host| (host, true));
        let hosts = alike.chain(others.map(|host| (host, false)));
        let mut taken = false;
        for (host, is_alike) in hosts {
            let same_lead = |whole: &Story<'_>| {
                whole.lead().map(|(name, _)| name) == host.lead().map(|(name, _)| name)
            };
            let as_before = joined(scope, host, &story).filter(|whole| same_lead(whole));
            let or_decided = || is_alike.then(|| decided(scope, host, &story)).flatten();
            if let Some(whole) = as_before.or_else(or_decided) {
                *host = whole;
                taken = true;
                break;
            }
        }
        if !taken {
            left.push(story);
        }
    }
    left
}

/// Several ways of one kind of thread, none of which tells anything by itself.
fn pool_by_thread<'a>(
    scope: &Scope<'a>,
    told: &mut Vec<Story<'a>>,
    owner: Owner,
    untold: Vec<Story<'a>>,
) -> Vec<Cluster<'a>> {
    let mut pools: BTreeMap<_, Vec<Cluster<'a>>> = BTreeMap::new();
    for story in untold {
        let pool = pools.entry(story.cluster.thread).or_default();
        pool.push(story.cluster);
    }
    let mut left = Vec::new();
    for pool in pools.into_values() {
        if let Some(story) = pooled(scope, owner, pool.clone()) {
            told.push(story);
            continue;
        }
        let (spoken, silent): (Vec<_>, Vec<_>) = pool.into_iter().partition(Cluster::has_spoken);
        match pooled(scope, owner, silent.clone()) {
            Some(story) => told.push(story),
            None => left.extend(silent),
        }
        left.extend(spoken);
    }
    left
}

/// These as one, where that tells something, and nothing of silence where one of them spoke.
fn pooled<'a>(scope: &Scope<'a>, owner: Owner, pool: Vec<Cluster<'a>>) -> Option<Story<'a>> {
    const OF_SILENCE: [Churn; 2] = [Churn::ClientFailsBeforeItSpeaks, Churn::TcpHealthProbe];
    if pool.len() < 2 {
        return None;
    }
    let story = Story::of(scope, owner, together(pool)?);
    let (name, _) = story.lead()?;
    let is_true = !(OF_SILENCE.contains(&name) && story.cluster.has_spoken());
    is_true.then_some(story)
}

fn together(clusters: Vec<Cluster<'_>>) -> Option<Cluster<'_>> {
    clusters.into_iter().reduce(|mut all, other| {
        all.add(other);
        all
    })
}

/// What nothing explains is one story, if it is much.
fn unexplained<'a>(scope: &Scope<'a>, owner: Owner, left: Vec<Cluster<'a>>) -> Option<Story<'a>> {
    // What was about to be closed as the trace ended has not come and gone.
    let over = left
        .into_iter()
        .filter(|cluster| !cluster.is_all_of(Way::HalfClosed));
    let cluster = together(over.collect())?;
    let case = scope.case(owner, &cluster);
    let mut rules = rules::ELSE.iter();
    let verdict = rules.find_map(|rule| Some((rule, rule.verdict(&case)?)))?;
    Some(Story::with(vec![verdict], owner, cluster, case))
}

/// What makes several processes one program.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Program {
    /// Name, executable and command line.
    Known((String, Option<String>, Vec<String>)),
    /// Name and user.
    OfName((String, Option<u32>)),
}

/// Puts processes of one program together that do the same: the workers of one parent,
/// or instances of one service.
pub(super) fn workers<'a>(scope: &Scope<'a>, stories: Vec<Story<'a>>) -> Vec<Story<'a>> {
    let mut alike: BTreeMap<_, Vec<Story<'a>>> = BTreeMap::new();
    let mut all = Vec::new();
    for story in stories {
        let program = match (story.owner, story.lead()) {
            // Which of them has the session is the story itself.
            (_, None | Some((Churn::OneSessionTwoClients, _))) => None,
            // Of whose connections it refused more, and of whose fewer, is chance.
            (Owner::Process(_) | Owner::Program(_), Some((Churn::ServerRestarts, _))) => {
                scope.name_of_all(&story.cluster).map(Program::OfName)
            }
            (Owner::Process(process), Some(_)) => scope.program(process).map(Program::Known),
            _ => None,
        };
        let of_what = |program| {
            let name = story.lead().map(|(name, _)| name);
            (name, program, story.case.destinations.clone())
        };
        match program.map(of_what) {
            Some(program) => alike.entry(program).or_default().push(story),
            None => all.push(story),
        }
    }
    for stories in alike.into_values() {
        let judge = |owner, cluster| Story::of(scope, owner, cluster);
        match as_one(&stories, judge) {
            Some(story) => all.push(story),
            None => all.extend(stories),
        }
    }
    all
}

/// All as one, if that tells what each of them told, and no less surely; `judge` says what is
/// told of connections.
pub(super) fn as_one<'a>(
    stories: &[Story<'a>],
    judge: impl Fn(Owner, Cluster<'a>) -> Story<'a>,
) -> Option<Story<'a>> {
    let [first, _, ..] = stories else {
        return None;
    };
    let clusters: Vec<_> = stories.iter().map(|story| story.cluster.clone()).collect();
    let mut whole = judge(first.owner, together(clusters)?);
    let (name, confidence) = whole.lead()?;
    let agree = stories.iter().all(|part| {
        let surest = part.lead().map(|(_, surest)| surest);
        part.says(name) && surest <= Some(confidence)
    });
    whole.before = stories
        .iter()
        .flat_map(|part| part.before.clone())
        .collect();
    agree.then_some(whole)
}
