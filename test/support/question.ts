/** A question about processes, as the worker is asked; tests change what they are about. */
import type { Question } from '../../src/state/question.ts';

export const QUESTION: Question = {
  template: 'task',
  columns: ['pid', 'comm'],
  all: false,
  sort: [{ column: 'pid', descending: false }],
  filters: {},
  switches: {},
  groupBy: '',
  ungroup: false,
  search: null,
  where: '',
  netns: 'self',
  interval: 60_000,
  paused: false,
};
