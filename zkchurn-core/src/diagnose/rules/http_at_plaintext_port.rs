// SPDX-License-Identifier: MIT
//! Somebody speaks HTTP to ZooKeeper's client port: the server takes `GET ` for a
//! length of 1195725856, finds it too large and closes.

use super::{Rule, wrong_protocol};
use crate::diagnose::{churn::Churn, finding::Severity, protocol::Scope};

pub(super) const RULE: Rule = Rule {
    name: Churn::HttpAtPlaintextPort,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge: |case| {
        wrong_protocol::read_off_the_wire(
            case,
            |handshakes| handshakes.http,
            "HTTP",
            "an HTTP request was seen on the wire",
            "find what scrapes or checks this port: metrics are on port 7000 (metricsProvider.httpPort), the admin server is on 8080",
        )
    },
};

#[cfg(test)]
mod tests {
    use super::Churn;
    use super::wrong_protocol::found_in;
    use crate::diagnose::{Confidence, test_case::only};

    #[test]
    fn the_first_bytes_say_so() {
        let finding = only(found_in(b"GET / HTTP/1.1"));
        let told = (finding.name, finding.confidence);
        assert_eq!(told, (Churn::HttpAtPlaintextPort, Confidence::Certain));
    }
}
