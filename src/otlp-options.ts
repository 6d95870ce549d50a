/** What goes with `dump --otlp`. */
import { UsageError } from './templates/template.ts';

/** Each group is a time series: more are not sent unless that is asked for. */
export const MAX_GROUPS = 1000;

/** In the place of a URL: as the environment says. */
export const OTLP_ENVIRONMENT = 'env';

/** @param values options as they are parsed @throws UsageError */
export function checkOtlpOptions(values: Readonly<Record<string, unknown>>): void {
  const given = (name: string) => values[name] !== undefined;
  if (!given('otlp')) {
    if (given('max-groups')) throw new UsageError('--max-groups goes with --otlp and --group');
    return;
  }
  if (values['otlp'] === '')
    throw new UsageError(
      `--otlp is a URL as in http://127.0.0.1:4318, or ${OTLP_ENVIRONMENT}: as OTEL_EXPORTER_OTLP_ENDPOINT says`,
    );
  for (const name of ['output', 'format', 'dataset', 'struct'])
    if (given(name)) throw new UsageError(`--otlp sends rows to a collector; it takes no --${name}`);
  if (given('group') && given('changes'))
    throw new UsageError('--otlp sends groups as gauges, whose values are told at each refresh; without --changes');
  if (given('max-groups') && !given('group')) throw new UsageError('--max-groups goes with --otlp and --group');
}
