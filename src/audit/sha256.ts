/** The one hash of the audit log. A browser build puts a synchronous SHA-256 of its own in place of this module. */
import { hash } from "node:crypto";

/** SHA-256 of the bytes: 32 bytes in an array of their own, which may be kept. The input may be reused at once. */
export const sha256 = (bytes: Uint8Array): Uint8Array => hash("sha256", bytes, "buffer");
