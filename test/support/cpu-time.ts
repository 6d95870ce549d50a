/** Milliseconds of a CPU that this process has had: however long the machine let it wait. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
