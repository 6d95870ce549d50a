/** The pane of programs: which of them, which part of what is known of it, and the line that is looked at. */
import type { ProgramLine } from '../templates/program-text.ts';
import { PROGRAM_PARTS, type ProgramReport } from './inspect.ts';
import type { Pane } from './panes.ts';
import type { Slice } from './session.ts';

export type ProgramPane = Extract<Pane, { name: 'program' }>;

export interface ProgramSlice {
  openProgram(): void;
  /** What the worker says of the programs of a template. */
  explained(reports: readonly ProgramReport[], template: string): void;
  turnProgramPart(by: 1 | -1): void;
  turnProgram(by: 1 | -1): void;
  /** The next (1) or previous (-1) line that has what is to be found; where nothing is, that is about the same. */
  nextLine(by: 1 | -1): void;
}

export function programLines(pane: ProgramPane): readonly ProgramLine[] {
  return pane.reports?.[pane.program]?.parts[pane.part] ?? [];
}

/** The first line from `from` on that has the text, round and round; `from` itself where there is none. */
export function matchFrom(pane: ProgramPane, find: string, from: number, by: 1 | -1): number {
  const lines = programLines(pane);
  const wanted = find.toLowerCase();
  for (let step = 0; step < lines.length; step++) {
    const at = (from + step * by + lines.length * 2) % lines.length;
    if (lines[at]!.text.toLowerCase().includes(wanted)) return at;
  }
  return from;
}

const within = (index: number, lines: number) => Math.max(0, Math.min(index, lines - 1));

export const programSlice: Slice<ProgramSlice> = (set, get) => {
  /** Changes the pane, wherever it is. */
  const change = (next: (pane: ProgramPane) => ProgramPane) =>
    set(({ panes }) => ({ panes: panes.map((pane) => (pane.name === 'program' ? next(pane) : pane)) }));

  return {
    openProgram() {
      set(({ panes }) => ({
        panes: [...panes, { name: 'program', index: 0, find: '', part: PROGRAM_PARTS[0], program: 0, reports: null }],
      }));
    },
    explained(reports, template) {
      if (template !== get().template) return;
      change((pane) => {
        const next = { ...pane, reports, program: within(pane.program, reports.length) };
        return { ...next, index: within(pane.index, programLines(next).length) };
      });
    },
    turnProgramPart(by) {
      change((pane) => {
        const at = PROGRAM_PARTS.indexOf(pane.part) + by + PROGRAM_PARTS.length;
        return { ...pane, part: PROGRAM_PARTS[at % PROGRAM_PARTS.length]!, index: 0 };
      });
    },
    turnProgram(by) {
      change((pane) => {
        const program = within(pane.program + by, pane.reports?.length ?? 1);
        return program === pane.program ? pane : { ...pane, program, index: 0 };
      });
    },
    nextLine(by) {
      change((pane) => {
        const lines = programLines(pane);
        if (pane.find !== '') return { ...pane, index: matchFrom(pane, pane.find, pane.index + by, by) };
        const { of = '' } = lines[pane.index] ?? {};
        if (of === '') return pane;
        for (let at = pane.index + by; at >= 0 && at < lines.length; at += by)
          if (lines[at]!.of === of) return { ...pane, index: at };
        return pane;
      });
    },
  };
};
