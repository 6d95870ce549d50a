/** Columns that the command line makes. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Btf } from '../../src/bpf/btf.ts';
import { withColumns } from '../../src/templates/adhoc.ts';
import { findTemplate } from '../../src/templates/registry.ts';
import { FORMATS, type Format, type Template } from '../../src/templates/template.ts';
import { describeKernel, eventually, readOnce, rowsOf } from '../support/kernel.ts';
import { run } from '../support/program.ts';
import { smallKernel } from '../support/small-kernel.ts';

const TASK = findTemplate('task');
const make = (text: string, template: Template = TASK) =>
  withColumns(template, text, () => Btf.vmlinux(), findTemplate);
const made = (text: string, template: Template = TASK) => {
  const { template: next, columns } = make(text, template);
  return next.columns.find((c) => c.name === columns.at(-1))!;
};

describe('a list of columns', () => {
  it.each<[string, readonly string[]]>([
    ['pid', ['pid']],
    [' pid , comm ,', ['pid', 'comm']],
    ['pid,comm,+nv=task->nvcsw,wchan=task->pid', ['pid', 'comm', 'nv', 'wchan']],
    ['+start', [...TASK.show, 'start']],
    ['+pid', TASK.show],
    ['+ a=task->pid, b=task->tgid', [...TASK.show, 'a', 'b']],
    ['s=sum(task->min_flt, task->maj_flt),pid', ['s', 'pid']],
    ['n=sum(task->comm[0], task->comm[1])', ['n']],
    ['pid,again=task->pid,pid', ['pid', 'again', 'pid']],
  ])('%s', (text, columns) => expect(make(text).columns).toEqual(columns));

  it('of names only asks for no BTF, and leaves the template as it is', () => {
    const { template } = withColumns(TASK, 'pid,+comm', () => expect.unreachable(), findTemplate);
    expect(template).toBe(TASK);
  });

  it('may give a column another source; the template keeps its name and its other columns', () => {
    const { template } = make('pid,nvcsw=task->nvcsw');
    expect(template.name).toBe('task');
    expect(template.columns.filter((c) => c.name === 'nvcsw')).toEqual([
      { name: 'nvcsw', from: 'task->nvcsw', help: 'task->nvcsw', as: 'int', width: 8, typed: 'nvcsw=task->nvcsw' },
    ]);
    expect(template.columns.length).toBe(TASK.columns.length);
    expect(TASK.columns.find((c) => c.name === 'nvcsw')!.total).toBe(true);
  });
});

describe('how a column is shown', () => {
  it.each<[string, Partial<{ as: Format; names: unknown; derive: string; from: string; join: string }>]>([
    ['x=task->pid', { as: 'int' }],
    ['x=task->comm', { as: 'text' }],
    ['x=task->cred->uid', { as: 'uid' }],
    ['x=task->real_parent', { as: 'hex' }],
    ['x=task', { as: 'hex' }],
    ['x=d_path(task->fs->pwd)', { as: 'path' }],
    ['x=cmdline(task)', { as: 'text' }],
    ['x=task->mm->total_vm:pages', { as: 'pages' }],
    ['x = task->start_boottime : time', { as: 'time', from: 'task->start_boottime' }],
    ['x=task->fs->umask:octal', { as: 'octal' }],
    ['x=rate(minflt)', { as: 'rate', derive: 'rate(minflt)' }],
    ['x=rate(read_bytes)', { as: 'byterate' }],
    ['x=delta(rss)', { as: TASK.columns.find((c) => c.name === 'rss')!.as! }],
    ['x=share(minflt)', { as: 'percent' }],
    ['x=ratio(minflt, majflt)', { as: 'ratio' }],
    ['a=task->min_flt,x=rate(a)', { as: 'rate' }],
  ])('%s', (text, expected) => expect(made(text)).toMatchObject(expected));

  it('enums by name, bool as yes, of any kernel', () => {
    const of = (text: string) => withColumns(TASK, text, () => smallKernel(), findTemplate).template.columns.at(-1);
    expect(of('x=task->mode')).toMatchObject({ as: 'enum', names: 'task_mode' });
    expect(of('x=task->mode:int')).toEqual({
      name: 'x',
      from: 'task->mode',
      help: 'task->mode',
      as: 'int',
      width: 8,
      typed: 'x=task->mode:int',
    });
    expect(of('x=task->icy')).toMatchObject({ as: 'flag' });
    expect(of('x=task->flags')).toMatchObject({ as: 'int' });
  });

  it('what a join has as it has it', () => {
    expect(made('x=owner.fd', findTemplate('tcp'))).toMatchObject({ join: 'owner.fd', as: 'int' });
  });
});

describe('what is wrong', () => {
  it.each<[string, number, string]>([
    ['pidd', 0, 'task has no column "pidd"; did you mean pid, sid or tid?'],
    ['pid, comn', 5, 'task has no column "comn"; did you mean comm?'],
    ['pid,x=task->mm->totl_vm', 16, 'struct mm_struct has no member "totl_vm"; did you mean total_vm?'],
    ['pid,x=task->tgidd:hex', 12, 'struct task_struct has no member "tgidd"; did you mean tgid?'],
    ['x=tsk->pid', 2, 'bpf_iter__task has no object "tsk"; did you mean task?'],
    ['x=task->mm', -1, ''],
    ['x=task->se', 2, 'task->se is struct sched_entity, which is no single value; name one of its members'],
    ['x=task->pid:byts', 12, 'there is no format "byts"; did you mean bytes?'],
    ['x=task->pid:', 12, `there is no format ""; there are ${FORMATS.join(', ')}`],
    ['x=task->pid:text', 12, 'task->pid is not shown as text'],
    ['x=task->comm:bytes', 13, 'task->comm is not shown as bytes'],
    ['x=task->pid:enum', 12, "task->pid is no enum in this kernel's BTF"],
    ['x=', 2, 'x needs a source: x=task->pid'],
    ['X=task->pid', 0, '"X" is no name of a column: small letters, digits and _'],
    ['pid, [2J=task->pid', 5, '"[2J" is no name of a column: small letters, digits and _'],
    ['a=task->pid,pid,a=task->tgid', 16, 'there are two columns "a"; choose another name'],
    ['=task->pid', 0, '"" is no name of a column: small letters, digits and _'],
    ['pid,tid=task->tgid', 4, 'tid is part of what names a row; choose another name'],
    ['x=d_pth(task->fs->pwd)', 2, 'no source function d_pth(); did you mean d_path?'],
    ['x=rate(minflts)', 2, 'task has no column "minflts"; did you mean minflt?'],
    ['x=rate(comm)', 2, 'comm is text, rate() computes with numbers'],
    ['x=ratio(minflt)', 2, 'ratio(a, b) takes 2 columns, not 1'],
    ['x=sub(x, 1)', 2, 'is derived from itself: x -> x'],
    ['x=sum(task->pid', 15, 'a closing parenthesis is expected here'],
    ['x=task->pid)', 11, 'this ) was never opened'],
    ['x=constructor(task)', 2, 'no source function constructor()'],
    ['x=task->pid[1]', 8, 'pid is a pid_t, not an array'],
  ])('%s', (text, position, message) => {
    if (position < 0) return expect(made(text).as).toBe('hex');
    let error: (Error & { position?: number }) | undefined;
    try {
      make(text);
    } catch (caught) {
      error = caught as Error;
    }
    expect(error?.name).toBe('UsageError');
    const [first, shown, caret] = error!.message.split('\n');
    expect(first).toContain(`columns: ${message}`);
    expect([shown, caret]).toEqual([`  ${text}`, `  ${' '.repeat(error!.position!)}^`]);
    if (!/an array/.test(message)) expect(error!.position).toBe(position);
  });

  it.each(['', ' ', ',', '+'])('"%s" has no column', (text) => {
    expect(() => make(text)).toThrow('columns: at least one is needed');
  });
});

describeKernel('columns made on the spot', () => {
  const child = spawn('chrt', ['--reset-on-fork', '--other', '0', 'sleep', '1000'], { stdio: 'ignore' });
  const server = net.createServer();
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await eventually(() => expect(fs.readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toBe('sleep\n'));
  });
  afterAll(() => {
    child.kill('SIGKILL');
    server.close();
  });
  const stat = () => fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const status = (name: string) =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(fs.readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1];

  /** Source -> what the cell has to be, from /proc or from the equal built-in column. */
  const rows: readonly [string, (builtin: (column: string) => string) => string][] = [
    ['task->tgid', () => String(child.pid)],
    ['task->tgid:hex', () => `0x${child.pid!.toString(16)}`],
    ['task->comm', () => 'sleep'],
    ['task->nvcsw', () => status('voluntary_ctxt_switches')],
    ['task->real_parent->tgid', () => status('PPid')],
    ['task->mm->total_vm:pages', (builtin) => builtin('virt')],
    ['task->start_boottime:time', (builtin) => builtin('start')],
    ['task->cred->uid', (builtin) => builtin('user')],
    ['task->fs->umask:octal', () => status('Umask').replace(/^0+(?=.)/, '')],
    ['task->sched_reset_on_fork', () => '1'],
    ['task->exit_signal', () => '17'],
    ['task->signal->oom_score_adj', () => fs.readFileSync(`/proc/${child.pid}/oom_score_adj`, 'utf8').trim()],
    ['d_path(task->mm->exe_file->f_path)', () => fs.readlinkSync(`/proc/${child.pid}/exe`)],
    ['cmdline(task)', () => 'sleep 1000'],
    ['kernfs_path(task->cgroups->dfl_cgrp->kn)', (builtin) => builtin('cgroup')],
    ['task->mm', (builtin) => builtin('')],
    ['sum(task->signal->nr_threads, task->tgid)', () => String(child.pid! + 1)],
    ['sub(nlwp_plus, 1)', () => '1'],
    ['task->static_prio', () => String(Number(stat()[16]) + 120)],
  ];
  it.each(rows)('%s', (source, expected) => {
    const { template } = make(
      `nlwp_plus=sum(task->signal->nr_threads, task->exit_code):int,x=${source}`.replace(
        'task->exit_code',
        'task->signal->nr_threads',
      ),
    );
    const row = rowsOf(readOnce(template, {}).table).find((r) => r.number('pid') === child.pid)!;
    if (source === 'task->mm') return expect(row.cell('x')).toMatch(/^0xffff[0-9a-f]{12}$/);
    expect(row.cell('x')).toBe(expected((column) => row.cell(column)));
  });

  it('enums by name, functions with commas, joins', () => {
    const { template } = make(
      'a=inet(sk_common->skc_family, sk_common->skc_rcv_saddr, sk_common->skc_v6_rcv_saddr.in6_u.u6_addr8),s=tp->inet_conn.icsk_inet.sk.sk_socket->state,f=owner.fd,p=sk_common->skc_num',
      findTemplate('tcp'),
    );
    const port = (server.address() as net.AddressInfo).port;
    const row = rowsOf(readOnce(template, {}).table).find((r) => r.number('lport') === port)!;
    expect([row.cell('a'), row.cell('s'), row.cell('p')]).toEqual(['127.0.0.1', 'unconnected', String(port)]);
    expect(row.cell('f')).toBe(row.cell('fd'));
  });

  it('on the command line, also sorted and filtered by', () => {
    const { code, stdout } = run([
      'dump',
      'task',
      '--columns',
      'pid,twice=times(pid,2)',
      '--where',
      `twice == ${child.pid! * 2}`,
      '--sort',
      '-twice',
      '--format',
      'csv',
    ]);
    expect([code, stdout.trim().split('\n').at(-1)]).toEqual([0, `${child.pid},${child.pid! * 2}`]);
    const wrong = run(['dump', 'task', '--columns', 'pid,x=task->mm->totl_vm']);
    expect(wrong).toMatchObject({
      code: 2,
      stderr:
        'itertop: columns: struct mm_struct has no member "totl_vm"; did you mean total_vm?\n  pid,x=task->mm->totl_vm\n                  ^\n',
    });
  });
});
