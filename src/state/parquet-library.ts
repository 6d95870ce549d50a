/** What is used of hyparquet-writer. */
export { ByteWriter, ParquetWriter } from 'hyparquet-writer';
