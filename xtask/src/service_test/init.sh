#!/bin/bash
# SPDX-License-Identifier: MIT
# What a guest's kernel starts: it loads the modules that a Debian would have found itself, and
# becomes systemd.
export PATH=/usr/sbin:/usr/bin
for module in @modules@; do
    for file in /modules/"$module".ko*; do
        [ -e "$file" ] && insmod "$file"
    done
done
exec /lib/systemd/systemd
