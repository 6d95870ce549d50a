/** Run counts and run times of BPF programs: the kernel counts only while somebody holds such a descriptor. */
import { Attr, bpf, OwnedFd } from './syscall.ts';

/** enum bpf_stats_type. */
const BPF_STATS_RUN_TIME = 0;

/** Linux 5.8. Several holders do not disturb one another; the last one that closes stops the counting. */
export class RunStats extends OwnedFd {
  /** @throws BpfError (EPERM without CAP_SYS_ADMIN) */
  static enable(): RunStats {
    return new RunStats(
      bpf('BPF_ENABLE_STATS', new Attr(4).u32(0, BPF_STATS_RUN_TIME), (code) =>
        code === 'EPERM' ? 'not permitted; CAP_SYS_ADMIN is needed' : '',
      ),
    );
  }
}
