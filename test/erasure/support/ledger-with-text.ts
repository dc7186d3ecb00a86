/** A ledger in a folder with text of two people in it, and all that could be found of the first one's on a disk. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { KeyScope } from "../../../src/domain/key.ts";
import { keyScope } from "../../../src/domain/key.ts";
import type { Acknowledged, Caller } from "../../../src/commands/command.ts";
import { commandNamed } from "../../../src/commands/registry.ts";
import { initLedger, type OpenLedger } from "../../../src/composition/ledger-folder.ts";
import { openSqliteLog } from "../../../src/event-store/sqlite/sqlite-log.ts";
import { decodeAll, type LedgerEvent } from "../../../src/ledger/envelope.ts";
import type { Needle } from "../../support/bytes.ts";

export const account = "acc_0000000000000001";
export const rep = "per_0000000000000001";
export const anna = "per_0000000000000002";
export const ben = "per_0000000000000003";

export const keysOf = (data: string): string => `${data}.keys`;
export const filesOf = (data: string): string[] => [data, keysOf(data)];

const caller: Caller = { key: "key_0000000000000000" as never, scopes: keyScope.options as KeyScope[] };

export function run(desk: OpenLedger["desk"], name: string, body: object, params: object = {}): Promise<Acknowledged> {
  const command = commandNamed(name)!;
  return command.run(desk, { params: command.params.parse(params), body: command.body.parse(body), caller, correlation: "test" });
}

/** @param visitCount visits, each with a note about Anna or, every other one, about Ben. @returns an admin key's secret. */
export async function ledgerWithText(data: string, visitCount: number): Promise<string> {
  const { ledger, secret } = await initLedger({ folder: data, name: "main", adminScopes: keyScope.options });
  const record = (name: string, body: object) => run(ledger.desk, name, body);
  await record("open-account", { id: account, name: "Harbour Freight Lines" });
  await record("add-person", { id: rep, name: "R. Novak" });
  await record("add-person", { id: anna, account, name: "Anna Amsel", email: "a.amsel@example.com", note: "x".repeat(4_000) });
  await record("add-person", { id: ben, account, name: "Ben Berg" });
  await record("make-promise", {
    id: "prm_0000000000000001",
    account,
    promisor: rep,
    promisee: anna,
    text: "I come by every week.",
    terms: { type: "once", dueAt: "2026-01-09T00:00:00.000Z" },
    matcher: { kinds: ["visit"] },
    at: "2026-01-01T00:00:00.000Z",
  });
  for (let from = 0; from < visitCount; from += 200)
    await Promise.all(
      Array.from({ length: Math.min(200, visitCount - from) }, (_, index) => record("record-interaction", visit(from + index))),
    );
  await ledger.close();
  return secret;
}

export function visit(number: number) {
  const startedAt = new Date(Date.UTC(2026, 0, 2) + number * 60_000).toISOString();
  const note = `Visit ${number}. ${"We talked. ".repeat(number % 40)}`;
  return {
    ...{ account, kind: "visit", purpose: "relationship", direction: "outbound", startedAt, minutes: 1, source: "calendar" },
    participants: [rep, anna],
    // The external id is sealed for Anna, who took part, so every other event holds text of both.
    externalId: `visit-${number}`,
    note: number % 2 === 0 ? note : { text: note, subject: ben },
  };
}

export function eventsIn(data: string): LedgerEvent[] {
  const log = openSqliteLog(join(data, "ledger.db"));
  const events = decodeAll(log.readAll(0, 1_000_000));
  log.close();
  return events;
}

/** A long text lies on several pages, so it is looked for in pieces. */
const piecesOf = (text: string): string[] =>
  Array.from({ length: Math.ceil(text.length / 700) }, (_, index) => text.slice(index * 700, index * 700 + 60));

/** What of a subject's text lies on the disk: pieces of each ciphertext, and the wrapped key. */
export function tracesOf(data: string, subject: string): Needle[] {
  const ciphertexts = eventsIn(data).flatMap(({ sealed, ciphertext }) => {
    const entries = JSON.parse(ciphertext ?? "[]") as ({ c: string } | null)[];
    return sealed.flatMap((one, index) => (one.subject === subject ? piecesOf(entries[index]?.c ?? "") : []));
  });
  const vault = new DatabaseSync(join(data, "vault.db"), { readOnly: true });
  const keys = vault.prepare("SELECT wrapped FROM data_keys WHERE subject = ?").all(subject) as { wrapped: Uint8Array }[];
  vault.close();
  return [...keys.map(({ wrapped }) => wrapped), ...ciphertexts];
}
