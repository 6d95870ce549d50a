/** Groups of rows as gauges in OpenTelemetry's data model: one for each column of numbers, a data point for each group. */
import type { GaugeMetricData } from '@opentelemetry/sdk-metrics';
import { columnOf, UsageError } from '../templates/template.ts';
import { attributeOf, ucumOf, wordsOf } from './otlp-names.ts';
import type { Attributes, Request } from './otlp-records.ts';
import { sdk } from './otlp-transport.ts';
import type { Snapshot } from './snapshot.ts';

/** @throws UsageError for too many groups */
export function gaugesOf(
  { table, grouped, order, columns, stats }: Snapshot,
  resource: Attributes,
  scope: { readonly name: string; readonly version: string },
  maxGroups: number,
): Request {
  const by = grouped!.by;
  if (order.length > maxGroups)
    throw new UsageError(
      `by ${by} there are ${order.length} groups, each a time series: more than ${maxGroups} are sent with --max-groups ${order.length}`,
    );
  const name = attributeOf(table.template, by);
  const words = wordsOf(name);
  const points = Array.from(order, (row) => {
    const value = table.value(row, by);
    if (value === null) return {};
    // Numbers that are no attribute's are told as they are read.
    if (typeof value === 'bigint') return { [name]: String(value) };
    return { [name]: typeof value === 'string' && words ? words(value) : value };
  });
  const time: [number, number] = [Math.floor(stats.begin / 1000), Math.round((stats.begin % 1000) * 1e6)];
  const metrics = columns.flatMap((column): GaugeMetricData[] => {
    const kind = table.kind(column);
    if (column === by || (kind !== 'i64' && kind !== 'u64' && kind !== 'double')) return [];
    // Times since boot say when, not how much.
    const unit = ucumOf(table.formatOf(column));
    if (unit === undefined) return [];
    const dataPoints = points.flatMap((attributes, i) => {
      const value = table.value(order[i], column);
      return value === null ? [] : [{ startTime: time, endTime: time, attributes, value: Number(value) }];
    });
    if (dataPoints.length === 0) return [];
    return [
      {
        descriptor: {
          name: `itertop.${table.template.name}.${column}`,
          description: columnOf(table.template, column)?.help ?? '',
          unit,
          valueType: sdk.ValueType.DOUBLE,
        },
        aggregationTemporality: sdk.AggregationTemporality.CUMULATIVE,
        dataPointType: sdk.DataPointType.GAUGE,
        dataPoints,
      },
    ];
  });
  const bytes = sdk.ProtobufMetricsSerializer.serializeRequest({
    resource: sdk.resourceFromAttributes(resource),
    scopeMetrics: [{ scope, metrics }],
  });
  return { bytes: bytes!, count: metrics.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0) };
}
