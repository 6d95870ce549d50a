/** In a PID namespace of one's own, as in a container: processes keep the numbers that tables show. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeKernel } from '../support/kernel.ts';
import { PROGRAM } from './terminal.ts';

describeKernel('in a PID namespace', () => {
  it('a filter by PID takes the number that the table shows', () => {
    const own = `${process.execPath} ${PROGRAM} dump`;
    const script = `sleep 60 & pid=$(${own} task --columns pid --where 'comm == sleep' --format csv | tail -n 1)
      ${own} task_file --pid $pid --columns pid,fd,comm --format csv | grep -v '^#'; kill $!`;
    const args = ['--pid', '--fork', '--mount-proc', 'sh', '-c', script];
    const { stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 30_000 });
    const [heading, ...rows] = stdout.trim().split('\n');
    expect([stderr, heading]).toEqual(['', 'pid,fd,comm']);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toMatch(/^\d{2,},\d+,sleep$/);
  });
});
