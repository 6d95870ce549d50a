/** The other thread's entry in what is built. */
import { load } from './bundle.ts';

await load('reader');
