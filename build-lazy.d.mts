import type { Plugin } from 'esbuild';

export declare const NARROW: string;
export declare const lazyMeasuring: Plugin;
export declare function required(code: string): string;
