/** What a command line may ask of a recording: the rest is refused, with the reason. */
import type { Options } from './options.ts';
import { notRecordedApart, type Replay } from './state/replay.ts';
import type { Segment } from './state/segment.ts';
import { checkTree, treeColumns } from './state/tree.ts';
import { type Template, UsageError } from './templates/template.ts';

/** @throws UsageError for what has no effect on what was recorded */
export function checkReplayOptions(options: Options, template: Template, { question }: Segment, replay: Replay): void {
  const { command, template: asked, group = '' } = options;
  const dumped = command === 'dump';
  const pace = dumped ? '--all writes every refresh' : '+ and - change it';
  const refused: readonly (readonly [given: boolean, why: string])[] = [
    [asked !== '' && asked !== template.name, `this is a recording of ${template.name}, not of ${asked}`],
    [options.map !== undefined, '--map: a recording has the elements of the map that it was made of'],
    [options.order !== undefined, '--order: a recording has the order that it was made in'],
    [options.netns !== undefined, '--netns: a recording has the network namespaces that it was made of'],
    [options.files.length > 0, '--template: a recording has the template that it was made with'],
    [options.interval !== undefined, `--interval: a recording has its own pace; ${pace}`],
    [options.maxCost !== undefined, `--max-cost: a recording has its own pace; ${pace}`],
    [dumped && options.counted, '--count: of a recording one refresh is written (--at), or with --all each'],
    [options.struct, '--struct: what the kernel prints of an object is not in a recording'],
    [
      options.split !== undefined && !replay.two,
      '--split: this recording has one table; R while two are shown records both',
    ],
    [options.plain, '--plain shows what is live; itertop dump --replay FILE --all writes a recording as text'],
    [options.threads && !question.ungroup, `--threads: ${notRecordedApart(template, false)}`],
  ];
  const [, why] = refused.find(([given]) => given) ?? [];
  if (why !== undefined) throw new UsageError(why);
  if (options.tree) checkTree(template);
  const needed = [...(options.tree ? treeColumns(template) : []), ...(group === '' ? [] : [group])];
  for (const name of needed) {
    const absent = replay.absent.get(name);
    if (absent) throw new UsageError(`--${options.tree ? 'tree' : 'group'}: column ${name}: ${absent}`);
  }
}
