// SPDX-License-Identifier: MIT
//! The data in a page, from which the same page can be made again. What is read may be of
//! anybody.

use serde::{Deserialize, Serialize};
use serde_json::Serializer;

use super::{document, page::Page};
use crate::render::json_text::Printable;

/// The id of its element.
pub(super) const ID: &str = "zkchurn-page";
/// Raised when an older zkchurn could not make the page any more.
const VERSION: u32 = 1;
/// Bytes of the largest page that is read: zkchurn writes none above 2 MB.
pub const LARGEST: usize = 4 << 20;

#[derive(Serialize)]
struct Written<'a> {
    zkchurn_page: u32,
    page: &'a Page,
}

#[derive(Deserialize)]
struct Read {
    zkchurn_page: u32,
    page: Page,
}

/// Why a page cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("it is no page of `zkchurn report`, or it was saved without its data")]
    NoPage,
    #[error("it is larger than any page of zkchurn ({LARGEST} bytes)")]
    TooLarge,
    #[error("it was made by a newer zkchurn (page version {0})")]
    Newer(u32),
    #[error("its data are damaged: {0}")]
    Damaged(serde_json::Error),
}

/// The data as they stand in the page: without a `<`, which could end their element.
pub(super) fn write(page: &Page) -> String {
    let mut bytes = Vec::new();
    let written = Written {
        zkchurn_page: VERSION,
        page,
    };
    let mut serializer = Serializer::with_formatter(&mut bytes, Printable);
    // Writing to memory does not fail, and no map has keys that are no texts.
    if written.serialize(&mut serializer).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Whether a file is a page rather than a recording, by its first bytes.
pub fn is_page(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"<!DOCTYPE html>")
}

/// The same page again, of the data that it holds.
///
/// # Errors
///
/// It holds none that are understood.
pub fn again(bytes: &[u8]) -> Result<String, PageError> {
    if bytes.len() > LARGEST {
        return Err(PageError::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|_| PageError::NoPage)?;
    let open = format!("<script type=\"application/json\" id=\"{ID}\">");
    let (_, behind) = text.split_once(&open).ok_or(PageError::NoPage)?;
    let (data, _) = behind.split_once("</script>").ok_or(PageError::NoPage)?;
    let read: Read = serde_json::from_str(data).map_err(PageError::Damaged)?;
    match read.zkchurn_page {
        VERSION => Ok(document::of_report(&read.page.bounded())),
        newer => Err(PageError::Newer(newer)),
    }
}
