// SPDX-License-Identifier: MIT
//! Handshakes for a person: of one connection, and of many.

use crate::{
    handshake::{Handshake, message::Message},
    report::handshakes::HandshakeSummary,
    text,
};

/// `reconnect of 0x100019242b50000, expired`
pub(crate) fn of_connection(handshake: &Handshake) -> String {
    let request = handshake.request.map(|first| request(first.message));
    let is_unexpected = handshake.is_answer_unexpected();
    let response = handshake.response;
    let response = response.map(|first| response_in_words(first.message, is_unexpected));
    let mut words = request.unwrap_or_else(|| "request not seen".to_owned());
    if let Some(response) = response {
        words.push_str(", ");
        words.push_str(&response);
    } else if handshake.is_unanswered() {
        words.push_str(", not answered");
    }
    words
}

fn request(message: Message) -> String {
    match message {
        Message::ConnectRequest { session, .. } => match session.if_any() {
            Some(session) => format!("reconnect of {session}"),
            None => "new session requested".to_owned(),
        },
        Message::FourLetterWord { word } => word.to_string(),
        Message::TlsClientHello => "TLS".to_owned(),
        Message::Http => "HTTP".to_owned(),
        Message::Incomplete => "incomplete request".to_owned(),
        Message::ConnectResponse { .. } | Message::ErrorReply { .. } | Message::Other => {
            "not ZooKeeper's protocol".to_owned()
        }
    }
}

fn response_in_words(message: Message, is_unexpected: bool) -> String {
    match message {
        Message::ConnectResponse { .. } if message.is_expired() => "expired".to_owned(),
        Message::ConnectResponse { session, .. } => format!("granted {session}"),
        Message::Http => "HTTP".to_owned(),
        Message::Incomplete => "incomplete answer".to_owned(),
        Message::ErrorReply { error } => format!("answered with error {error}"),
        _ if is_unexpected => "unexpected answer".to_owned(),
        _ => "answered".to_owned(),
    }
}

/// `2 new sessions, 3 reconnects (…); 2 granted, 1 expired; 2 sessions, …`
pub(crate) fn of_many(summary: &HandshakeSummary) -> String {
    let mut requests = counts(&[
        (summary.new_handles, "new session"),
        (summary.reconnects, "reconnect"),
        (summary.tls, "TLS hello"),
        (summary.http, "HTTP request"),
        (summary.other_requests, "non-ZooKeeper request"),
        (summary.incomplete, "incomplete message"),
    ]);
    for (word, count) in &summary.four_letter_words {
        requests.push(format!("{} {word}", text::count(*count)));
    }
    let answers: Vec<_> = [
        (summary.granted, "granted"),
        (summary.expired, "expired"),
        (summary.unanswered, "not answered"),
        (summary.unexpected_responses, "unexpected answer"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{} {words}", text::count(*count)))
    .collect();
    let parts = [requests.join(", "), answers.join(", "), sessions(summary)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn counts(all: &[(u64, &str)]) -> Vec<String> {
    all.iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| text::counted(*count, noun))
        .collect()
}

fn sessions(summary: &HandshakeSummary) -> String {
    let Some(main) = summary.main_session else {
        return String::new();
    };
    if summary.sessions == 1 {
        return format!("session {}", main.session);
    }
    let at_least = if summary.sessions_uncounted {
        "at least "
    } else {
        ""
    };
    let sessions = text::counted(summary.sessions, "session");
    if main.connections == 1 {
        return format!("{at_least}{sessions}");
    }
    let most = text::count(main.connections);
    format!("{at_least}{sessions}, most often {} ({most})", main.session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handshake::{First, word::FourLetterWord},
        ledger::handshakes::{Handshakes, tests::asked},
    };

    #[test]
    fn one_connection_in_words() {
        let words = |handshake| of_connection(&handshake);
        assert_eq!(
            words(asked(0x100, Some((0, 0)))),
            "reconnect of 0x100, expired"
        );
        assert_eq!(
            words(asked(0, Some((0x200, 4_000)))),
            "new session requested, granted 0x200"
        );
        assert_eq!(words(asked(7, None)), "reconnect of 0x7, not answered");
    }

    /// Only a request for a session has one answer that is to be expected.
    #[test]
    fn what_a_word_or_tls_is_answered_with_is_not_unexpected() {
        let first = |message| {
            Some(First {
                message,
                at_ns: 0,
                first_packet: 4,
            })
        };
        let answered = |request, response| Handshake {
            request: first(request),
            response: first(response),
        };
        let word = FourLetterWord::of(b"ruok").unwrap();
        let session = asked(0, None).request.unwrap().message;
        for (handshake, words, unexpected) in [
            (
                answered(Message::FourLetterWord { word }, Message::Other),
                "ruok, answered",
                0,
            ),
            (
                answered(Message::TlsClientHello, Message::Other),
                "TLS, answered",
                0,
            ),
            (
                answered(session, Message::Http),
                "new session requested, HTTP",
                1,
            ),
            (
                answered(session, Message::Other),
                "new session requested, unexpected answer",
                1,
            ),
        ] {
            assert_eq!(of_connection(&handshake), words);
            let mut handshakes = Handshakes::default();
            handshakes.observe(&handshake);
            assert_eq!(handshakes.unexpected_responses, unexpected, "{words}");
        }
    }

    #[test]
    fn many_connections_in_words() {
        let mut handshakes = Handshakes::default();
        let words = |handshakes: &Handshakes| {
            HandshakeSummary::of(handshakes).map(|summary| of_many(&summary))
        };
        assert_eq!(words(&handshakes), None);
        handshakes.observe(&asked(0, Some((0x10, 4_000))));
        assert_eq!(
            words(&handshakes).unwrap(),
            "1 new session; 1 granted; session 0x10"
        );
        handshakes.observe(&asked(0x10, Some((0, 0))));
        handshakes.observe(&asked(0x20, None));
        assert_eq!(
            words(&handshakes).unwrap(),
            "1 new session, 2 reconnects; 1 granted, 1 expired, 1 not answered; \
             2 sessions, most often 0x10 (2)"
        );
    }
}
