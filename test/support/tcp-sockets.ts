/** A child's TCP sockets in every state that loopback can bring about, by name. */
import type { Child } from './child.ts';

export interface Made {
  readonly fd: number;
  readonly port: number;
  /** 4, 6: the family of the socket. */
  readonly family: number;
}

/** TCP_INFO (struct tcp_info, include/uapi/linux/tcp.h) by member; u64 as bigint. */
export type TcpInfo = Readonly<Record<string, number>>;

/** Puts `kept.tcp` into the child: small wrappers that later steps share. */
export async function prepare(child: Child): Promise<void> {
  await child.run(({ libc, kept }) => {
    const i32 = (v: number) => {
      const b = Buffer.alloc(4);
      b.writeInt32LE(v);
      return b;
    };
    const c = {
      socket: libc('int socket(int, int, int)'),
      bind: libc('int bind(int, void *, uint)'),
      listen: libc('int listen(int, int)'),
      accept: libc('int accept4(int, void *, void *, int)'),
      name: libc('int getsockname(int, void *, void *)'),
      set: libc('int setsockopt(int, int, int, void *, uint)'),
      get: libc('int getsockopt(int, int, int, void *, void *)'),
      write: libc('long write(int, void *, ulong)'),
      read: libc('long read(int, void *, ulong)'),
      shutdown: libc('int shutdown(int, int)'),
      close: libc('int close(int)'),
      connect: libc('int connect(int, void *, uint)'),
    };
    const tcp = {
      ...c,
      i32,
      option: (fd: number, level: number, name: number, value: number) => c.set(fd, level, name, i32(value), 4),
      getOption: (fd: number, level: number, name: number) => {
        const value = i32(0);
        c.get(fd, level, name, value, i32(4));
        return value.readInt32LE();
      },
      /** sockaddr_in or sockaddr_in6 of the loopback address, of any, or of ::ffff:127.0.0.1 */
      address: (family: number, port: number, of: 'loopback' | 'any' | 'mapped' = 'loopback') => {
        const b = Buffer.alloc(family === 4 ? 16 : 28);
        b.writeUInt16LE(family === 4 ? 2 : 10, 0);
        b.writeUInt16BE(port, 2);
        if (of === 'loopback') b.set(family === 4 ? [127, 0, 0, 1] : [1], family === 4 ? 4 : 23);
        if (of === 'mapped') b.set([0xff, 0xff, 127, 0, 0, 1], 18);
        return b;
      },
      port: (fd: number) => {
        const b = Buffer.alloc(28);
        c.name(fd, b, i32(28));
        return b.readUInt16BE(2);
      },
      new: (family: number, flags = 0) => c.socket(family === 4 ? 2 : 10, 1 | 0o2000000 | flags, 0),
      listener: (
        family: number,
        backlog: number,
        of: 'loopback' | 'any' = 'loopback',
        before?: (fd: number) => void,
      ) => {
        const fd = tcp.new(family);
        before?.(fd);
        const address = tcp.address(family, 0, of);
        c.bind(fd, address, address.length);
        c.listen(fd, backlog);
        return fd;
      },
      /** Does not wait for what has not happened at once. */
      tryConnect: (
        family: number,
        port: number,
        of: 'loopback' | 'mapped' = 'loopback',
        before?: (fd: number) => void,
      ) => {
        const fd = tcp.new(family, 0o4000);
        before?.(fd);
        const address = tcp.address(family, port, of);
        try {
          c.connect(fd, address, address.length);
        } catch {
          // EINPROGRESS
        }
        return fd;
      },
      /** Both ends of a connection to a listener: [client, server]. */
      pair: (
        family: number,
        listener: number,
        before?: (fd: number) => void,
        of: 'loopback' | 'mapped' = 'loopback',
      ) => {
        const client = tcp.tryConnect(family, tcp.port(listener), of, before);
        return [client, c.accept(listener, null, null, 0o2004000)];
      },
      /** Writes until nothing more is taken. */
      fill: (fd: number) => {
        const block = Buffer.alloc(65536);
        let sum = 0;
        try {
          for (;;) sum += Number(c.write(fd, block, block.length));
        } catch {
          return sum;
        }
      },
    };
    kept.tcp = tcp;
  });
}

