/** Rows to an OpenTelemetry collector: as log records, or, where they are grouped, as gauges. */
import fs from 'node:fs';
import os from 'node:os';
import { UsageError } from '../templates/template.ts';
import { type Delivered, Delivery } from './otlp-delivery.ts';
import { gaugesOf } from './otlp-gauges.ts';
import { type Attributes, Records } from './otlp-records.ts';
import { sdk } from './otlp-transport.ts';
import type { Snapshot } from './snapshot.ts';

export interface OtlpOptions {
  /** The collector, as typed; undefined: as the environment says. */
  readonly url: string | undefined;
  /** More groups are refused. */
  readonly maxGroups: number;
  /** Of itertop. */
  readonly version: string;
}

/** Something was not delivered; `message` says how much and why. */
class LostError extends Error {}

export class Otlp {
  readonly #delivery: Delivery;
  /** By where rows are from. */
  readonly #hosts = new Map<string, { readonly resource: Attributes; readonly records: Records }>();
  readonly #shown: readonly string[];
  readonly #changes: boolean;
  readonly #finite: boolean;
  readonly #maxGroups: number;
  readonly #scope: { readonly name: string; readonly version: string };
  readonly #say: (text: string) => void;
  #first = true;

  /**
   * @param options `shown`: columns of a record's line; `finite`: it ends by itself, and what is not delivered is an error
   * @throws UsageError
   */
  constructor(options: {
    readonly otlp: OtlpOptions;
    readonly grouped: boolean;
    readonly changes: boolean;
    readonly shown: readonly string[];
    readonly finite: boolean;
    readonly say: (text: string) => void;
    readonly signal: AbortSignal | undefined;
  }) {
    const { otlp, grouped, finite, say, signal } = options;
    this.#say = (text) => say(`otlp: ${text}`);
    this.#delivery = new Delivery(grouped ? 'metrics' : 'logs', otlp.url, finite, this.#say, signal);
    this.#shown = options.changes ? ['change', ...options.shown, 'changed'] : options.shown;
    this.#changes = options.changes;
    this.#finite = finite;
    this.#maxGroups = otlp.maxGroups;
    this.#scope = { name: 'itertop', version: otlp.version };
  }

  /** @throws UsageError for too many groups at first, LostError where there is no use in more */
  async take(snapshot: Snapshot): Promise<boolean> {
    if (snapshot.grouped) return this.#gauges(snapshot);
    const requests = this.#of(snapshot).records.requests(snapshot, this.#shown, this.#changes ? 'change' : null);
    let left = snapshot.order.length;
    for (const request of requests) {
      left -= request.count;
      if (await this.#delivery.offer(request)) continue;
      this.#delivery.lose(left);
      return this.#over();
    }
    return true;
  }

  async #gauges(snapshot: Snapshot): Promise<boolean> {
    const first = this.#first;
    this.#first = false;
    try {
      const request = gaugesOf(snapshot, this.#of(snapshot).resource, this.#scope, this.#maxGroups);
      return request.count === 0 || (await this.#delivery.offer(request)) || (await this.#over());
    } catch (error) {
      if (first || !(error instanceof UsageError)) throw error;
      // Later there may be fewer again.
      this.#say(`a refresh is left out: ${(error as Error).message}`);
      this.#delivery.lose(snapshot.order.length);
      return true;
    }
  }

  #of({ host }: Snapshot) {
    const name = host?.host ?? '';
    const known = this.#hosts.get(name);
    if (known) return known;
    const resource = resourceOf(host, this.#scope.version);
    const made = { resource, records: new Records(resource, this.#scope) };
    this.#hosts.set(name, made);
    return made;
  }

  /** Only what ends by itself gives up, and then not all was delivered. */
  async #over(): Promise<never> {
    throw new LostError(`otlp: ${this.#lost(await this.#delivery.end())}`);
  }

  /** Waits for what is on its way. @throws LostError where nothing was delivered, or not all of what ends by itself */
  async end(): Promise<void> {
    const delivered = await this.#delivery.end();
    const { what, transport } = this.#delivery;
    if (delivered.lost === 0) {
      if (process.stderr.isTTY) this.#say(`${delivered.taken} ${what} sent to ${transport.place}`);
      return;
    }
    const words = this.#lost(delivered);
    if (delivered.taken === 0 || this.#finite) throw new LostError(`otlp: ${words}`);
    this.#say(words);
  }

  #lost({ taken, lost, problem }: Delivered): string {
    const { what, transport } = this.#delivery;
    return `${lost} of ${taken + lost} ${what} were not delivered${problem && `: ${transport.place} ${problem}`}`;
  }

  discard(): void {
    this.#delivery.transport.close();
  }
}

/** What all records and gauges are of. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME have the last word. */
function resourceOf(host: Snapshot['host'], version: string): Attributes {
  const id = host ? '' : machineId();
  const own = {
    'service.name': 'itertop',
    'service.version': version,
    'host.name': host?.host ?? os.hostname(),
    ...(id && { 'host.id': id }),
    'os.type': 'linux',
    'os.version': host?.kernel ?? os.release(),
  };
  return { ...own, ...(sdk.envDetector.detect().attributes as Attributes) };
}

/** As the conventions have it for what is not a container's. */
function machineId(): string {
  try {
    return fs.readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
