/** Queries that DuckDB answers, as JSON: 64-bit integers are texts of digits. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export async function openDuckDb(): Promise<(sql: string) => Promise<Record<string, unknown>[]>> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection: DuckDBConnection = await instance.connect();
  await connection.run("set timezone = 'UTC'");
  return async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
}

/** A path as a literal. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
