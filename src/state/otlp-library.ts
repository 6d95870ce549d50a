/** What is used of OpenTelemetry's SDK: how requests are sent and asked for again, its environment variables, gauges. */
export { diag, ValueType } from '@opentelemetry/api';
export { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from '@opentelemetry/otlp-exporter-base/node-http';
export { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
export { envDetector, resourceFromAttributes } from '@opentelemetry/resources';
export { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
