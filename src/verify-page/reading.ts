/** What people paste and drop, brought into the form that is checked. What comes out decides nothing: hashes and signatures do. */
import { textOf, utf8 } from "../audit/encoding.ts";
import { parsePolicy, type Policy } from "../audit/policy.ts";
import { canonicalText } from "../canonical/canonical-json.ts";

/** Lines as the formats have them, whatever the clipboard made of their ends. */
export const linesOf = (text: string): string => `${text.replaceAll("\r\n", "\n").trim()}\n`;

/** A key alone is trusted as the log's, with no witness; a policy (C2SP tlog-policy) as it stands. @throws AuditError */
export function policyIn(text: string): Policy {
  const lines = linesOf(text);
  return parsePolicy(/^(log|witness|group|quorum|#)/m.test(lines) ? lines : `log ${lines.trim()}\nquorum none\n`);
}

/** An event as people hand it out. */
export type GivenEvent = { leaf: Uint8Array; text: string; envelope: Envelope | undefined };

/** Of an event, as far as it is shown. Nothing of it is believed before its leaf is proved. */
export type Envelope = {
  id?: string;
  type?: string;
  stream?: string;
  occurredAt?: string;
  recordedAt?: string;
  account?: string;
  actor?: { kind?: string; id?: string; onBehalfOf?: string };
  data?: Record<string, unknown>;
  sealed?: { subject?: string; field?: string }[];
};

/**
 * The leaf itself, or the event as the API answers with it: that is the leaf with its place in the log, and with opened text where
 * that was asked for, neither of which was hashed.
 */
export function eventIn(text: string): GivenEvent {
  const given = text.trim();
  const value = parsed(given);
  if (value === undefined) return { leaf: utf8(given), text: given, envelope: undefined };
  const { position, opened, ...envelope } = value;
  const leaf = position === undefined && opened === undefined ? given : canonicalText(envelope);
  return { leaf: utf8(leaf), text: leaf, envelope };
}

function parsed(text: string): (Envelope & { position?: unknown; opened?: unknown }) | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export type GivenKind = "receipt" | "event" | "key" | "unknown";

/** What a file is, by its first characters. */
export function kindOf(text: string): GivenKind {
  const start = text.trimStart();
  if (start.startsWith("c2sp.org/tlog-proof@")) return "receipt";
  if (start.startsWith("{")) return "event";
  if (/^(#|log |witness |[^\s+]+\+[0-9a-f]{8}\+)/.test(start)) return "key";
  return "unknown";
}

/** Whether a file begins as the archive of a bundle does (POSIX ustar). */
export const isArchive = (start: Uint8Array): boolean => textOf(start.subarray(257, 262)) === "ustar";
