import { z } from 'zod';

export const longestNotes = 1_000;

/** Free text for people: stored as data and never interpreted. */
export const notesSchema = z.string().max(longestNotes).nullable();
