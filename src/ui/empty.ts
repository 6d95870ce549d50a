/** Why the table has no rows, and the key that brings them back. */
import { comparing } from '../state/comparing.ts';
import { onlyMarks } from '../state/marking.ts';
import { formatSearch } from '../state/search.ts';
import type { SessionState } from '../state/session.ts';
import { counted } from '../templates/counted.ts';
import { missingHosts } from './hosts-text.ts';
import { keyOf } from './keymap.ts';

/** Characters of why a host does not answer. */
const WHOLE = 300;

/** Name of the template's switch that hides them. */
export const KERNEL_THREADS = 'kthreads';

/** What rows have to fulfil, as it was asked. */
function passing({ where, filterTexts }: SessionState): string {
  return [...Object.entries(filterTexts).map(([name, text]) => `${name} ${text}`), ...(where ? [where] : [])].join(
    ', ',
  );
}

/** '' where there are rows. */
export function whyEmpty(state: SessionState): string {
  const { view, template, search, where, filterTexts, switches, error } = state;
  if (view && view.count > 0) return '';
  if (!view && state.about?.nothing) return state.about.nothing;
  if (!view) return error === '' ? `reading ${template} ...` : `error: ${error}`;
  if (onlyMarks(state) && view.total > 0) {
    return `None of the marked rows is among ${counted(view.total, 'row')}: ${keyOf('onlyMarked', 'table')} shows all.`;
  }
  const missing = missingHosts(view.hosts ?? [], WHOLE);
  if (missing.length > 0 && missing.length === view.hosts?.length) return `No host answers. ${missing.join('. ')}`;
  const kept = comparing(state);
  if (kept?.shown && view.total > 0 && (!search || view.grouped)) {
    return `Nothing has come, gone or changed since ${kept.label}: ${keyOf('compare', 'table')} shows all ${view.grouped ? 'groups' : counted(view.total, 'row')}.`;
  }
  if (search && view.total > 0) {
    return `None of ${counted(view.total, 'row')} matches the search ${formatSearch(search)}: ${keyOf('back', 'table')} drops it.`;
  }
  // What a row leads to may just not be there.
  const asked = passing(state);
  const before = state.trail.at(-1);
  if (asked !== '' && state.about?.row) return `${state.about.row} has none: no ${template} with ${asked}.`;
  if (asked !== '' && before)
    return `No ${template} with ${asked}: ${keyOf('back', 'table')} goes back to ${before.row || before.template}.`;
  const filters = Object.entries(filterTexts).map(([name, text]) => `${name} ${text}`);
  if (filters.length > 0 && where !== '') {
    const [filtered, typed] = [keyOf('filter', 'table'), keyOf('where', 'table')];
    return `No ${template} passes the filter ${filters.join(', ')} (${filtered} changes it) and fulfils ${where} (${typed}).`;
  }
  if (filters.length > 0) {
    return `No ${template} passes the filter ${filters.join(', ')}: ${keyOf('filter', 'table')} changes it.`;
  }
  if (where !== '') return `No ${template} fulfils ${where}: ${keyOf('where', 'table')} changes it.`;
  const hidden = (state.templates.get(template)?.switches ?? []).filter(({ name }) => !switches[name]);
  const key = hidden.some(({ name }) => name === KERNEL_THREADS) ? ` (${keyOf('kernelThreads', 'table')})` : '';
  const also = hidden.length > 0 ? ` Hidden: ${hidden.map(({ help }) => help).join(', ')}${key}.` : '';
  return `${view.hosts ? 'No host has any' : 'The kernel has no'} ${template} to show now.${also}`;
}
