/**
 * The command line's own API key, for imports into a folder that no server holds: they pass the same API as every other caller,
 * and the log says what recorded them. Its secret is derived from the ledger's id key and kept nowhere, so whoever may read the
 * keys folder has it and nobody else, and a second import is known to come from the caller of the first.
 */
import { randomUUID } from "node:crypto";
import { secretHash, secretText } from "../commands/administration.ts";
import { key, type KeyScope } from "../domain/key.ts";
import type { KeyId, Slug } from "../domain/values.ts";
import { derivedId } from "../ledger/ids.ts";
import type { OpenLedger } from "./ledger-folder.ts";

const id = derivedId<KeyId>("key", "command-line");
const scopes: KeyScope[] = ["record", "arbitrate"];
/** Never asked of the vault for anything else: texts of requests are JSON, those of external ids hold a line feed. */
const purpose = "the secret of the command line's own key";

/** The command line's key was revoked. */
export class CommandLineKeyRevokedError extends Error {
  constructor() {
    super(`the command line's own key ${id} was revoked; import through a running server with another key`);
    this.name = "CommandLineKeyRevokedError";
  }
}

/** Issues the key where there is none yet. @returns its text, as callers of the API send it. @throws CommandLineKeyRevokedError */
export async function commandLineKey({ desk: { ledger } }: OpenLedger): Promise<string> {
  const secret = Buffer.from(ledger.fingerprint(purpose), "hex");
  const { state } = await ledger.load(key, `key-${id}`);
  if (state.status === "revoked") throw new CommandLineKeyRevokedError();
  if (state.status === "none") {
    const command = {
      type: "IssueKey" as const,
      label: "command-line" as Slug,
      scopes,
      secretHash: secretHash(secret),
      at: ledger.now(),
    };
    const actor = { kind: "system", id: "command-line" } as const;
    await ledger.handle(key, `key-${id}`, command, { actor, correlation: randomUUID() });
  }
  return secretText(id, secret);
}
