/** The kernel's own struct of one object, as the kernel prints it: a tree that folds. */
import { seqBufferBytes } from '../../bpf/host.ts';
import { type DetailPane, fullPath, linesOfDetail } from '../../state/detail.ts';
import { NO_STRUCTURES } from '../../state/replay.ts';
import type { StructLine } from '../../templates/struct-tree.ts';
import { clip, fit } from '../../templates/text.ts';
import { compose, Line, type Piece, wrap } from '../line.tsx';
import type { Theme } from '../theme.ts';
import type { DetailProps } from './detail.tsx';
import { PieceList } from './piece-list.tsx';

const INDENT = 2;

/** What is to be said above the structure, in lines. */
export function structureNote(theme: Theme, { structure, view }: DetailPane, width: number, height: number): string[] {
  const { answer, trail } = structure;
  const note =
    answer === null
      ? // A recording has no kernel to be asked.
        view.position
        ? NO_STRUCTURES
        : 'the kernel is asked for it ...'
      : answer.error !== ''
        ? `${answer.error}${trail.length > 0 ? '; Esc goes back' : ''}`
        : answer.cut
          ? `longer than ${seqBufferBytes() >> 10} KiB with members that are zero: those are not shown`
          : '';
  return note === '' ? [] : wrap(theme, width - 2, note).slice(0, Math.max(1, height - 2));
}

export function DetailStructure({ theme, pane, width, height }: DetailProps) {
  const { structure } = pane;
  const { answer, unfolded, changed, zeros } = structure;
  const lines = linesOfDetail(pane);
  const member = Math.max(8, Math.min(60, Math.floor(width * 0.38)));
  const value = Math.max(5, Math.min(44, Math.floor(width * 0.27)));
  const sign = (open: boolean) => (theme.ascii ? (open ? '- ' : '+ ') : open ? '▾ ' : '▸ ');
  const leads = theme.ascii ? '> ' : '→ ';

  /** How many members a line has that are shown. */
  function within({ end }: StructLine, at: number): number {
    let count = 0;
    for (let n = at + 1; n < end; n = answer!.lines[n]!.end) if (zeros || !answer!.lines[n]!.zero) count++;
    return count;
  }
  function line(index: number): Piece[] {
    const each = lines[index]!;
    if (each.kind === 'column') return [];
    if (each.kind === 'other')
      return [
        ['branch', leads],
        ['plain', fit(each.path, member - INDENT, 'left', theme.ascii)],
        ['help', ` ${fit('Enter shows it', value, 'left', theme.ascii)} ${each.type}`],
      ];
    const { line: of, at } = each;
    const branch = of.end > at + 1;
    const indent = Math.min(of.depth * INDENT, Math.floor(member / 2));
    const new_ = changed.has(of.key);
    const count = branch && !unfolded.has(of.key) ? within(of, at) : 0;
    const shown = branch ? (count > 0 ? `{${count}}` : '') : of.value;
    return [
      ['branch', ' '.repeat(indent) + (branch ? sign(unfolded.has(of.key)) : of.opens ? leads : '  ')],
      [of.zero ? 'dim' : 'plain', fit(of.name, member - INDENT - indent, 'left', theme.ascii)],
      [new_ ? 'changed' : 'plain', `${new_ ? '*' : ' '}${fit(shown, value, 'left', theme.ascii)}`],
      ['help', ` ${of.type}`],
    ];
  }
  function foot(): string[] {
    const marked = lines[pane.index];
    if (!marked || marked.kind === 'column') return [];
    if (marked.kind === 'other') return [`${marked.path}: ${marked.type}, which comes with the object`];
    const { line: of, at } = marked;
    const path = fullPath(pane, of);
    const does =
      of.end > at + 1
        ? 'Enter or z folds and unfolds'
        : of.opens
          ? 'Enter looks into it; a adds it as a column'
          : path === ''
            ? 'it has no name, so no column can show it'
            : 'a adds it as a column';
    return [`${path || of.name}: ${of.value || of.type}`, `${of.type}; ${does}`];
  }

  const above = structureNote(theme, pane, width, height);
  const path = structure.path === '' ? (answer?.type ?? '') : `${structure.path}  ${answer?.type ?? ''}`;
  const title = path.trim() === '' ? 'MEMBER' : clip(path, width);
  const header = `${fit(title, member, 'left', theme.ascii)} ${fit('VALUE', value)} TYPE`;
  const index = Math.max(0, Math.min(pane.index, lines.length - 1));
  return (
    <>
      {above.map((text, n) => (
        <Line key={n} text={compose(theme, width, [['notice', ` ${text}`]])} />
      ))}
      <PieceList
        {...{ theme, width, index, line, header }}
        height={height - above.length}
        count={lines.length}
        foot={foot()}
      />
    </>
  );
}
