/** What the log says of a witness that saw one of its heads, checked against the witness's own signature. */
import { hashFromBase64 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { noteOf, openNote } from "./signed-note.ts";
import { isSize } from "./sizes.ts";
import { type Cosignature, treeHeadText } from "./tree-head.ts";
import { formatVerifierKey, isKeyName, type VerifierKey } from "./verifier-key.ts";

/** `data` of the event TreeHeadAnchored: the root in base64, the witness's verifier key, its line of signature without the LF. */
export type Anchor = {
  origin: string;
  size: number;
  root: string;
  witness: string;
  cosignedAt: string;
  cosignature: string;
};

/**
 * The cosignature that an event holds. Whether the log bears out the head is for the caller to check.
 *
 * @param witnesses those that are trusted.
 * @throws AuditError bad-anchor where the event says what was not signed; no-trusted-signature for a witness that is not trusted;
 * bad-signature; malformed-note.
 */
export async function verifyAnchor(anchor: Anchor, witnesses: readonly VerifierKey[]): Promise<Cosignature> {
  const { origin, size, witness, cosignedAt, cosignature } = anchor;
  const root = hashFromBase64(anchor.root);
  if (!isKeyName(origin) || !isSize(size) || !root) throw new AuditError("bad-anchor", "it names no tree head");
  const trusted = witnesses.filter((key) => formatVerifierKey(key) === witness);
  const text = treeHeadText({ origin, size, root });
  const { text: signed, signatures } = await openNote(noteOf(text, [`${cosignature}\n`]), trusted);
  const [{ key, line, time } = {}] = signatures;
  if (signed !== text || key === undefined || line === undefined || time === undefined)
    throw new AuditError("bad-anchor", "it is no cosignature of this tree head");
  if (instantOf(time) !== cosignedAt) throw new AuditError("bad-anchor", "it names another time than was cosigned");
  return { key, line, time };
}

/** @param time whole seconds since 1970. Undefined past the year 9999, which no event can name. */
export const instantOf = (time: number): string | undefined =>
  time <= secondsMax ? new Date(time * 1000).toISOString() : undefined;

const secondsMax = 253_402_300_799;
