/**
 * How an imported line is known again. What carries a key or an external id of its own is known by it; everything else by its
 * content, hashed under the API key: without that key nobody can test guesses at personal text against ids in the log.
 */
import { createHmac } from "node:crypto";
import { canonicalText } from "../../canonical/canonical-json.ts";
import type { PromiseId } from "../../domain/values.ts";
import type { CommandLine } from "../../importing/items.ts";
import { derivedId } from "../../ledger/ids.ts";

export type Identity = {
  /** 43 visible ASCII characters that the same text always gives, to whoever has the same API key. */
  hashOf(text: string): string;
  promiseIdOf(text: string): PromiseId;
  identified(line: CommandLine): { line: CommandLine; isByContent: boolean };
};

export function identityUnder(apiKey: string): Identity {
  const hashOf = (text: string): string => createHmac("sha256", apiKey).update(text).digest("base64url");
  return {
    hashOf,
    promiseIdOf: (text) => derivedId<PromiseId>("prm", "import", hashOf(text)),
    identified(line) {
      const { command, params = {}, body = {} } = line;
      const isKnown = line.idempotencyKey !== undefined || (body["externalId"] !== undefined && body["source"] !== undefined);
      if (isKnown) return { line, isByContent: false };
      return { line: { ...line, idempotencyKey: hashOf(contentOf({ command, params, body })) }, isByContent: true };
    },
  };
}

/** Text that has no canonical form is refused where it arrives; here it only needs a name. */
function contentOf(value: object): string {
  try {
    return canonicalText(value);
  } catch {
    return JSON.stringify(value);
  }
}
