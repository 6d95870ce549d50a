/** What is derived from columns that are not there is not there either, and has their reason. */
import { isConstant, parseDerive } from './columns.ts';
import { deriveFunction } from './derive.ts';
import { columnOf, type Template } from './template.ts';

/** @param reasonOf why a column is not there, '' where it is @returns the same of a derived one, with the column it is for */
export function derivedReason(
  template: Template,
  name: string,
  derive: string,
  reasonOf: (name: string) => string,
): string {
  const { name: of, args } = parseDerive(template, name, derive);
  const columns = args.filter((arg) => !isConstant(arg));
  const gone = columns.map((arg) => [arg, reasonOf(arg)] as const).filter(([, reason]) => reason !== '');
  const enough = deriveFunction(of)?.some ? gone.length < columns.length : gone.length === 0;
  return enough ? '' : `${gone[0]![0]}: ${gone[0]![1]}`;
}

/** Adds those of `names` that are derived from what is absent. */
export function addDerived(template: Template, names: readonly string[], absent: Map<string, string>): void {
  if (absent.size === 0) return;
  const found = new Map<string, string>();
  const reasonOf = (name: string): string => {
    const known = absent.get(name) ?? found.get(name);
    if (known !== undefined) return known;
    const derive = columnOf(template, name)?.derive;
    const reason = derive === undefined ? '' : derivedReason(template, name, derive, reasonOf);
    found.set(name, reason);
    return reason;
  };
  for (const name of names) reasonOf(name);
  for (const [name, reason] of found) if (reason !== '') absent.set(name, reason);
}
