/** What a log says, apart from all that differs between two runs: random ids, instants of recording, salts. */
import { createHash } from "node:crypto";
import { decodeAll } from "../../src/ledger/envelope.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";

export type Facts = { count: number; digest: string };

/** Of the interactions recorded after a position: how many, and a digest of what they say, in no particular order. */
export function interactionsAfter(logPath: string, position: number): Facts {
  const log = openSqliteLog(logPath);
  const lines: string[] = [];
  for (let after = position, head = log.head(); after < head; after += 1_000)
    for (const { type, account, occurredAt, data, sealed } of decodeAll(log.readAll(after, 1_000)))
      if (type === "InteractionRecorded")
        lines.push(JSON.stringify([account, occurredAt, data, sealed.map(({ subject, field }) => [subject, field])]));
  log.close();
  return { count: lines.length, digest: digestOf(lines.sort()) };
}

export function digestOf(lines: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest("hex").slice(0, 16);
}
