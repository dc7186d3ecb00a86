/** What was thrown, as it goes from one thread to another: a thread can throw anything, and an error loses its class on the way. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
