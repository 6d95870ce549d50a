import type { Plugin } from 'esbuild';

export declare const NARROW: string;
export declare const lazyMeasuring: Plugin;
