# SPDX-License-Identifier: MIT
# A server that takes connections at the port and closes each once its client has.
use strict;
use warnings;
use Socket;
socket(my $server, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1) or die "setsockopt: $!";
bind($server, sockaddr_in($ARGV[0], inet_aton("127.0.0.1"))) or die "bind: $!";
listen($server, 64) or die "listen: $!";
while (accept(my $taken, $server)) {
    sysread($taken, my $byte, 1);
    close $taken;
}
