// SPDX-License-Identifier: MIT
//! Names of users, from `/etc/passwd` alone: the C library would ask whatever
//! `/etc/nsswitch.conf` names, over a network too, inside of this process.

use std::fs;

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// The group that the user belongs to by default.
    pub gid: u32,
}

impl User {
    /// The user of this id on this host; `None` for those that a directory service knows.
    pub fn of(uid: u32) -> Option<Self> {
        let passwd = fs::read("/etc/passwd").ok()?;
        Self::find(&String::from_utf8_lossy(&passwd), uid)
    }

    /// `name:password:uid:gid:...`, a line each (passwd(5)).
    fn find(passwd: &str, uid: u32) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _password) = (fields.next()?, fields.next()?);
            let is_it = fields.next()?.parse() == Ok(uid);
            let gid = fields.next()?.parse().ok()?;
            is_it.then(|| Self {
                name: name.to_owned(),
                gid,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_id() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n+::::::\nbroken\n\
             zookeeper:x:114:121::/var/lib/zookeeper:/bin/sh\n";
        let zookeeper = User::find(passwd, 114).unwrap();
        assert_eq!((zookeeper.name.as_str(), zookeeper.gid), ("zookeeper", 121));
        assert_eq!(User::find(passwd, 1), None);
        assert_eq!(User::of(0).unwrap().name, "root");
    }
}
