export function buildHarness(outfile: string): Promise<unknown>;
