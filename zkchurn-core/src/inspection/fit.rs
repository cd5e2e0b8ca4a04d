// SPDX-License-Identifier: MIT
//! What a look brought, cut to what a frame can hold. What was left out is said where a
//! reader looks for it.

use super::Inspection;

/// Frames of each stack that are tried, the most that fit being kept.
const FRAMES: [usize; 5] = [20, 10, 5, 1, 0];

/// Room for the note that findings were left out.
const NOTE: usize = 200;

impl Inspection {
    /// Leaves out as much as it takes to be at most `limit` bytes of JSON: first the
    /// outer frames of the threads' stacks, then log findings, the least telling first,
    /// and at last all that `/proc` and the JVM told.
    pub fn fit(&mut self, limit: usize) {
        for frames in FRAMES {
            if self.fits(limit) {
                return;
            }
            self.keep_frames(frames);
        }
        self.keep_findings(limit.saturating_sub(NOTE));
        if !self.fits(limit) {
            self.jvm = None;
            self.logs = None;
            let details = self.details.take();
            self.details = details.map(|details| super::Details {
                uid: details.uid,
                notes: vec!["Its details exceed the size limit and were dropped.".to_owned()],
                ..super::Details::default()
            });
        }
    }

    fn fits(&self, limit: usize) -> bool {
        serde_json::to_vec(self).is_ok_and(|json| json.len() <= limit)
    }

    fn keep_frames(&mut self, frames: usize) {
        let threads = self.jvm.iter_mut().flat_map(|jvm| &mut jvm.threads);
        for thread in threads {
            let left_out = thread.stack.len().saturating_sub(frames);
            thread.stack.truncate(frames);
            thread.frames_left_out += left_out as u64;
        }
    }

    /// Halves the findings until all fits, and notes how many were left out.
    fn keep_findings(&mut self, limit: usize) {
        let found = self.logs.as_ref().map_or(0, |logs| logs.findings.len());
        let mut kept = found;
        while kept > 0 && !self.fits(limit) {
            kept /= 2;
            if let Some(logs) = &mut self.logs {
                logs.findings.truncate(kept);
            }
        }
        if let Some(logs) = self.logs.as_mut().filter(|_| kept < found) {
            logs.notes.push(format!(
                "{} of {found} findings were dropped: together they exceed the size limit.",
                found - kept
            ));
        }
    }
}
