/** A reporter for vitest in a guest: each test as a line, once its file is through, so that a late end loses little. */
import type { TestModule } from 'vitest/node';
import type { TestResult } from './found.ts';

export default class Lines {
  onTestModuleEnd(module: TestModule): void {
    const file = module.moduleId.replace(/^.*\/repo\//, '');
    const put = (result: Omit<TestResult, 'file'>) => process.stdout.write(`${JSON.stringify({ file, ...result })}\n`);
    for (const error of module.errors()) put({ name: '(file)', state: 'failed', message: error.message });
    for (const test of module.children.allTests()) {
      const { state, errors = [] } = test.result() as { state: string; errors?: { message: string }[] };
      put({
        name: test.fullName,
        state: state === 'passed' || state === 'failed' ? state : 'skipped',
        message: errors.map((e) => e.message).join('\n'),
      });
    }
  }
}
