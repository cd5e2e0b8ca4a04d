// SPDX-License-Identifier: MIT
//! A page that is made again of the data in it, which anybody may have written. The input
//! is the data, or a whole page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_core::render::html;

const BEFORE: &str = "<!DOCTYPE html><script type=\"application/json\" id=\"zkchurn-page\">";
/// The data, the program, and nothing that the data brought.
const SCRIPTS: usize = 2;

fuzz_target!(|input: &[u8]| {
    let page = match html::is_page(input) {
        true => input.to_vec(),
        false => [BEFORE.as_bytes(), input, b"</script>"].concat(),
    };
    let Ok(made) = html::again(&page) else {
        return;
    };
    let lower = made.to_ascii_lowercase();
    assert_eq!(lower.matches("<script").count(), SCRIPTS, "{made}");
    assert!(!lower.contains("<iframe") && !lower.contains("<img"), "{made}");
    if made.len() <= html::LARGEST {
        let again = html::again(made.as_bytes());
        assert_eq!(again.expect("a page of our own is understood"), made);
    }
});
