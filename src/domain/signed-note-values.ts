/** Keys and signatures of tree heads as events hold them, in the forms of C2SP signed-note. What they prove is the audit log's business. */
import { z } from "zod";

/** What a log is called, for ever: the name of its key. */
export const logOrigin = z
  .string()
  .max(200)
  .regex(/^[^\s+\x00-\x1f]+$/, "must be the name of a key: no spaces, no plus sign");

/** A public key, `name+id+base64`. */
export const verifierKey = z
  .string()
  .max(400)
  .regex(
    /^[^\s+\x00-\x1f]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/,
    "must be a verifier key: name, id and base64, joined by plus signs",
  );

/** One line of signature, `— name base64`, without its line feed. */
export const signatureLine = z
  .string()
  .max(500)
  .regex(/^— [^\s+\x00-\x1f]+ [A-Za-z0-9+/]+={0,2}$/, "must be a line of signature of a signed note");
