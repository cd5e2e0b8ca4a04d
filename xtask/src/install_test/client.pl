# A server and a client in one: 20 connections, a tenth of a second apart, each closed by the
# client once the server has taken it.
use strict;
use warnings;
use Socket;
alarm 30;
my $address = sockaddr_in(2181, inet_aton("127.0.0.1"));
socket(my $server, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($server, SOL_SOCKET, SO_REUSEADDR, 1) or die "setsockopt: $!";
bind($server, $address) or die "bind: $!";
listen($server, 8) or die "listen: $!";
for (1 .. 20) {
    socket(my $client, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
    connect($client, $address) or die "connect: $!";
    accept(my $taken, $server) or die "accept: $!";
    close $client;
    close $taken;
    select(undef, undef, undef, 0.1);
}
