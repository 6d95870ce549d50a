# A small web shop, for make.ts: processes under assumed names that listen, connect, work, leak and go. Arguments: `here`
# for the server or `far` for all that connects to it, and the address of the server.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($side, $server) = @ARGV;
my $began = time;
my $prctl = (POSIX::uname())[4] eq 'aarch64' ? 167 : 157;
my ($shop, $payments, $archive) = (1000, '198.51.100.30', '198.51.100.40');
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';

sub seconds { time - $began }

# Its command line, its name, its user.
sub named {
    my ($title, $comm, $uid) = @_;
    $0 = $title;
    syscall($prctl, 15, "$comm\0");
    POSIX::setuid($uid) if $uid;
}

sub burn {
    my $end = time + shift;
    1 while time < $end;
}

sub process {
    my ($title, $comm, $uid, $work) = @_;
    return if fork;
    named($title, $comm, $uid);
    $work->();
    exit;
}

sub listener { IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => shift, Listen => 64, ReuseAddr => 1) or die "$@" }

sub dial {
    my ($address, $port, $from) = @_;
    IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 5, $from ? (LocalAddr => $from) : ());
}

# Answers each request: its first word is how many bytes are wanted.
sub serve {
    my ($listener, $work) = @_;
    my $select = IO::Select->new($listener);
    while (1) {
        for my $ready ($select->can_read(1)) {
            if ($ready == $listener) {
                my $taken = $listener->accept or next;
                $select->add($taken);
            } elsif (sysread($ready, my $asked, 512)) {
                my ($bytes) = $asked =~ /(\d+)/;
                $work->($asked);
                syswrite($ready, 'x' x ($bytes // 0));
            } else {
                $select->remove($ready);
                close $ready;
            }
        }
    }
}

# Asks and waits for the whole answer.
sub ask {
    my ($socket, $bytes) = @_;
    syswrite($socket, "$bytes\n") or return;
    for (my $got = 0; $got < $bytes; ) {
        my $more = sysread($socket, my $answer, 65536) or return;
        $got += $more;
    }
    return 1;
}

my $forever = sub { sleep 3600 while 1 };

my %sides = (
    here => sub {
        # The first one, whose sockets are what one sees at first. It forgets what it has been told, but not the memory,
        # and never ends what the other side has ended.
        process('/usr/bin/shop-server --port 8080', 'shop-server', $shop, sub {
            sleep 0.3;
            my @database = map { dial($server, 5432) } 1 .. 4;
            my ($turn, $second, @kept, @payments) = (0, 0);
            serve(listener(8080), sub {
                ask($database[ $turn++ % @database ], 900);
                burn(0.001);
                return if seconds() < $second;
                $second = int(seconds()) + 1;
                push @kept, 'x' x ((3 << 20) + $second);
                return if $second % 3;
                push @payments, dial($payments, 443);
                syswrite($payments[-1], "200\n") if $payments[-1];
            });
        });

        process('/usr/sbin/cron -f', 'cron', 0, $forever);

        process('sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups', 'sshd', 0, sub {
            my $listener = listener(22);
            while (my $taken = $listener->accept) {
                close $listener if my $session = !fork;
                next unless $session;
                named('sshd: alice@pts/0', 'sshd', $shop);
                process('-bash', 'bash', $shop, $forever);
                while (sysread($taken, my $asked, 512)) { syswrite($taken, 'x' x ($asked =~ /(\d+)/)[0]) }
                exit;
            }
        });

        process('/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql/17/main', 'postgres', 999, sub {
            my $listener = listener(5432);
            process('postgres: 17/main: checkpointer', 'postgres', 0, sub {
                while (1) { burn(seconds() % 20 < 3 ? 0.3 : 0.001); sleep 0.7 }
            });
            process('postgres: 17/main: walwriter', 'postgres', 0, sub { while (1) { burn(0.004); sleep 0.2 } });
            while (my $taken = $listener->accept) {
                next if fork;
                my $from = $taken->peerhost . '(' . $taken->peerport . ')';
                close $listener;
                named("postgres: 17/main: shop shop $from idle", 'postgres', 0);
                while (sysread($taken, my $asked, 512)) {
                    burn(0.004 + ($asked =~ /^9/ ? 0.05 : 0));
                    syswrite($taken, 'x' x ($asked =~ /(\d+)/)[0]);
                }
                exit;
            }
        });

        process('nginx: master process /usr/sbin/nginx -g daemon on; master_process on;', 'nginx', 0, sub {
            my $listener = listener(443);
            sleep 0.5;
            for (1, 2) {
                process('nginx: worker process', 'nginx', 33, sub {
                    my $behind = dial($server, 8080);
                    serve($listener, sub { burn(0.0015); ask($behind, 1500) });
                });
            }
            $forever->();
        });

        sleep 35;
        process('/usr/bin/python3 /usr/local/bin/backup --all /srv', 'backup', 0, sub {
            my $archive = dial($archive, 873);
            while (seconds() < 52) { burn(0.06); syswrite($archive, 'x' x 200_000) if $archive; sleep 0.02 }
        });
    },
    far => sub {
        process('payments', 'payments', 0, sub {
            my $listener = listener(443);
            # Ends each one once it has been answered.
            while (my $taken = $listener->accept) { sysread($taken, my $asked, 512); close $taken }
        });
        process('archive', 'archive', 0, sub {
            my $taken = listener(873)->accept;
            1 while sleep(0.1) and sysread($taken, my $some, 150_000);
        });
        process('alice', 'alice', 0, sub {
            sleep 1;
            my $session = dial($server, 22, '203.0.113.9');
            while (sleep 0.8) { ask($session, 200) }
        });
        for my $customer (1 .. 9) {
            process("customer $customer", 'customer', 0, sub {
                sleep 1.5 + $customer / 9;
                while (1) {
                    my $shop = dial($server, 443, '203.0.113.' . (20 + $customer)) or next;
                    # Some stay for a page, some for all of the time.
                    for (1 .. ($customer < 4 ? 9999 : 6 * $customer)) {
                        ask($shop, 2000 * $customer) or last;
                        sleep 0.09 + 0.08 * sin(seconds() / 8 + $customer);
                    }
                    close $shop;
                    sleep 1 + $customer / 3;
                }
            });
        }
    },
);
$sides{$side}();
$forever->();
