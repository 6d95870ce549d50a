/** One request to a collector: sent by OpenTelemetry's SDK, which asks again while it may; and what came of it, in words. */
import diagnostics from 'node:diagnostics_channel';
import http from 'node:http';
import type https from 'node:https';
import { BUNDLED, load } from '../bpf/bundle.ts';
import { UsageError } from '../templates/template.ts';
import { sanitize } from '../templates/text.ts';
import type { Request } from './otlp-records.ts';

export const sdk = BUNDLED
  ? await load<typeof import('./otlp-library.ts')>('otlp-library')
  : await import('./otlp-library.ts');

export type Signal = 'logs' | 'metrics';

export interface Answer {
  /** It was taken, but for so many records or data points. */
  readonly taken: boolean;
  readonly rejected: number;
  /** What the collector says of those. */
  readonly message: string;
  /** Not taken, and worth another try. */
  readonly again: boolean;
}

/** Where nothing says otherwise, as the standard has it. */
const DEFAULT = 'http://localhost:4318';

const setting = (signal: Signal, name: string) =>
  process.env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`] || process.env[`OTEL_EXPORTER_OTLP_${name}`];

/** Where requests go. @param base as typed; undefined: as the environment says @throws UsageError */
function endpointOf(signal: Signal, base: string | undefined): string {
  const own = base === undefined ? process.env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`] : '';
  const text = own || base || process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || DEFAULT;
  const what = base === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : '--otlp';
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(
      `${what} is a URL of a collector as in http://127.0.0.1:4318 (http/protobuf; gRPC is not spoken)`,
    );
  if (url.username !== '' || url.password !== '')
    throw new UsageError(
      `${what}: no name or password in it, others could see them; OTEL_EXPORTER_OTLP_HEADERS takes them`,
    );
  const protocol = setting(signal, 'PROTOCOL');
  if (protocol !== undefined && protocol !== 'http/protobuf')
    throw new UsageError(`OTEL_EXPORTER_OTLP_PROTOCOL is ${sanitize(protocol)}: itertop speaks http/protobuf only`);
  // A path of the signal's own is taken as it is.
  if (!own) url.pathname = `${url.pathname.replace(/\/(v1\/(logs|metrics)\/?)?$/, '')}/v1/${signal}`;
  return url.href;
}

