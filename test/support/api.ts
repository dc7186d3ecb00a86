/** The API on a ledger in memory: given facts, when a request, then a status and the events that it added. */
import type { FastifyInstance, InjectOptions } from "fastify";
import { expect } from "vitest";
import { buildApp } from "../../src/api/app.ts";
import type { ApiDeps, Limits } from "../../src/api/deps.ts";
import { issueKeyFor } from "../../src/commands/administration.ts";
import { commands } from "../../src/commands/registry.ts";
import type { KeyScope } from "../../src/domain/key.ts";
import type { PartyId, Slug } from "../../src/domain/values.ts";
import { queries } from "../../src/queries/registry.ts";
import { type TestLedger, testLedger } from "./ledger.ts";

export const account = "acc_0000000000000001";
export const otherAccount = "acc_0000000000000002";
/** Of ours. */
export const novak = "per_0000000000000001";
/** At the account. */
export const berg = "per_0000000000000002";
export const unknownAccount = "acc_9999999999999999";
export const now = "2026-02-01T09:00:00.000Z";

export const visit = {
  account,
  kind: "visit",
  purpose: "relationship",
  direction: "outbound",
  startedAt: "2026-01-30T10:00:00.000Z",
  minutes: 60,
};
export const call = {
  account,
  promisor: novak,
  promisee: berg,
  kind: "call",
  terms: { type: "once", dueAt: "2026-03-01T00:00:00.000Z" },
};

export type Sent = Omit<InjectOptions, "method" | "url"> & {
  /** Its secret; an admin's where absent, none where null. */
  key?: string | null;
  body?: unknown;
};

export type Answered = {
  status: number;
  headers: Record<string, string>;
  text: string;
  // Specs read whatever member they are about.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
  /** Types of the events that were added, in order. */
  added: string[];
};

export type TestApi = {
  app: FastifyInstance;
  ledger: TestLedger;
  /** The secret of a key with every scope. */
  admin: string;
  /** What was logged, as parsed lines. */
  lines: Record<string, unknown>[];
  newKey(scopes: KeyScope[], party?: string): Promise<{ id: string; secret: string }>;
  when(method: string, url: string, sent?: Sent): Promise<Answered>;
  /** @throws unless the request is refused so, as problem details, and no event was added. */
  refused(status: number, code: string, method: string, url: string, sent?: Sent): Promise<Answered>;
  /** Listens on a port of this machine, and gives the URL. */
  listen(): Promise<string>;
  close(): Promise<void>;
};

export const everyScope: KeyScope[] = ["record", "read", "personal", "arbitrate", "audit", "admin"];

export type TestApiOptions = {
  limits?: Partial<Limits>;
  deps?: Partial<ApiDeps>;
  ledger?: TestLedger;
  /** Without any facts but an admin key. */
  empty?: boolean;
};

export async function testApi({ limits, deps, ledger = testLedger(now), empty = false }: TestApiOptions = {}): Promise<TestApi> {
  const lines: Record<string, unknown>[] = [];
  const { desk, readingDesk, host, store, vault, census } = ledger;
  const app = buildApp({
    desk,
    readingDesk,
    host,
    store,
    log: store.log,
    vault,
    census,
    commands,
    queries,
    version: "0.0.0",
    logger: { level: "info", stream: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) } },
    // Specs share a small machine with each other; what they block is no overload.
    limits: { eventLoopDelayMsMax: 0, ...limits },
    processMetrics: false,
    ...deps,
  });
  const newKey = async (scopes: KeyScope[], party?: string) => {
    const made = await issueKeyFor(
      desk,
      { label: "test" as Slug, scopes, party: party as PartyId | undefined },
      { kind: "system", id: "command-line" },
    );
    return { id: made.id, secret: made.secret };
  };
  const { secret: admin } = await newKey(everyScope);
  if (!empty) await givenAccount(ledger);

  const when = async (method: string, url: string, { key = admin, body, ...inject }: Sent = {}): Promise<Answered> => {
    const before = store.log.head();
    const headers = { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...inject.headers };
    const payload = body === undefined ? inject.payload : (body as object);
    const response = await app.inject({ ...inject, method: method as "GET", url, headers, payload });
    const added = store.log.readAll(before, 1_000).map(({ leaf }) => typeOf(leaf));
    const isJson =
      String(response.headers["content-type"]).includes("json") && !String(response.headers["content-type"]).includes("ndjson");
    return {
      status: response.statusCode,
      headers: response.headers as Record<string, string>,
      text: response.body,
      json: isJson && response.body !== "" ? JSON.parse(response.body) : undefined,
      added,
    };
  };

  return {
    app,
    ledger,
    admin,
    lines,
    newKey,
    when,
    async refused(status, code, method, url, sent) {
      const answered = await when(method, url, sent);
      expect({ status: answered.status, code: answered.json?.code, added: answered.added }).toEqual({ status, code, added: [] });
      expect(answered.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
      return answered;
    },
    listen: () => app.listen({ port: 0, host: "127.0.0.1" }),
    async close() {
      await app.close();
      await host.close();
      await store.close();
    },
  };
}

const typeOf = (leaf: Uint8Array): string => (JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string }).type;

/** An account with somebody of ours and somebody of its own, and another account. */
export async function givenAccount({ run }: TestLedger): Promise<void> {
  await run("open-account", { id: account, name: "Harbour Freight Lines", timeZone: "Europe/Berlin" });
  await run("open-account", { id: otherAccount });
  await run("add-person", { id: novak, team: "north" });
  await run("add-person", { id: berg, account, name: "M. Berg" });
}

/** The fields that a refusal names. */
export const fieldsOf = ({ json }: Answered): string[] => ((json?.errors ?? []) as { field: string }[]).map(({ field }) => field);
