// SPDX-License-Identifier: MIT
//! Processes that changed their user from one connection to the next (setuid).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ledger::{Flow, FlowKey},
    process::ProcessKey,
    registry::Registry,
    text,
};

/// Most that are named.
const MOST: usize = 4;

/// A sentence for each such process, and one for how many more there are.
pub(super) fn sentences(registry: &Registry, flows: &[(&FlowKey, &Flow)]) -> Vec<String> {
    let mut users: BTreeMap<ProcessKey, BTreeSet<u32>> = BTreeMap::new();
    for (key, flow) in flows {
        if let Some(process) = key.process {
            let uids = users.entry(process).or_default();
            uids.extend(flow.uid.iter().chain(&flow.earlier_uids));
        }
    }
    let several = users.into_iter().filter(|(_, uids)| uids.len() > 1);
    let mut sentences: Vec<_> = several
        .map(|(process, uids)| sentence(registry, process, &uids))
        .collect();
    let more = sentences.len().saturating_sub(MOST);
    sentences.truncate(MOST);
    if more > 0 {
        sentences.push(format!(
            "{} opened connections as several users, too",
            text::counted(more as u64, "more process")
        ));
    }
    sentences
}

fn sentence(registry: &Registry, process: ProcessKey, uids: &BTreeSet<u32>) -> String {
    let named = uids
        .iter()
        .map(|uid| match registry.user_name(process, *uid) {
            Some(name) => format!("{name} (uid {uid})"),
            None => format!("uid {uid}"),
        });
    let named: Vec<_> = named.collect();
    format!(
        "pid {} opened connections as {}: a row has its latest user, and `--filter uid:{}` selects \
         one",
        process.pid,
        text::listed(&named),
        uids.first().copied().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{Ledger, test_connection::ended},
        outcome::Outcome,
    };

    /// What is said of a process that connects as these users in turn.
    fn said(uids: &[u32]) -> Vec<String> {
        let mut ledger = Ledger::default();
        for uid in uids {
            let mut connection = ended(1, 0, 0, Outcome::Refused);
            connection.opener.as_mut().unwrap().uid = *uid;
            ledger.observe(&connection, Outcome::Refused);
        }
        sentences(&Registry::default(), &ledger.flows())
    }

    #[test]
    fn all_users_of_a_process_are_named() {
        assert!(said(&[7, 7]).is_empty());
        let said = said(&[0, 1000, 0, 1000]);
        assert!(said[0].contains("as uid 0 and uid 1000:"), "{said:?}");
        assert_eq!(said.len(), 1);
        let three = self::said(&[0, 1000, 33]);
        assert!(
            three[0].contains("as uid 0, uid 33 and uid 1000:"),
            "{three:?}"
        );
    }
}
