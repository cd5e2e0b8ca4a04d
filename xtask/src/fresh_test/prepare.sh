#!/bin/sh
# SPDX-License-Identifier: MIT
# Inside a fresh Debian, as root: what the README asks for, and a user who may call sudo.
#
# prepare.sh SHARED USER; SHARED has the clone, and what this machine knows of the network.
shared=$1 user=$2
set -eu
export DEBIAN_FRONTEND=noninteractive
# As Debian's installer leaves them; debootstrap writes the first line only.
cat >/etc/apt/sources.list <<SOURCES
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
SOURCES
cp "$shared/resolv.conf" /etc/resolv.conf
apt-get -q update
apt-get -q install -y --no-install-recommends git gcc libc6-dev sudo ca-certificates
mkdir -p /usr/local/share/ca-certificates
cp -r "$shared/certificates/." /usr/local/share/ca-certificates/
update-ca-certificates
useradd --create-home --shell /bin/bash "$user"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >"/etc/sudoers.d/$user"
chmod 440 "/etc/sudoers.d/$user"
home=/home/$user
cp -r "$shared/clone" "$home/zkchurn"
# What rustup's installer makes, but for the toolchains: they are mounted.
mkdir -p "$home/.rustup/toolchains" "$home/.cargo/bin"
cp "$shared/settings.toml" "$home/.rustup/"
cp "$shared/rustup" "$home/.cargo/bin/"
for tool in cargo rustc rustdoc rustfmt cargo-fmt cargo-clippy clippy-driver; do
    ln -s rustup "$home/.cargo/bin/$tool"
done
echo 'PATH="$HOME/.cargo/bin:$PATH"' >>"$home/.profile"
chown -R "$user:" "$home"