/** Headers may be tokens: what others say is told without them. */
function withoutSecrets(text: string): string {
  const pairs = Object.entries(process.env).filter(([name]) => /^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/.test(name));
  const values = pairs.flatMap(([, list]) => (list ?? '').split(',').map((pair) => pair.replace(/^[^=]*=/, '').trim()));
  return values
    .flatMap((value) => [value, safelyDecoded(value), ...value.split(/\s+|%20/)])
    .filter((value) => value.length > 3)
    .reduce((told, value) => told.replaceAll(value, '...'), text);
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

interface Told {
  readonly request: http.ClientRequest & { readonly agent?: http.Agent };
  readonly response?: http.IncomingMessage;
  readonly error?: NodeJS.ErrnoException;
}

export class Transport {
  /** Where requests go, as it may be told. */
  readonly place: string;
  /** Milliseconds for a request, with all that is tried for it. */
  readonly timeout: number;
  /** When the collector wants to be asked again, on the clock of performance.now(); 0: at any time. */
  notBefore = 0;
  readonly #attempt: (problem: string) => void;
  readonly #delegate: ReturnType<typeof sdk.createOtlpHttpExportDelegate<Request, object>>;
  readonly #listeners: Readonly<Record<string, (told: unknown) => void>>;
  #agent: http.Agent | null = null;
  #closed = false;
  /** Of the attempt that is under way. */
  #begun = 0;
  #rejected = 0;
  #message = '';

  /**
   * @param attempt hears of each attempt what was wrong with it, '' for nothing
   * @param warn hears what the SDK has to say of its settings
   * @throws UsageError
   */
  constructor(
    signal: Signal,
    base: string | undefined,
    attempt: (problem: string) => void,
    warn: (problem: string) => void,
  ) {
    const url = endpointOf(signal, base);
    const { origin, pathname } = new URL(url);
    this.place = `${origin}${pathname}`;
    this.#attempt = attempt;
    const silent = () => {};
    const quiet = { error: silent, info: silent, debug: silent, verbose: silent };
    const told = (text: string) => warn(withoutSecrets(text));
    sdk.diag.setLogger({ ...quiet, warn: told }, { suppressOverrideMessage: true });
    const type = { 'Content-Type': 'application/x-protobuf' };
    const options = sdk.convertLegacyHttpOptions({ url }, signal.toUpperCase(), `v1/${signal}`, type);
    this.timeout = options.timeoutMillis;
    const serializer = signal === 'logs' ? sdk.ProtobufLogsSerializer : sdk.ProtobufMetricsSerializer;
    this.#delegate = sdk.createOtlpHttpExportDelegate<Request, object>(
      {
        ...options,
        agentFactory: async (protocol) => {
          const agent = (await options.agentFactory(protocol)) as https.Agent;
          this.#agent = agent;
          return agent;
        },
        headers: async () => {
          if (this.#closed) throw new Error('closed');
          return options.headers();
        },
        userAgent: 'itertop',
      },
      {
        serializeRequest: ({ bytes }) => bytes,
        deserializeResponse: (bytes) => this.#read(serializer.deserializeResponse(bytes)),
      },
      `otlp_http_${signal === 'logs' ? 'log' : 'metric'}_exporter`,
      { name: signal === 'logs' ? 'log' : 'metric_data_point', countItems: ({ count }) => count },
      undefined,
    );
    // The SDK keeps to itself how single attempts end.
    this.#listeners = {
      'http.client.request.start': this.#own(() => {
        this.#begun = performance.now();
      }),
      'http.client.request.error': this.#own(({ error }) => this.#attempt(this.#wrong(error!))),
      'http.client.response.finish': this.#own(({ response }) => this.#attempt(this.#answered(response!))),
    };
    for (const [name, listener] of Object.entries(this.#listeners)) diagnostics.subscribe(name, listener);
  }

  /** Resolves when it was taken, refused or given up for now. */
  send(request: Request): Promise<Answer> {
    this.#rejected = 0;
    this.#message = '';
    return new Promise((resolve) => {
      this.#delegate.export(request, ({ code, error }) => {
        const taken = code === 0;
        // Then the SDK has let go of the request, of which the channels hear later.
        if (error?.message === 'Request timed out') this.#attempt('does not answer');
        // Only a status is a number: the collector has seen it.
        const again = !taken && typeof (error as { code?: unknown } | undefined)?.code !== 'number';
        resolve({ taken, again, rejected: this.#rejected, message: withoutSecrets(sanitize(this.#message)) });
      });
    });
  }

  /** What is under way is given up. */
  close(): void {
    this.#closed = true;
    for (const [name, listener] of Object.entries(this.#listeners)) diagnostics.unsubscribe(name, listener);
    this.#agent?.destroy();
  }

  #own(listen: (told: Told) => void): (told: unknown) => void {
    return (told) => {
      if (this.#agent && (told as Told).request.agent === this.#agent) listen(told as Told);
    };
  }

  #read(response: unknown): object {
    const { partialSuccess = {} } = response as {
      partialSuccess?: { rejectedLogRecords?: number; rejectedDataPoints?: number; errorMessage?: string };
    };
    this.#rejected = partialSuccess.rejectedLogRecords ?? partialSuccess.rejectedDataPoints ?? 0;
    this.#message = partialSuccess.errorMessage ?? '';
    return {};
  }

  #answered({ statusCode = 0, headers }: http.IncomingMessage): string {
    if (statusCode < 300) return '';
    const asked = headers['retry-after'];
    const seconds = asked === undefined ? Number.NaN : Number(asked);
    const wait = Number.isNaN(seconds) ? Date.parse(asked ?? '') - Date.now() : seconds * 1000;
    if (wait > 0) this.notBefore = performance.now() + Math.min(wait, LONGEST);
    const asks = wait > 0 ? `, and asks to wait ${Math.ceil(wait / 1000)} s` : '';
    const what = `answers ${statusCode} ${http.STATUS_CODES[statusCode] ?? ''}`.trimEnd();
    return what + asks + (HINTS[statusCode] ?? '');
  }

  #wrong({ code = '', message }: NodeJS.ErrnoException): string {
    if (code === 'ECONNRESET' && performance.now() - this.#begun > this.timeout * 0.9) return 'does not answer';
    if (code.startsWith('HPE_')) return 'does not speak HTTP (port 4317 is for gRPC, http/protobuf is usually at 4318)';
    if (/CERT|SELF_SIGNED|VERIFY|^ERR_TLS/.test(code))
      return `has a certificate that is not trusted (${code}); OTEL_EXPORTER_OTLP_CERTIFICATE names the file of its authority`;
    return WRONG[code] ?? `cannot be reached (${code || withoutSecrets(sanitize(message))})`;
  }
}

/** So long is waited at most, whatever a collector asks for: milliseconds. */
const LONGEST = 300_000;

const HINTS: Readonly<Record<number, string>> = {
  401: ' (OTEL_EXPORTER_OTLP_HEADERS takes tokens)',
  403: ' (OTEL_EXPORTER_OTLP_HEADERS takes tokens)',
  404: ' (is that the path?)',
  413: ': requests of 512 KiB are too large for it',
};

const WRONG: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'closes the connection',
  EPIPE: 'closes the connection',
  ENOTFOUND: 'has a name that is not known',
  EAI_AGAIN: 'has a name that cannot be looked up now',
  ENETUNREACH: 'cannot be reached: no route',
  EHOSTUNREACH: 'cannot be reached: no route',
  ETIMEDOUT: 'does not answer',
};
