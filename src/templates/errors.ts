/** What was read is not what the program writes: a defect, said with what is needed to find it. */
export class BadRecordError extends Error {
  override readonly name = 'BadRecordError';
  constructor(at: number, length: number, used: number) {
    super(
      `no record starts at byte ${at} of the ${used} that were read (length ${length}): the batch is dropped. ` +
        'If the next refresh says so again, please report it with the output of `itertop templates NAME --plan`.',
    );
  }
}
