use strict;
use Config;
use Socket;

$| = 1;
my $port = shift;
truth(client => $$);

# Numbers of include/uapi/linux/tcp.h, socket.h and in.h, which perl's Socket may lack.
use constant { TCP => 6, MPTCP => 262, SO_LINGER => 13, MSG_FASTOPEN => 0x20000000 };
use constant { TCP_KEEPIDLE => 4, TCP_KEEPINTVL => 5, TCP_KEEPCNT => 6, TCP_LINGER2 => 8 };
use constant { TCP_USER_TIMEOUT => 18, TCP_FASTOPEN_CONNECT => 30 };

# Tells the test something of this run.
sub truth { my ($name, $value) = @_; print "$name=$value\n" }

sub nap { select undef, undef, undef, shift }

sub tcp { socket(my $s, AF_INET, SOCK_STREAM, $_[0] // 0) or die "socket: $!"; $s }

sub to { pack_sockaddr_in($_[1] // $port, inet_aton($_[0] // '127.0.0.1')) }

# A connection to the server.
sub dial { my $s = tcp(@_); connect($s, to()) or die "connect: $!"; $s }

# A connect that must fail with one of these errors.
sub fails {
    my ($s, $where, @errors) = @_;
    die 'it connected' if connect($s, $where);
    grep { $!{$_} } @errors or die "connect: $!";
}

# A socket whose calls do not wait.
sub nonblocking { my $s = tcp(); fcntl($s, 4, 2 | 04000); $s }

sub say_ { my ($s, $bytes) = @_; (syswrite($s, $bytes) // 0) == length $bytes or die "write: $!" }

# Reads so many bytes.
sub hear {
    my ($s, $count) = @_;
    my $got = '';
    while (length $got < $count) {
        sysread($s, $got, $count - length $got, length $got) or die "read: $!";
    }
    $got;
}

# Reads until the peer's FIN.
sub hear_all { my $s = shift; my $got = ''; 1 while sysread($s, $got, 65536, length $got); length $got }

# Waits until so many bytes could be read, and reads none.
sub wait_for {
    my ($s, $count) = @_;
    for (1 .. 1000) {
        my $there = pack('i', 0);
        ioctl($s, 0x541B, $there) or die "FIONREAD: $!";
        return if unpack('i', $there) >= $count;
        nap(0.01);
    }
    die 'no data came';
}

sub option { my ($s, $level, $name, $value) = @_; setsockopt($s, $level, $name, $value) or die "option: $!" }

# Its close sends a RST.
sub abort_at_close { option(shift, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) }

# Ends the connection without closing the socket.
sub disconnect { my $s = shift; connect($s, pack('S x14', 0)) or die "disconnect: $!" }

# A child that runs this; the parent goes on when it has ended.
sub child(&) {
    my $run = shift;
    my $pid = fork // die "fork: $!";
    if (!$pid) { $run->(); kill KILL => $$ }
    truth(child => $pid);
    $pid;
}

# Socket has neither sendmsg nor recvmsg: struct msghdr with a byte and a descriptor.
my ($SENDMSG, $RECVMSG) = $Config{archname} =~ /^aarch64/ ? (211, 212) : (46, 47);

sub message {
    my ($number, $s, $control) = @_;
    my $byte = 'f';
    my $iov = pack('P Q', $byte, 1);
    my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $iov, 1, $_[2], length $_[2], 0);
    syscall($number, fileno $s, $message, 0) == 1 or die "message: $!";
}

# Passes a descriptor to whoever has the other end (SOL_SOCKET, SCM_RIGHTS).
sub pass { my ($s, $what) = @_; my $control = pack('Q i i i x4', 20, 1, 1, fileno $what); message($SENDMSG, $s, $control) }

# Takes a descriptor that was passed.
sub take {
    my $control = "\0" x 24;
    message($RECVMSG, shift, $control);
    open my $taken, '<&=', unpack('x16 i', $control) or die "take: $!";
    $taken;
}

sub pair { socketpair(my $x, my $y, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!"; ($x, $y) }

sub sysctl { my ($name, $value) = @_; open my $f, '>', "/proc/sys/$name" or die "$name: $!"; print $f $value; close $f or die "$name: $!" }

sub run { system(@_) == 0 or die "@_" }
