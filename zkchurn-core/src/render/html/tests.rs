use sha2::{Digest, Sha256};

use super::{document, embedded, page::Page};

#[test]
fn the_policy_names_this_style_and_this_script() {
    let hash = |text: &str| {
        let digest = Sha256::digest(text.as_bytes());
        format!("sha256-{}", base64(&digest))
    };
    assert_eq!(document::STYLE_HASH, hash(document::STYLE));
    assert_eq!(document::SCRIPT_HASH, hash(document::SCRIPT));
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        for place in 0..4 {
            match place <= chunk.len() {
                true => text.push(char::from(
                    LETTERS[(word >> (18 - 6 * place)) as usize & 63],
                )),
                false => text.push('='),
            }
        }
    }
    text
}

#[test]
fn what_ends_an_element_ends_nothing() {
    let evil = "</script><script>alert(1)</script><!--";
    let page = Page {
        title: evil.to_owned(),
        confidence: evil.to_owned(),
        severity: evil.to_owned(),
        answer: evil.to_owned(),
        ..Page::default()
    };
    let html = document::of_report(&page);
    assert_eq!(html.matches("<script").count(), 2, "{html}");
    assert!(!html.contains("alert(1)</script>"), "{html}");
    assert_eq!(embedded::again(html.as_bytes()).unwrap(), html);
}

#[test]
fn what_is_no_page_is_refused() {
    for wrong in [
        "",
        "<!DOCTYPE html>",
        "<script type=\"application/json\" id=\"zkchurn-page\">{}</script>",
    ] {
        assert!(embedded::again(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let newer = "<script type=\"application/json\" id=\"zkchurn-page\">{\"zkchurn_page\":9,\"page\":{}}</script>";
    assert!(
        embedded::again(newer.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("newer")
    );
}
