/** What is shipped that others wrote: which packages, under which licences, and as a bill of materials. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import lock from '../package-lock.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The licence's words; '' where the package has none. */
  readonly text: string;
  /** SHA-512 of what the registry has, in hex. */
  readonly hash: string;
}

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
}
const LOCKED = lock.packages as unknown as Readonly<Record<string, Locked>>;

/** @param folder of the package, `node_modules/...` */
function packageAt(folder: string): Package {
  const {
    name = folder.slice(folder.lastIndexOf('node_modules/') + 13),
    version,
    integrity,
    license,
  } = LOCKED[folder]!;
  const at = path.join(ROOT, folder);
  const files = fs.existsSync(at) ? fs.readdirSync(at) : [];
  const texts = files.filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  return {
    name,
    version,
    license: license ?? 'NOASSERTION',
    text: texts.map((file) => fs.readFileSync(path.join(at, file), 'utf8').trim()).join('\n\n'),
    hash: Buffer.from(integrity!.replace(/^sha512-/, ''), 'base64').toString('hex'),
  };
}

/** Those whose code is in the bundles: build.mjs lists them. */
export function bundled(): Package[] {
  const folders = JSON.parse(fs.readFileSync(path.join(ROOT, 'dist/packages.json'), 'utf8')) as string[];
  const all = folders.map(packageAt);
  // One that is installed twice in the same version is one.
  return [...new Map(all.map((each) => [`${each.name}@${each.version}`, each])).values()];
}

export const koffiPackage = () => packageAt('node_modules/koffi');

const RULE = '-'.repeat(80);

/** @param node the licence of Node and of what is in it, where it is shipped along */
export function notices(packages: readonly Package[], node?: string): string {
  const parts = packages.map(
    ({ name, version, license, text }) =>
      `${name} ${version} (${license})\n\n${text || `The package has no text of its licence, ${license}.`}`,
  );
  if (node !== undefined) parts.push(`Node.js ${process.versions.node}\n\n${node.trim()}`);
  return `itertop contains code of others, under these licences.\n\n${parts.map((part) => `${RULE}\n${part}\n`).join('\n')}`;
}

/** Of process.versions: numbers of interfaces, not of components. */
const NO_COMPONENTS = new Set(['node', 'modules', 'napi']);

/** CycloneDX of the executables: the bundled packages, koffi, Node and what Node says that is in it. */
export function billOfMaterials(arches: readonly string[], date: string): string {
  const npm = ({ name, version, license, hash }: Package) => ({
    type: 'library',
    'bom-ref': `pkg:npm/${name.replace('@', '%40')}@${version}`,
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    licenses: [{ license: { id: license } }],
    hashes: [{ alg: 'SHA-512', content: hash }],
  });
  const other = (name: string, version: string, type: string) => ({
    type,
    'bom-ref': `pkg:generic/${name}@${version}`,
    name,
    version,
    purl: `pkg:generic/${name}@${encodeURIComponent(version)}`,
  });
  const own = [
    ...[...bundled(), koffiPackage()].map(npm),
    ...arches.map((arch) => npm(packageAt(`node_modules/@koromix/koffi-linux-${arch}`))),
  ];
  const node = { ...other('node', process.versions.node, 'platform'), licenses: [{ license: { id: 'MIT' } }] };
  const parts = Object.entries(process.versions).flatMap(([name, version]) =>
    NO_COMPONENTS.has(name) || !version ? [] : [other(name, version, 'library')],
  );
  const ref = `pkg:npm/${packageJson.name}@${packageJson.version}`;
  const { name, version, description, license } = packageJson;
  const content = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: `${date}T00:00:00Z`,
      component: {
        ...{ type: 'application', 'bom-ref': ref, name, version, description, purl: ref },
        licenses: [{ license: { id: license } }],
      },
    },
    components: [...own, node, ...parts],
    dependencies: [
      { ref, dependsOn: [...own, node].map((each) => each['bom-ref']) },
      { ref: node['bom-ref'], dependsOn: parts.map((each) => each['bom-ref']) },
    ],
  };
  // The same content has the same number.
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  const { bomFormat, specVersion, ...rest } = content;
  return `${JSON.stringify({ bomFormat, specVersion, serialNumber: `urn:uuid:${uuid}`, ...rest }, null, 2)}\n`;
}
