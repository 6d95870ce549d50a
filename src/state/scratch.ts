/** Memory of a computation that is made again and again: no refresh leaves any behind. */

/**
 * Gives arrays of any length over the same memory, which is made anew only where it is too short. Each is valid until the
 * next one is asked for, and holds whatever is there.
 */
export function scratch<A extends Float64Array | Uint32Array | Int32Array | Uint8Array>(
  make: (length: number) => A,
): (length: number) => A {
  let made = make(0);
  return (length) => {
    if (made.length < length) made = make(length + (length >> 2));
    return made.subarray(0, length) as A;
  };
}
