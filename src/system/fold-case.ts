/** Names that SQLite takes for one another are equal in this form: it knows no case but that of ASCII. */
export const foldCase = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
