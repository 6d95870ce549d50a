/** The other thread's entry in what is built. */
import { load } from './bpf/bundle.ts';

await load('reader');