/** Opens the whole zoo; names say what each is. */
export function openSockets(child: Child): Promise<Record<string, Made>> {
  return child.run(({ kept }) => {
    const { tcp } = kept;
    const made: Record<string, { fd: number; port: number; family: number }> = {};
    const keep = (name: string, fd: number, family = 4) => {
      made[name] = { fd, port: tcp.port(fd), family };
      return fd;
    };
    const l4 = keep('listen', tcp.listener(4, 9));
    const waiting = [1, 2].map(() => tcp.tryConnect(4, tcp.port(l4)));
    keep('waiting client', waiting[0]);
    const l6 = keep(
      'listen v6',
      tcp.listener(6, 128, 'any', (fd: number) => tcp.option(fd, 41, 26, 1)),
      6,
    );
    const dual = keep('listen dual', tcp.listener(6, 5, 'any'), 6);
    const server = tcp.listener(4, 64);

    const both = (name: string, family: number, listener: number, of?: 'mapped') => {
      const [a, b] = tcp.pair(family, listener, undefined, of);
      keep(`${name} client`, a, family);
      keep(`${name} server`, b, listener === dual ? 6 : family);
      return [a, b];
    };
    const [a] = both('unread', 4, server);
    tcp.write(a, Buffer.alloc(1234), 1234);
    const [c6] = both('v6', 6, l6);
    tcp.write(c6, Buffer.alloc(77), 77);
    both('mapped', 4, dual);
    keep('mapped both client', tcp.pair(6, dual, undefined, 'mapped')[0], 6);
    const [full] = both('full', 4, server);
    tcp.fill(full);

    // Half closed: FIN_WAIT2 that is still a socket, CLOSE_WAIT.
    const [half] = both('half', 4, server);
    tcp.shutdown(half, 1);
    // The side that closes first and completely: FIN_WAIT2 as a minisock.
    const [orphan] = both('orphan', 4, server);
    tcp.close(orphan);
    const [tw, other] = both('timewait', 4, server);
    tcp.close(tw);
    tcp.close(other);
    // FIN behind data that does not fit: FIN_WAIT1, and LAST_ACK where the other side was first.
    const [wait1] = both('fin_wait1', 4, server);
    tcp.fill(wait1);
    tcp.shutdown(wait1, 1);
    const [first, last] = both('last_ack', 4, server);
    tcp.shutdown(first, 1);
    tcp.fill(last);
    tcp.close(last);

    // A request that waits for data (TCP_DEFER_ACCEPT) has no socket yet.
    const defer = keep(
      'defer listen',
      tcp.listener(4, 9, 'loopback', (fd: number) => tcp.option(fd, 6, 9, 60)),
    );
    keep('deferred client', tcp.tryConnect(4, tcp.port(defer)));
    // A full backlog answers no SYN.
    const busy = keep('busy listen', tcp.listener(4, 0));
    keep('first in', tcp.tryConnect(4, tcp.port(busy)));
    keep('syn_sent', tcp.tryConnect(4, tcp.port(busy)));

    const alive = tcp.pair(4, server, (fd: number) => {
      tcp.option(fd, 1, 9, 1); // SO_KEEPALIVE
      tcp.option(fd, 6, 4, 1800); // TCP_KEEPIDLE
      tcp.set(fd, 6, 13, Buffer.from('reno'), 4); // TCP_CONGESTION
      tcp.option(fd, 1, 8, 70000); // SO_RCVBUF
      tcp.option(fd, 1, 7, 50000); // SO_SNDBUF
      tcp.option(fd, 1, 36, 0x1234); // SO_MARK
      tcp.set(fd, 1, 25, Buffer.from('lo\0'), 3); // SO_BINDTODEVICE
      tcp.option(fd, 1, 47, 1_000_000); // SO_MAX_PACING_RATE
    });
    keep('options', alive[0]);
    // A receiver that drops what comes (SO_ATTACH_FILTER with `ret 0`): its peer sends again.
    const [loss, deaf] = both('loss', 4, server);
    const filter = Buffer.alloc(8);
    filter.writeUInt16LE(6, 0);
    kept.filter = filter;
    const program = Buffer.alloc(16);
    program.writeUInt16LE(1, 0);
    kept.program = program;
    program.writeBigUInt64LE(kept.addressOf(filter), 8);
    tcp.set(deaf, 1, 26, program, 16);
    tcp.write(loss, Buffer.alloc(500), 500);
    keep(
      'deaf',
      tcp.tryConnect(4, tcp.port(server), 'loopback', (fd: number) => tcp.set(fd, 1, 26, program, 16)),
    );

    process.seteuid!(65534);
    keep('listen other user', tcp.listener(4, 3));
    process.seteuid!(0);
    return made;
  });
}

const LAYOUT: readonly (readonly [string, number, 1 | 4 | 8])[] = [
  ['state', 0, 1],
  ['retransmits', 2, 1],
  ['probes', 3, 1],
  ['rto', 8, 4],
  ['snd_mss', 16, 4],
  ['unacked', 24, 4],
  ['sacked', 28, 4],
  ['lost', 32, 4],
  ['retrans', 36, 4],
  ['rtt', 68, 4],
  ['rttvar', 72, 4],
  ['snd_ssthresh', 76, 4],
  ['snd_cwnd', 80, 4],
  ['total_retrans', 100, 4],
  ['pacing_rate', 104, 8],
  ['bytes_acked', 120, 8],
  ['bytes_received', 128, 8],
  ['segs_out', 136, 4],
  ['segs_in', 140, 4],
  ['min_rtt', 148, 4],
  ['bytes_sent', 200, 8],
  ['bytes_retrans', 208, 8],
  ['snd_wnd', 228, 4],
  ['rcv_wnd', 232, 4],
];

/** What the kernel tells the owner of a socket about it. Members that an older kernel does not fill are absent. */
export async function tcpInfo(child: Child, fds: readonly number[]): Promise<TcpInfo[]> {
  const raw = await child.run(({ kept }, list) => {
    const { tcp } = kept;
    return list.map((fd) => {
      const info = Buffer.alloc(320);
      const size = tcp.i32(320);
      tcp.get(fd, 6, 11, info, size);
      return info.subarray(0, size.readInt32LE()).toString('base64');
    });
  }, fds);
  return raw.map((text) => {
    const bytes = Buffer.from(text, 'base64');
    const found: Record<string, number> = {};
    for (const [name, at, size] of LAYOUT) {
      if (at + size > bytes.length) continue;
      found[name] = size === 1 ? bytes[at] : size === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at));
    }
    return found;
  });
}
