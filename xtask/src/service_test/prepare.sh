#!/bin/sh
# SPDX-License-Identifier: MIT
# Inside a root file system, as root: systemd, and what a guest takes besides.
#
# prepare.sh PACKAGE…
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install -y --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/*
