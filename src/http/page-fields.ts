import { z } from 'zod';

/** Digits alone: no sign, no exponent, no hexadecimal. */
const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'Expected a whole number')
  .transform(Number);

/** What a query says of the part of a list that is wanted. */
export const pageFields = {
  limit: wholeNumber.pipe(z.int().min(1).max(500)).default(50),
  offset: wholeNumber.default(0),
};
