// SPDX-License-Identifier: MIT
//! A filter that the kernel runs on each socket of a dump: `INET_DIAG_REQ_BYTECODE`
//! (`inet_diag_bc_audit` and `inet_diag_bc_run`, net/ipv4/inet_diag.c), which
//! works on TIME_WAIT sockets too.
//!
//! A dump walks the kernel's whole hash table, for each namespace anew. So
//! several ports and sides are asked for in one dump.
//!
//! An operation (`struct inet_diag_bc_op`) is a code, the bytes to go on by when
//! it holds (`yes`) and when it does not (`no`). A socket matches when the
//! program is left exactly at its end, and not when it is left behind it.

/// `INET_DIAG_REQ_BYTECODE`
const ATTRIBUTE: u16 = 1;
/// `INET_DIAG_BC_JMP`: goes on by `no`.
const JUMP: u8 = 1;
/// `INET_DIAG_BC_S_GE`, `INET_DIAG_BC_S_LE`
const LOCAL_PORT: [u8; 2] = [2, 3];
/// `INET_DIAG_BC_D_GE`, `INET_DIAG_BC_D_LE`
const REMOTE_PORT: [u8; 2] = [4, 5];

/// Bytes of an operation.
const OPERATION: u16 = 4;
/// Bytes of a comparison: the operation, and the port in a second one.
const COMPARISON: u16 = 2 * OPERATION;
/// Bytes of a condition: at least the port, at most the port, jump to the end.
const CONDITION: u16 = 2 * COMPARISON + OPERATION;

/// Most conditions of one filter, so that its length fits an attribute.
pub const MOST_CONDITIONS: usize = 1024;

/// What one port must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The local port.
    Local(u16),
    /// The remote port.
    Remote(u16),
}

/// The netlink attribute with a filter for sockets that meet one of
/// `conditions`, at most [`MOST_CONDITIONS`].
pub fn any_of(conditions: &[Condition]) -> Vec<u8> {
    let conditions = conditions.get(..MOST_CONDITIONS).unwrap_or(conditions);
    let mut program = Vec::new();
    let mut left = conditions.len() as u16 * CONDITION;
    for condition in conditions {
        left -= CONDITION;
        add_condition(&mut program, *condition, left);
    }
    let mut attribute = Vec::with_capacity(4 + program.len());
    attribute.extend_from_slice(&(4 + program.len() as u16).to_ne_bytes());
    attribute.extend_from_slice(&ATTRIBUTE.to_ne_bytes());
    attribute.extend(program);
    attribute
}

/// `behind` bytes of other conditions follow.
fn add_condition(program: &mut Vec<u8>, condition: Condition, behind: u16) {
    let ([at_least, at_most], port) = match condition {
        Condition::Local(port) => (LOCAL_PORT, port),
        Condition::Remote(port) => (REMOTE_PORT, port),
    };
    // Not met: on to the next condition, or past the end.
    let past_the_end = if behind == 0 { OPERATION } else { 0 };
    let next = CONDITION + past_the_end;
    add(program, at_least, COMPARISON, next);
    add(program, 0, 0, port);
    add(program, at_most, COMPARISON, next - COMPARISON);
    add(program, 0, 0, port);
    // Met: to the end.
    add(program, JUMP, OPERATION, OPERATION + behind);
}

fn add(program: &mut Vec<u8>, code: u8, yes: u16, no: u16) {
    program.extend_from_slice(&[code, yes as u8]);
    program.extend_from_slice(&no.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the kernel does in `inet_diag_bc_run`.
    fn run(program: &[u8], local: u16, remote: u16) -> bool {
        let number = |at: usize| u16::from_ne_bytes([program[at], program[at + 1]]);
        let mut at = 0;
        while at < program.len() {
            let holds = match program[at] {
                1 => false,
                2 => local >= number(at + 6),
                3 => local <= number(at + 6),
                4 => remote >= number(at + 6),
                5 => remote <= number(at + 6),
                code => panic!("operation {code}"),
            };
            at += match holds {
                true => usize::from(program[at + 1]),
                false => usize::from(number(at + 2)),
            };
        }
        at == program.len()
    }

    proptest! {
        #[test]
        fn exactly_the_sockets_that_meet_a_condition_match(
            conditions in prop::collection::vec((any::<bool>(), 0..6_u16), 1..20),
            local in 0..6_u16,
            remote in 0..6_u16,
        ) {
            let expected = conditions.iter().any(|(is_local, port)| {
                *port == if *is_local { local } else { remote }
            });
            let conditions: Vec<_> = conditions
                .into_iter()
                .map(|(is_local, port)| match is_local {
                    true => Condition::Local(port),
                    false => Condition::Remote(port),
                })
                .collect();
            prop_assert_eq!(run(&any_of(&conditions)[4..], local, remote), expected);
        }
    }

    #[test]
    fn the_largest_filter_fits_its_attribute() {
        let conditions = vec![Condition::Local(1); MOST_CONDITIONS + 1];
        let attribute = any_of(&conditions);
        let length = u16::from_ne_bytes([attribute[0], attribute[1]]);
        assert_eq!(usize::from(length), attribute.len());
        assert_eq!(attribute.len(), 4 + MOST_CONDITIONS * 20);
    }
}
