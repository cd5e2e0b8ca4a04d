// SPDX-License-Identifier: MIT
//! The data in a page, from which the same page can be made again. What is read may be of
//! anybody.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Serializer;

use super::{
    document,
    hosts::{self, HostsPage},
    page::Page,
};
use crate::render::json_text::Printable;

/// The id of its element.
pub(super) const ID: &str = "zkchurn-page";
/// Raised when an older zkchurn could not make the page any more; a page of several hosts has
/// another one.
const VERSION: u32 = 1;
const VERSION_OF_HOSTS: u32 = 2;
/// Bytes of the largest page that is read: zkchurn writes none above 2 MB.
pub const LARGEST: usize = 4 << 20;

#[derive(Serialize)]
struct Written<'a, P> {
    zkchurn_page: u32,
    page: &'a P,
}

#[derive(Deserialize)]
struct Version {
    zkchurn_page: u32,
}

#[derive(Deserialize)]
struct Read<P> {
    page: P,
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
    written(VERSION, page)
}

/// The same of several hosts.
pub(super) fn write_hosts(page: &HostsPage) -> String {
    written(VERSION_OF_HOSTS, page)
}

fn written(zkchurn_page: u32, page: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let written = Written { zkchurn_page, page };
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
    let data = data_in(bytes)?;
    match version(data)? {
        VERSION => Ok(document::of_report(&read::<Page>(data)?.bounded())),
        VERSION_OF_HOSTS => Ok(hosts::write(&read::<HostsPage>(data)?.bounded())),
        newer => Err(PageError::Newer(newer)),
    }
}

/// What stands on the page of one host.
///
/// # Errors
///
/// As [`again`].
pub(super) fn page_in(bytes: &[u8]) -> Result<Page, PageError> {
    let data = data_in(bytes)?;
    match version(data)? {
        VERSION => read(data),
        other => Err(PageError::Newer(other)),
    }
}

fn version(data: &str) -> Result<u32, PageError> {
    let version: Version = serde_json::from_str(data).map_err(PageError::Damaged)?;
    Ok(version.zkchurn_page)
}

fn read<P: DeserializeOwned>(data: &str) -> Result<P, PageError> {
    let read: Read<P> = serde_json::from_str(data).map_err(PageError::Damaged)?;
    Ok(read.page)
}

fn data_in(bytes: &[u8]) -> Result<&str, PageError> {
    if bytes.len() > LARGEST {
        return Err(PageError::TooLarge);
    }
    let text = str::from_utf8(bytes).map_err(|_| PageError::NoPage)?;
    let open = format!("<script type=\"application/json\" id=\"{ID}\">");
    let (_, behind) = text.split_once(&open).ok_or(PageError::NoPage)?;
    let (data, _) = behind.split_once("</script>").ok_or(PageError::NoPage)?;
    Ok(data)
}
