/**
 * A collector that speaks OTLP over HTTP (http/protobuf), decoding with the definitions that OpenTelemetry's own package
 * has generated; it answers as it is told to.
 */
import { spawn } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import definitions from 'otlp-definitions/build/src/generated/root.js';
import { PROGRAM } from './kernel.ts';

interface Message {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
  toObject(message: object, options: object): Record<string, unknown>;
}
interface Services {
  readonly ExportLogsServiceRequest: Message;
  readonly ExportLogsServiceResponse: Message;
  readonly ExportMetricsServiceRequest: Message;
  readonly ExportMetricsServiceResponse: Message;
}
const { collector } = (definitions as unknown as { opentelemetry: { proto: { collector: never } } }).opentelemetry
  .proto as { collector: Record<'logs' | 'metrics', { v1: Services }> };
const LOGS = collector.logs.v1;
const METRICS = collector.metrics.v1;

/** `{ intValue: '1' }`, `{ stringValue: 'a' }`, ... */
export type AnyValue = Readonly<Record<string, unknown>>;
export type Attributes = Readonly<Record<string, AnyValue>>;

export interface LogRecord {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
}

export interface Point {
  readonly timeUnixNano: string;
  readonly asDouble: number;
  readonly attributes: Attributes;
}

export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge: { readonly dataPoints: readonly Point[] };
}

/** How a request is answered: with 200 and an empty message unless told otherwise; null: never. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly partial?: { readonly rejectedLogRecords: number; readonly errorMessage: string };
  /** Milliseconds. */
  readonly after?: number;
}

interface Pair {
  readonly key: string;
  readonly value: AnyValue;
}
const attributesOf = (pairs: readonly Pair[] = []): Attributes =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, value]));

type Scoped = { scope: object; logRecords?: never[]; metrics?: never[] };
type Resourced = { resource: { attributes: Pair[] } } & Record<'scopeLogs' | 'scopeMetrics', Scoped[]>;

const decoded = (type: Message, bytes: Uint8Array) =>
  type.toObject(type.decode(bytes), { longs: String, arrays: true }) as Record<string, Resourced[]>;

const recordsOf = (scoped: Scoped): LogRecord[] =>
  ((scoped.logRecords ?? []) as { attributes?: Pair[] }[]).map(
    (record) => ({ ...record, attributes: attributesOf(record.attributes) }) as unknown as LogRecord,
  );

/** The records of a request's body. */
export const decodeLogs = (bytes: Uint8Array): LogRecord[] =>
  decoded(LOGS.ExportLogsServiceRequest, bytes)['resourceLogs']!.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(recordsOf),
  );

export class OtlpCollector implements AsyncDisposable {
  /** Of requests that were answered with 200. */
  readonly records: LogRecord[] = [];
  readonly metrics: Metric[] = [];
  readonly resources: Attributes[] = [];
  readonly scopes: object[] = [];
  readonly requests: { readonly path: string; readonly headers: http.IncomingHttpHeaders; readonly bytes: number }[] =
    [];
  reply: (n: number) => Reply | null = () => ({});
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));
  readonly #open = new Set<http.ServerResponse>();

  static async start(port = 0): Promise<OtlpCollector> {
    const made = new OtlpCollector();
    await new Promise<void>((done) => made.#server.listen(port, '127.0.0.1', done));
    return made;
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(pieces);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const reply = this.reply(this.requests.push({ path: request.url!, headers: request.headers, bytes: bytes.length }));
    if (reply === null) {
      this.#open.add(response);
      return;
    }
    if (reply.after) await new Promise((done) => setTimeout(done, reply.after));
    const { status = 200, headers = {}, partial } = reply;
    const logs = request.url!.endsWith('/v1/logs');
    if (status === 200) this.#take(logs, bytes);
    const answer = (logs ? LOGS.ExportLogsServiceResponse : METRICS.ExportMetricsServiceResponse).encode(
      partial ? { partialSuccess: partial } : {},
    );
    response.writeHead(status, { 'Content-Type': 'application/x-protobuf', ...headers });
    response.end(status === 200 ? answer.finish() : 'no');
  }

  #take(logs: boolean, bytes: Uint8Array): void {
    const message = decoded(logs ? LOGS.ExportLogsServiceRequest : METRICS.ExportMetricsServiceRequest, bytes);
    for (const each of message[logs ? 'resourceLogs' : 'resourceMetrics']!) {
      this.resources.push(attributesOf(each.resource.attributes));
      for (const scoped of each[logs ? 'scopeLogs' : 'scopeMetrics']) {
        this.scopes.push(scoped.scope);
        this.records.push(...recordsOf(scoped));
        type Gauge = { gauge: { dataPoints: { attributes?: Pair[] }[] } };
        for (const metric of (scoped.metrics ?? []) as unknown as Gauge[]) {
          const dataPoints = metric.gauge.dataPoints.map((p) => ({ ...p, attributes: attributesOf(p.attributes) }));
          this.metrics.push({ ...metric, gauge: { dataPoints } } as unknown as Metric);
        }
      }
    }
  }
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, beside which this process goes on; `so far` is what it has said on stderr. */
export function beside(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const ended = new Promise<Ended>((done) =>
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr })),
  );
  return {
    child,
    ended,
    get stderr() {
      return stderr;
    },
  };
}
